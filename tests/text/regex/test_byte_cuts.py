"""Pretokenizers after ByteLevel see the byte alphabet, and may cut a character in two."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.tokenizer_json import BYTE_LEVEL, BYTES, document, ours, reference_ids
from tokkit.text.regex.boundaries import DEAD
from tokkit.text.tokenizer import TextTokenizer

BYTE_LEVEL_WORDS = {**BYTE_LEVEL, "use_regex": True}


def split(pattern: str, behavior: str = "Isolated") -> dict[str, Any]:
    return {
        "type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False,
    }  # fmt: skip


PUNCTUATION = {"type": "Punctuation", "behavior": "Contiguous"}
DIGITS = {"type": "Digits", "individual_digits": False}
STAGES: dict[str, tuple[dict[str, Any], ...]] = {
    "falcon": (PUNCTUATION, BYTE_LEVEL_WORDS, DIGITS, split("[0-9][0-9][0-9]")),
    "single digits": (BYTE_LEVEL, {"type": "Digits", "individual_digits": True}),
    "letters": (BYTE_LEVEL_WORDS, split(r"(?<=\p{Ll})\p{Lu}", "MergedWithNext")),
    "lookahead": (BYTE_LEVEL, split(r"a(?=.[¼1])")),
}
MERGES = [("Ã", "¼"), ("1", "1"), ("a", "Ã"), ("1", "¼"), ("Ġ", "a"), ("Ã", "©")]


def tokenizer_json(name: str) -> dict[str, Any]:
    vocab = BYTES | {a + b: 256 + k for k, (a, b) in enumerate(MERGES)}
    merges = [f"{a} {b}" for a, b in MERGES]
    return document(vocab, pretokenizers=STAGES[name], merges=merges)


TOKENIZERS = {name: ours(tokenizer_json(name)) for name in STAGES}


@pytest.mark.parametrize("name", STAGES)
@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from("aAü1 é²¼.\n日😀٣"), max_size=12))
def test_ids_equal_tokenizers(name: str, text: str) -> None:
    assert TOKENIZERS[name].encode(text) == reference_ids(tokenizer_json(name), text)


def test_a_character_is_cut_in_two() -> None:
    a, b = (BYTES[char] for char in "Ã¼")
    assert TOKENIZERS["falcon"].encode("ü") == [a, b]
    assert TOKENIZERS["letters"].encode("ü") == [256]


def labels_of(tokenizer: TextTokenizer, data: bytes) -> tuple[int, ...]:
    found = tokenizer.pretokenizer.split(np.frombuffer(data, dtype=np.uint8)).bounds.tolist()
    return tuple(int(k in found) for k in range(len(data)))


@pytest.mark.parametrize("name", STAGES)
@settings(max_examples=25, deadline=None)
@given(data=st.lists(st.sampled_from([b"a", b"1", b" ", b"\xc3", b"\xbc", b"A"]), max_size=4))
def test_automaton_accepts_just_the_labels_of_split(name: str, data: list[bytes]) -> None:
    text = b"".join(data)
    tokenizer = TOKENIZERS[name]
    automaton = tokenizer.pretokenizer.boundaries
    alive, accepted = set(), []
    for labels in itertools.product((0, 1), repeat=len(text)):
        state = 0
        for byte, label in zip(text, labels, strict=True):
            state = automaton.step(state, byte, label)
        if state != DEAD:
            alive.add(labels)
            accepted += [labels] * automaton.can_end(state)
    assert accepted == [labels_of(tokenizer, text)]
    confirmed = set()
    for size in range(4):
        for rest in itertools.product((b"a", b"1", b" ", b"\xbc", b"B"), repeat=size):
            confirmed.add(labels_of(tokenizer, text + b"".join(rest))[: len(text)])
    assert alive == confirmed


@pytest.mark.parametrize("name", STAGES)
@settings(max_examples=20, deadline=None)
@given(text=st.text(st.sampled_from("aAü1 é²."), max_size=8))
def test_encodings_are_canonical(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    assert tokenizer.is_canonical(tokenizer.encode(text))
    assert tokenizer.decode(tokenizer.encode(text)) == text.encode()


def test_a_saved_tokenizer_keeps_the_cuts(tmp_path) -> None:
    TOKENIZERS["falcon"].save(tmp_path)
    assert TextTokenizer.load(tmp_path).encode("ü") == TOKENIZERS["falcon"].encode("ü")
