"""Pretokenizers of a tokenizer.json against the `tokenizers` library, on all characters."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.text.tokenizer_json import BYTES, document, ours

PRETOKENIZERS: dict[str, pre_tokenizers.PreTokenizer] = {
    "Digits": pre_tokenizers.Digits(individual_digits=True),
    "digits in runs": pre_tokenizers.Digits(individual_digits=False),
    "Punctuation": pre_tokenizers.Punctuation(),
    "BertPreTokenizer": pre_tokenizers.BertPreTokenizer(),
    "Whitespace": pre_tokenizers.Whitespace(),
    "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
    "UnicodeScripts": pre_tokenizers.UnicodeScripts(),
}


def as_json(pretokenizer: pre_tokenizers.PreTokenizer) -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pretokenizer
    return json.loads(tokenizer.to_str())["pre_tokenizer"]


@pytest.mark.parametrize("name", PRETOKENIZERS)
@pytest.mark.parametrize(
    "points",
    [range(0, 0x110000, 97), pytest.param(range(0x110000), marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_pieces_of_all_characters_equal_tokenizers(name: str, points: range) -> None:
    pretokenizer = PRETOKENIZERS[name]
    tokenizer = ours(document(BYTES, pretokenizers=(as_json(pretokenizer),)))
    scalars = [chr(c) for c in points if not 0xD800 <= c <= 0xDFFF]
    for start in range(0, len(scalars), 4096):
        text = "".join(f"a{c}.1 {c}{c}" for c in scalars[start : start + 4096])
        found = tokenizer.pretokenizer.split(np.frombuffer(text.encode(), dtype=np.uint8))
        data, bounds = found.text.tobytes(), found.bounds.tolist()
        pieces = [data[a:b].decode() for a, b in itertools.pairwise(bounds) if a < b]
        assert pieces == [piece for piece, _ in pretokenizer.pre_tokenize_str(text)]
