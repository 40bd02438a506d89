"""Valid UTF-8: Python's decoder is the oracle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.random_bytes import RandomBytes
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.drawing.valid_utf8 import ValidUtf8
from tokkit.errors import ArgumentError, ModelError

FEW = settings(max_examples=30, deadline=None, derandomize=True)


# Every proper beginning of a character; the last byte does not matter to that.
BEGINNINGS = {
    chr(point).encode()[:size]
    for point in (*range(0x80, 0xD800, 64), *range(0xE000, 0x110000, 64))
    for size in range(1, len(chr(point).encode()))
}


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def permitted(constraint: ValidUtf8) -> set[int]:
    bias = constraint.bias()
    assert set(bias.tolist()) == {0.0, -np.inf}
    return set(np.flatnonzero(bias == 0).tolist())


def after(data: bytes) -> ValidUtf8:
    constraint = ValidUtf8(b"")
    for byte in data:
        constraint.push(byte)
    return constraint


def expected(character: bytes) -> set[int]:
    """What may follow the beginning of a character, empty or not."""
    longer = (character + bytes([byte]) for byte in range(256))
    symbols = {new[-1] for new in longer if new in BEGINNINGS or is_utf8(new)}
    return symbols if character else symbols | {END}


def test_permitted_bytes_are_those_of_the_encoder() -> None:
    short = [b"", *(beginning for beginning in BEGINNINGS if len(beginning) < 3)]
    for beginning in short:
        assert permitted(after(beginning)) == expected(beginning)
    assert len(short) == 1 + (30 + 16 + 5) + (14 * 64 + 2 * 32) + (48 + 3 * 64 + 16)


@FEW
@given(text=st.text(max_size=6), cut=st.integers(0, 24))
def test_texts_are_permitted_byte_by_byte(text: str, cut: int) -> None:
    data = text.encode()
    constraint = ValidUtf8(data[:cut])
    for k in range(min(cut, len(data)), len(data)):
        beginning = next(
            (data[j:k] for j in range(max(0, k - 3), k) if data[j:k] in BEGINNINGS), b""
        )
        twin = constraint.fork()
        constraint.push(data[k])
        assert permitted(twin) == expected(beginning)
    assert END in permitted(constraint)


@FEW
@given(prompt=st.one_of(st.binary(max_size=6), st.text(max_size=3).map(str.encode)), data=st.data())
def test_a_prompt_is_followed_from_its_unfinished_character(
    prompt: bytes, data: st.DataObject
) -> None:
    prompt = prompt[: data.draw(st.integers(0, len(prompt)))]
    tails = (prompt[-size:] for size in (1, 2, 3) if size <= len(prompt))
    unfinished = next((tail for tail in tails if tail in BEGINNINGS), b"")
    assert permitted(ValidUtf8(prompt)) == expected(unfinished)


@FEW
@given(
    prompt=st.text(max_size=3).map(str.encode),
    cut=st.integers(0, 12),
    max_bytes=st.integers(0, 12),
    seed=st.integers(0, 10),
)
def test_generated_text_decodes(prompt: bytes, cut: int, max_bytes: int, seed: int) -> None:
    prompt = prompt[:cut]
    completion = RandomBytes(seed).generate(prompt, max_bytes=max_bytes, seed=seed, valid_utf8=True)
    assert len(completion) <= max_bytes
    assert is_utf8(prompt + completion) or (not completion and max_bytes < 3)


@FEW
@given(seed=st.integers(0, 100))
def test_a_shorter_limit_keeps_the_whole_characters_of_a_longer_text(seed: int) -> None:
    texts = [
        RandomBytes(seed).generate(b"\xf0", max_bytes=n, seed=seed, valid_utf8=True)
        for n in range(12)
    ]
    longest = texts[-1]
    ends = [k for k in range(len(longest) + 1) if is_utf8(b"\xf0" + longest[:k])]
    for n, text in enumerate(texts):
        assert text == longest[: max([k for k in ends if k <= n], default=0)]
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(texts))


def test_stop_strings_that_begin_inside_a_character_are_refused() -> None:
    with pytest.raises(ArgumentError, match="inside a character"):
        RandomBytes().generate("a", max_bytes=3, stop=[b"\xa9"], valid_utf8=True)


def test_a_model_that_cannot_finish_a_character_is_an_error() -> None:
    def letters(prefix: bytes) -> np.ndarray:
        return np.where(np.arange(257) < 128, 0.0, -np.inf)

    lm = RandomBytes(logits=letters)
    with pytest.raises(ModelError, match="valid_utf8"):
        lm.generate(b"\xc3", max_bytes=2, valid_utf8=True)
