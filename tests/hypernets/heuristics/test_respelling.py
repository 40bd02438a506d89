"""What the old vocabulary teaches about rows: examples are spelled right, a linear law is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hypernets.tokenizer_export.families import FAMILIES
from tokkit.hypernets.alignment import Alignment
from tokkit.hypernets.heuristics.respelling import (
    by_frequency,
    correction,
    count_of_common,
    features,
    respelled,
)
from tokkit.text.tokenizer import load_tokenizer


@pytest.mark.parametrize("family", FAMILIES)
def test_rare_tokens_are_spelled_with_common_ones(family: str, tmp_path: Path) -> None:
    made: Callable[[Path], Any] = FAMILIES[family]
    source = load_tokenizer(made(tmp_path))
    alignment, tokens = respelled(source, seed=0)
    order = by_frequency(source.spec).tolist()
    common = set(order[: count_of_common(source.spec, np.array(order))])
    assert len(tokens) > 10
    for place, token in enumerate(tokens.tolist()):
        parts = alignment[place]
        assert token not in common
        assert set(parts) <= common | set(range(source.vocab_size)) - set(order)
        spelled = b"".join(source.spec.token_bytes[part] for part in parts)
        assert spelled == source.spec.token_bytes[token]


def test_a_linear_law_of_the_parts_is_found(tmp_path: Path) -> None:
    source = load_tokenizer(FAMILIES["byte-level BPE"](tmp_path))
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((source.vocab_size, 4)).astype(np.float32)
    examples, tokens = respelled(source, seed=0)
    law = generator.standard_normal((13, 4)).astype(np.float32)
    rows[tokens] = features(examples, rows) @ law

    def nothing(alignment: Alignment, rows: Any) -> Any:
        return np.zeros((len(alignment), 4), dtype=np.float32)

    found = correction(source, rows, examples, nothing, seed=0)
    left = np.square(found - rows[tokens]).sum() / np.square(rows[tokens]).sum()
    assert left < 0.5
