"""True shares stay below their limits; what was not in the training data has nearly none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokkit
from tests.mixture.toy_mixture import SHARES, train, write_text
from tokkit.mixture.estimation import share_limits as module
from tokkit.mixture.estimation.evidence import Evidence, gather_evidence
from tokkit.mixture.estimation.share_limits import share_limits
from tokkit.mixture.merges.merge_list import merge_list
from tokkit.mixture.samples.counting import count_texts
from tokkit.mixture.samples.word_counts import make_table
from tokkit.mixture.samples.words import WordSplitter

HEBREW = "".join(map(chr, range(0x5D0, 0x5E0)))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Of the three languages of the toy, and of one in a script that it never saw."""
    tokenizer = tokkit.load_tokenizer(train(tmp_path_factory.mktemp("toy") / "tokenizer.json"))
    texts = [write_text(name, 400_000, seed=2) for name in SHARES]
    foreign = str.maketrans("абвгдеиклмнопрст", HEBREW)
    texts.append(write_text("east", 400_000, seed=3).translate(foreign))
    splitter = WordSplitter.of(tokenizer)
    counts = [count_texts(splitter, [text.encode()], 1 << 20).words for text in texts]
    return gather_evidence(make_table(counts), merge_list(tokenizer))


@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.5])
def test_true_shares_are_allowed_and_foreign_ones_are_not(evidence: Evidence, wrong: float) -> None:
    """Also when the estimate that sets the level is wrong."""
    weights = np.array([*SHARES.values(), 0.0]) * (1 - wrong)
    weights[3] = wrong
    limits = share_limits(evidence, weights)
    assert (limits[:3] > list(SHARES.values())).all()
    assert limits[3] < 0.01


def test_merges_without_any_support_allow_everything(evidence: Evidence) -> None:
    empty = dataclasses.replace(evidence, merged=np.zeros_like(evidence.merged))
    assert share_limits(empty, np.full(4, 0.25)).tolist() == [1, 1, 1, 1]


def test_late_merges_alone_allow_everything(evidence: Evidence) -> None:
    late = dataclasses.replace(evidence, first=5000, steps=tuple(5000 + s for s in evidence.steps))
    assert share_limits(late, np.full(4, 0.25)).tolist() == [1, 1, 1, 1]


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=20))
def test_a_quarter_of_the_pairs_lies_above_the_threshold(shares: list[float]) -> None:
    values = np.array(shares)
    threshold = module._threshold(values)
    excess = np.maximum(0, values - threshold).sum()
    assert excess == pytest.approx(0.25 * values.sum())
