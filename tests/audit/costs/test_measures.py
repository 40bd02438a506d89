"""Laws of the measures: intervals, entropies, cuts of numbers, edits."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.toy_subjects import byte_tokenizer
from tokkit.audit.costs import numbers
from tokkit.audit.costs.bootstrap import ratio
from tokkit.audit.costs.distribution import distribution_facts, length_chart, renyi_entropy
from tokkit.audit.costs.edits import EDITS, n_changed

COUNTS = st.lists(st.integers(1, 50), min_size=2, max_size=12)
IDS = st.lists(st.integers(0, 3), max_size=12)


@given(COUNTS)
def test_ratio_of_proportional_sums_has_no_width(counts: list[int]) -> None:
    found = ratio([3 * count for count in counts], counts)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)


def test_interval_covers_the_mean_of_the_population() -> None:
    """95% of intervals hold the true ratio; 40 samples, at least 33 (a binomial tail of 1e-3)."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(40):
        found = ratio(rng.gamma(2.0, 1.5, size=60).tolist(), [1.0] * 60)
        hits += found.low <= 3.0 <= found.high
    assert hits >= 33


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20).filter(any))
def test_renyi_entropy_lies_between_min_entropy_and_hartley(counts: list[int]) -> None:
    values = np.array(counts, dtype=np.float64)
    shares = values / values.sum()
    entropy = renyi_entropy(values)
    assert -math.log(shares.max()) - 1e-9 <= entropy <= math.log((shares > 0).sum()) + 1e-9


def test_even_use_of_the_whole_vocabulary_is_efficiency_one() -> None:
    texts = [np.arange(8, dtype=np.int32)] * 4
    facts = {fact.key: fact.value for fact in distribution_facts(texts, 8)}
    assert facts == {"renyi_efficiency": 1.0, "vocabulary_used_percent": 100.0}


def test_token_lengths_are_shares() -> None:
    chart = length_chart([np.array([0, 1, 1, 2], dtype=np.int32)], [1, 2, 40])
    assert chart is not None
    for series in chart.series:
        assert sum(series.values) == pytest.approx(100, abs=0.05)
    assert chart.series[1].values[:2] == (25.0, 50.0)
    assert chart.series[1].values[-1] == 25.0


def test_bytes_cut_numbers_digit_by_digit() -> None:
    lengths = numbers.measure_numbers(byte_tokenizer())
    assert numbers.scheme(lengths) == "digit by digit"
    assert [each.n_digits for each in lengths] == list(range(1, numbers.MAX_DIGITS + 1))
    for each in lengths:
        assert each.cuts == {(1,) * each.n_digits: sum(each.cuts.values())}
    assert numbers.number_findings(lengths) == []


def lengths_of(*cuts: tuple[int, ...]) -> list[numbers.Length]:
    by_length: dict[int, dict[tuple[int, ...], int]] = {}
    for cut in cuts:
        by_length.setdefault(sum(cut), {})[cut] = 1
    return [
        numbers.Length(
            n, each, dict.fromkeys(each, "1234567890"[:n]), {cut: (7,) * len(cut) for cut in each}
        )
        for n, each in sorted(by_length.items())
    ]


@pytest.mark.parametrize(
    ("cuts", "scheme"),
    [
        ([(1,), (2,), (3,), (3, 1), (3, 2)], "groups of three from the left"),
        ([(1,), (2,), (3,), (1, 3), (2, 3)], "groups of three from the right"),
        ([(1,), (2,), (2, 2), (3, 1)], "irregular"),
        ([(1,), (2,), (3,)], "whole numbers"),
        ([(1,), (2,), (2, 1), (2, 2)], "regular"),
        ([], "not at all: digits cannot be encoded"),
    ],
)
def test_schemes_are_told_apart(cuts: list[tuple[int, ...]], scheme: str) -> None:
    assert numbers.scheme(lengths_of(*cuts)) == scheme


def test_only_irregular_and_left_aligned_numbers_are_reported() -> None:
    def rules(*cuts: tuple[int, ...]) -> list[str]:
        return [finding.rule for finding in numbers.number_findings(lengths_of(*cuts))]

    assert rules((1,), (3,), (3, 1)) == ["digits-grouped-from-left"]
    assert rules((1,), (3,), (1, 3)) == []
    assert rules((2, 2), (3, 1)) == ["number-splitting"]


@given(IDS, IDS, IDS, IDS)
def test_changed_tokens_are_those_between_what_is_common(
    start: list[int], old: list[int], new: list[int], end: list[int]
) -> None:
    changed = n_changed(start + old + end, start + new + end)
    assert 0 <= changed <= max(len(old), len(new))
    assert (changed == 0) == (old == new)


@given(st.text(st.sampled_from("abcDE é  "), max_size=30), st.integers(0, 99))
def test_an_edit_changes_the_text_by_what_it_says(text: str, seed: int) -> None:
    for key, (_, edit) in EDITS.items():
        edited = edit(text, random.Random(seed))
        if edited is None:
            continue
        assert edited != text or (key == "drop")
        if key in ("swap", "case"):
            assert len(edited) == len(text)
        if key == "swap":
            assert sorted(edited) == sorted(text)
        if key == "case":
            assert edited.lower() == text.lower()
        if key == "drop":
            assert len(edited) == len(text) - 1
        if key == "space":
            assert len(edited) == len(text) + 1
            assert edited.split() == text.split()
