"""`lm.text` says what the model says, in whole characters."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

import tokkit
from tests.bytelm.toy_models import RandomLM, ab_lm
from tokkit.bytelm.text_view import characters
from tokkit.errors import ArgumentError
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

UMLAUT = "ü".encode()


@pytest.fixture(scope="module")
def lm() -> tokkit.ByteLM:
    """Bytes of a text, those of an umlaut among them, each as likely as chance has it."""
    tokens = (b"a", b" ", UMLAUT[:1], UMLAUT[1:], b"")
    kinds = np.array([TokenKind.NORMAL] * 4 + [TokenKind.SPECIAL], dtype=np.uint8)
    spec = TokenizerSpec("parts", "greedy", tokens, kinds, {"<end>": 4}, eos_ids=(4,))
    return tokkit.ByteLM(RandomLM(TextTokenizer(spec)))


def test_text_is_that_of_the_bytes(lm: tokkit.ByteLM) -> None:
    for seed in range(8):
        options: Any = {"max_bytes": 9, "seed": seed}
        data = lm.generate("a", valid_utf8=True, **options)
        assert lm.text.generate("a", **options) == data.decode()
        assert list(lm.text.stream("a", **options)) == list(data.decode())
        assert lm.text.complete("a", **options) == data.decode()


def test_batches_give_what_single_texts_give(lm: tokkit.ByteLM) -> None:
    found = lm.text.generate_batch(["a", "ü"], max_bytes=6, seed=3)
    assert found == [lm.text.generate(p, max_bytes=6, seed=3 + k) for k, p in enumerate(["a", "ü"])]


def test_bytes_that_are_no_character_are_shown_and_half_ones_left_out() -> None:
    assert list(characters([b"a\xff", UMLAUT[:1], UMLAUT[1:], UMLAUT[:1]])) == ["a\ufffd", "ü"]


def test_tokens_are_decoded_too(lm: tokkit.ByteLM) -> None:
    model = ab_lm("a", "abab", "aab")
    data = tokkit.complete(model, "a", max_bytes=5, unit="token", seed=1)
    assert model.text.complete("a", max_bytes=5, unit="token", seed=1) == data.decode()


def test_a_gap_is_filled_by_a_model_without_a_format_too() -> None:
    model = ab_lm("a", "abab", "aab")
    options: dict[str, Any] = {"max_bytes": 3, "budget": 20, "seed": 1}
    data = tokkit.infill(model, "a", "b", **options)
    assert model.text.infill("a", "b", **options) == data.decode()


def test_bytes_are_for_the_model_itself(lm: tokkit.ByteLM) -> None:
    text: Any = lm.text
    with pytest.raises(ArgumentError, match=r"without \.text"):
        text.generate(b"a", max_bytes=1)
    with pytest.raises(ArgumentError, match="max_bytes"):
        text.stream("a", max_bytes=-1)  # at once, not at the first character


def test_an_asynchronous_stream_gives_the_same_text_beside_others(lm: tokkit.ByteLM) -> None:
    async def read(seed: int) -> str:
        found = [piece async for piece in lm.text.astream("a", max_bytes=6, seed=seed)]
        return "".join(found)

    async def read_all() -> list[str]:
        return [await read(seed) for seed in (1, 2)]

    assert asyncio.run(read_all()) == [
        lm.text.generate("a", max_bytes=6, seed=seed) for seed in (1, 2)
    ]


def test_an_asynchronous_stream_can_be_given_up(lm: tokkit.ByteLM) -> None:
    async def first() -> str:
        async for piece in lm.text.astream("a", max_bytes=1000, seed=5, pattern=None):
            return piece
        return ""

    assert lm.text.generate("a", max_bytes=1000, seed=5).startswith(asyncio.run(first()))
