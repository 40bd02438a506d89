"""Which tokens may follow added tokens: beginnings of encodings, and they alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.witness import Witnesses
from tokkit.text.spec import AddedToken, SplitRule, TokenizerSpec, TokenKind
from tokkit.text.stretches import Stretch, StretchCutter
from tokkit.text.tokenizer import TextTokenizer

CHARS = "x -\n"
FLAGS = ("normalized", "lstrip", "rstrip", "single_word")
SPLITS = {
    "whole": (),
    "spaces dropped": (SplitRule(" +", "removed"),),
    "hyphens dropped": (SplitRule("x-|-+", "removed"),),
    "x kept": (SplitRule("x+", "removed", invert=True), SplitRule("xx", "isolated")),
}


@cache
def texts(size: int) -> list[bytes]:
    return [
        "".join(chars).encode()
        for n in range(size + 1)
        for chars in itertools.product(CHARS, repeat=n)
    ]


def tokenizer(
    tokens: Iterable[AddedToken], special: tuple[str, ...] = (), **options
) -> TextTokenizer:
    """One token for each character, and the added tokens after them."""
    plain = [char.encode() for char in CHARS]
    tokens = [replace(token, id=len(plain) + k) for k, token in enumerate(tokens)]
    control = {text: len(plain) + len(tokens) + k for k, text in enumerate(special)}
    return TextTokenizer(
        TokenizerSpec(
            name="toy",
            family="bytes",
            token_bytes=(*plain, *(t.content.encode() for t in tokens), *(b"" for _ in special)),
            kinds=np.array(
                [TokenKind.NORMAL] * len(plain)
                + [TokenKind.LITERAL] * len(tokens)
                + [TokenKind.SPECIAL] * len(special),
                dtype=np.uint8,
            ),
            special_tokens=control,
            added_tokens=tuple(tokens),
            **options,
        )
    )


def literal(content: str, *flags: str) -> AddedToken:
    return AddedToken(content, 0, **dict.fromkeys(flags, True))


@st.composite
def toys(draw: st.DrawFn) -> TextTokenizer:
    contents = draw(
        st.lists(st.text(CHARS, min_size=1, max_size=3), unique=True, min_size=1, max_size=3)
    )
    split = draw(st.integers(0, 1)) if len(contents) > 1 else 0
    flags = st.sets(st.sampled_from(FLAGS), max_size=3)
    return tokenizer(
        [literal(content, *draw(flags)) for content in contents[split:]],
        tuple(contents[:split]),
        prefix_space=draw(st.sampled_from(["never", "unless_space", "always"])),
        prefix_unit=draw(st.sampled_from(["normalized", "stretch", "first_stretch"])),
        splits=SPLITS[draw(st.sampled_from(sorted(SPLITS)))],
    )


class _GoingOn(StretchCutter):
    """Of a text that goes on behind the space before it, which is not put there again."""

    def _put_prefix(self, stretch: Stretch, *, there: bool) -> Stretch:
        return stretch if stretch.begins else super()._put_prefix(stretch, there=there)


def going_on(toy: TextTokenizer) -> TextTokenizer:
    """The same for such texts: their encodings are canonical, too (`CanonicalAutomaton`)."""
    other = copy(toy)
    other._stretches = _GoingOn(toy.spec)
    return other


def assert_agrees(toy: TextTokenizer, some: Iterable[bytes], n_tokens: int = 2) -> None:
    """What texts encode to is canonical; and what is canonical, some text encodes to.

    Args:
        toy: the tokenizer.
        some: texts for the first part.
        n_tokens: the length of sequences for the second one.
    """
    encoders = [toy, going_on(toy)] if toy.dummy_prefix else [toy]
    for encoder, text in itertools.product(encoders, some):
        ids = encoder.encode(text, normalize=False)
        state = toy.canonical.run(ids)
        assert state >= 0, (text, ids)
        assert toy.canonical.may_end(state), (text, ids)
    witnesses = Witnesses(toy)
    for n in range(n_tokens + 1):
        for ids in itertools.product(range(len(CHARS) + len(toy.spec.added_tokens)), repeat=n):
            state = toy.canonical.run(ids)
            if state < 0:
                continue
            endings = (False, True) if toy.canonical.may_end(state) else (False,)
            for whole in endings:
                text = witnesses.find(ids, whole=whole)
                assert text is not None, (ids, whole)
                found = [tuple(e.encode(text, normalize=False)) for e in encoders]
                assert ids in [other if whole else other[:n] for other in found], (text, ids, found)


LONG = st.lists(st.text(CHARS, min_size=5, max_size=12).map(str.encode), min_size=10, max_size=10)


@settings(max_examples=20, deadline=None)
@given(toys(), LONG)
def test_canonical_sequences_are_the_beginnings_of_encodings(
    toy: TextTokenizer, some: list[bytes]
) -> None:
    assert_agrees(toy, [*texts(3), *some])


@pytest.mark.slow
@pytest.mark.sweep
@settings(max_examples=300, deadline=None)
@given(toys(), LONG)
def test_canonical_sequences_are_the_beginnings_of_encodings_in_many_toys(
    toy: TextTokenizer, some: list[bytes]
) -> None:
    assert_agrees(toy, [*texts(5), *some], n_tokens=3)


@pytest.mark.parametrize(
    ("tokens", "special", "options"),
    [
        ((literal("\n", "single_word"),), (), {"splits": SPLITS["hyphens dropped"]}),
        ((literal("x", "lstrip"),), ("x\n",), {}),
        (
            (literal("\n ", "normalized"), literal(" \n", "normalized")),
            (),
            {"prefix_space": "always", "prefix_unit": "stretch"},
        ),
        (
            (literal("-x", "lstrip"), literal("x", "single_word")),
            (),
            {"prefix_space": "always", "prefix_unit": "stretch"},
        ),
        ((literal("-", "rstrip"), literal(" x", "lstrip"), literal("\n", "lstrip")), (), {}),
        ((literal("-", "lstrip"), literal("x ")), ("\n",), {}),
        ((literal("-"),), ("x\n", "\n-"), {}),
    ],
    ids=[
        "a dropped character beside a single word",
        "white space of a control token is stripped",
        "the space before a stretch is no part of a token",
        "nor beside a word",
        "tokens that begin in stripped white space",
        "white space of other tokens before a match",
        "control tokens hide one another",
    ],
)
def test_what_one_cut_sees_of_another(tokens, special, options) -> None:
    assert_agrees(tokenizer(tokens, special, **options), texts(5), n_tokens=3)
