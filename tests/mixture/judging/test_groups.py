"""The share of a group is the sum, and its interval that of the sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokkit.errors import ArgumentError
from tokkit.mixture.judging.groups import find_groups, group_shares

SHARES = {"en news": 0.3, "en web": 0.2, "code C": 0.1, "de": 0.4}


def test_patterns_and_names_find_members() -> None:
    found = find_groups(list(SHARES), {"English": ["en*"], "rest": ["de", "code C"]})
    assert found == {"English": ("en news", "en web"), "rest": ("de", "code C")}
    assert find_groups(["[a]", "a"], {"x": ["[a]"]}) == {"x": ("[a]", "a")}
    assert find_groups(["a"], {"x": ["a", "*"]}) == {"x": ("a",)}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"x": ["fr*"]}, "'fr\\*' matches no category; there are 'en news'"),
        ({"x": ["de"], "y": ["*"]}, "'de' is in the groups 'x' and 'y'"),
    ],
)
def test_groups_that_are_none_are_refused(groups: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        find_groups(list(SHARES), groups)


def test_the_interval_of_a_group_is_that_of_the_sum() -> None:
    """Simulated: logarithms of shares drawn with the covariance, and scaled to sum 1."""
    rng = np.random.default_rng(0)
    # The first two take each other's share: each is uncertain, their sum is not.
    covariance = np.array([[4, -6, 0, 0], [-6, 9, 0, 0], [0, 0, 1, 0.5], [0, 0, 0.5, 2]]) * 1e-3
    logs = np.log(list(SHARES.values())) + rng.multivariate_normal(np.zeros(4), covariance, 200_000)
    drawn = np.exp(logs)
    drawn /= drawn.sum(axis=1, keepdims=True)
    groups = {"en": ["en*"], "code": ["code C"], "rest": ["code C", "de"]}
    for name, members in groups.items():
        alone = group_shares(SHARES, {name: members}, covariance=covariance, level=0.9)[name]
        inside = [c in alone.categories for c in SHARES]
        assert alone.share == pytest.approx(sum(np.array(list(SHARES.values()))[inside]))
        expected = np.quantile(drawn[:, inside].sum(axis=1), [0.05, 0.95])
        assert alone.interval == pytest.approx(expected, abs=0.003)


@given(
    st.lists(st.floats(1e-9, 1), min_size=2, max_size=6),
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 0.99),
)
def test_intervals_hold_the_share_and_stay_inside(
    sizes: list[float], seed: int, level: float
) -> None:
    total = sum(sizes)
    shares = {str(k): size / total for k, size in enumerate(sizes)}
    root = np.random.default_rng(seed).normal(size=(len(sizes), len(sizes)))
    groups = {"first": ["0"], "others": [str(k) for k in range(1, len(sizes))]}
    found = group_shares(shares, groups, covariance=root @ root.T, level=level)
    for each in found.values():
        assert each.interval is not None
        low, high = each.interval
        assert 0 <= low <= each.share + 1e-9 and each.share - 1e-9 <= high <= 1
    # What one group gains, the other loses.
    first, others = found["first"].interval, found["others"].interval
    assert first is not None and others is not None
    assert first[0] == pytest.approx(1 - others[1], abs=1e-9)


def test_all_categories_together_are_everything() -> None:
    found = group_shares(SHARES, {"all": ["*"]}, covariance=np.eye(4), level=0.9)["all"]
    assert found.share == pytest.approx(1)
    assert found.interval == (1, 1)


def test_without_covariance_there_is_no_interval() -> None:
    assert group_shares(SHARES, {"x": ["de"]}, covariance=None, level=0.9)["x"].interval is None
