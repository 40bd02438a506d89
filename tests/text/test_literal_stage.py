"""Which tokens may follow added tokens: the automaton agrees with every short text."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.errors import UnsupportedError
from tokkit.text.spec import AddedToken, SplitRule, TokenizerSpec, TokenKind
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


def tokenizer(tokens: list[AddedToken], special: tuple[str, ...] = (), **options) -> TextTokenizer:
    """One token for each character, and the added tokens after them."""
    plain = [char.encode() for char in CHARS]
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


@st.composite
def toys(draw: st.DrawFn) -> TextTokenizer:
    contents = draw(
        st.lists(st.text(CHARS, min_size=1, max_size=2), unique=True, min_size=1, max_size=3)
    )
    split = draw(st.integers(0, 1)) if len(contents) > 1 else 0
    flags = st.sets(st.sampled_from(FLAGS), max_size=2)
    tokens = [
        AddedToken(content, len(CHARS) + k, **dict.fromkeys(draw(flags), True))
        for k, content in enumerate(contents[split:])
    ]
    prefix = draw(st.sampled_from(["never", "unless_space", "always"]))
    return tokenizer(
        tokens,
        tuple(contents[:split]),
        prefix_space=prefix,
        prefix_unit=draw(st.sampled_from(["normalized", "stretch", "first_stretch"])),
        splits=SPLITS[draw(st.sampled_from(sorted(SPLITS)))],
    )


def assert_agrees(toy: TextTokenizer, size: int) -> None:
    """Beginnings of encodings, and they alone, are canonical; and ends are where texts end."""
    produced: set[tuple[int, ...]] = set()
    begun: set[tuple[int, ...]] = set()
    for text in texts(size):
        ids = tuple(toy.encode(text, normalize=False))
        produced.add(ids)
        begun.update(ids[:n] for n in range(len(ids) + 1))
    for ids in begun:
        state = toy.canonical.run(ids)
        assert state >= 0, (toy.decode(ids), ids)
    for ids in produced:
        assert toy.canonical.may_end(toy.canonical.run(ids)), (toy.decode(ids), ids)
    if toy.dummy_prefix:
        return  # sequences of texts that go on after the prefix are canonical, too
    short = range(len(CHARS) + len(toy.spec.added_tokens))
    for n in range(3):
        for ids in itertools.product(short, repeat=n):
            state = toy.canonical.run(ids)
            assert (state >= 0) == (ids in begun), (ids, [toy.token_bytes(i) for i in ids])
            if state >= 0:
                assert toy.canonical.may_end(state) == (ids in produced), ids


@settings(max_examples=5, deadline=None, derandomize=True)
@given(toys())
def test_canonical_sequences_are_the_beginnings_of_encodings(toy: TextTokenizer) -> None:
    try:
        toy.canonical.may_end(0)
    except UnsupportedError:
        return
    assert_agrees(toy, 5)


def test_white_space_that_cannot_be_told_apart_is_refused_for_canonical_sequences_alone() -> None:
    toy = tokenizer([AddedToken("x", 4, rstrip=True), AddedToken(" -", 5)])
    assert toy.encode("x -") == [4, 5]
    with pytest.raises(UnsupportedError, match="rstrip, and another begins with white space"):
        toy.is_canonical([4])
