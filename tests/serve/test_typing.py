"""Somebody types: what a keystroke has not changed is not computed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serve.running_server import TEXTS, Client, toy_lm

FILE = Path(__file__).parents[1] / "assets" / "multilingual.txt"
N_KEYS = 1000
TOKENIZER = toy_lm().token_lm.tokenizer


def n_common(one: list[int], two: list[int]) -> int:
    """Tokens at the beginning of both."""
    return next((k for k, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), len(one))


def unchanged(one: str, two: str) -> int:
    """Tokens of the second that the first has, too."""
    return n_common(TOKENIZER.encode(one), TOKENIZER.encode(two))


@pytest.mark.slow
def test_each_second_request_computes_only_what_is_new(client: Client) -> None:
    text = FILE.read_text(encoding="utf-8")[:N_KEYS]
    fields = {"model": "toy", "max_tokens": 1, "temperature": 0}
    for cut in range(1, len(text), 2):
        first, second = text[:cut], text[: cut + 1]
        client.ask("/v1/completions", prompt=first, **fields)
        usage = client.ask("/v1/completions", prompt=second, **fields)["usage"]
        # The token before the cursor might have been changed by the next byte.
        assert usage["prompt_tokens_details"]["cached_tokens"] >= unchanged(first, second) - 1


@pytest.mark.slow
def test_in_a_gap_what_is_typed_in_it_alone_is_computed(client: Client) -> None:
    before, line, after = TEXTS[1] * 20, "the naïve cats naïvely sat on the mat", "\n" + TEXTS[0]
    gap = {"model": "toy", "input_prefix": before, "input_suffix": after, "n_predict": 1}
    n_around = TOKENIZER.count(before) + TOKENIZER.count(after)
    client.ask("/infill", **gap)
    for cut in range(1, len(line)):
        told = client.ask("/infill", **gap, prompt=line[:cut])["timings"]
        known = unchanged(line[: cut - 1], line[:cut])
        assert told["cache_n"] >= n_around + known - 2, cut
