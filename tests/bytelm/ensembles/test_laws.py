"""The laws that every combination keeps, on random rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.ensembles.random_rows import OPTIONS, random_rows, random_text, rows_of, walk
from tokkit.bytelm.ensembles.combination import Combination
from tokkit.bytelm.ensembles.fixed import Product
from tokkit.bytelm.ensembles.loglinear import LogLinear
from tokkit.bytelm.ensembles.names import resolve_combination
from tokkit.bytelm.ensembles.pooling import pool
from tokkit.errors import ArgumentError

FEW = settings(max_examples=25, deadline=None, derandomize=True)
seeds, sizes = st.integers(0, 10_000), st.integers(1, 4)
each = pytest.mark.parametrize("combination", [resolve_combination(name) for name in OPTIONS])


@each
@FEW
@given(seed=seeds, n=sizes, holes=st.sampled_from([0.0, 0.3]))
def test_rows_sum_to_one(combination: Combination, seed: int, n: int, holes: float) -> None:
    rows = random_rows(seed, n, 12, holes=holes)
    sums = np.exp(rows_of(combination, rows, random_text(seed, 12))).sum(axis=1)
    np.testing.assert_allclose(sums[sums > 0], 1, rtol=0, atol=1e-12)


@each
@FEW
@given(seed=seeds, n=sizes)
def test_the_total_is_the_sum_of_the_steps(combination: Combination, seed: int, n: int) -> None:
    rows, text = random_rows(seed, n, 30), random_text(seed, 30)
    steps, following = walk(combination, rows, text)
    expected = sum(float(step.row[byte]) for step, byte in zip(steps, text, strict=False))
    assert following.log_total == pytest.approx(expected, abs=1e-9)


@each
@FEW
@given(seed=seeds, n=sizes)
def test_equal_members_are_the_member(combination: Combination, seed: int, n: int) -> None:
    one, text = random_rows(seed, 1, 20, holes=0.2), b"a" * 20
    found = rows_of(combination, np.repeat(one, n, axis=0), text, np.arange(1, n + 1))
    np.testing.assert_allclose(np.exp(found), np.exp(one[0]), rtol=0, atol=1e-12)


@each
@FEW
@given(seed=seeds, order=st.permutations(range(3)))
def test_the_order_of_members_changes_nothing(
    combination: Combination, seed: int, order: list[int]
) -> None:
    rows, text, weights = random_rows(seed, 3, 20), random_text(seed, 20), np.array([1.0, 2, 4])
    plain = rows_of(combination, rows, text, weights)
    permuted = rows_of(combination, rows[order], text, weights[order])
    np.testing.assert_allclose(np.exp(plain), np.exp(permuted), rtol=0, atol=1e-12)


@each
@FEW
@given(seed=seeds)
def test_a_member_without_mass_drops_out_and_comes_back(
    combination: Combination, seed: int
) -> None:
    rows, text = random_rows(seed, 2, 10), random_text(seed, 10)
    rows[0, 3:7] = -np.inf
    steps, _ = walk(combination, rows, text)
    for step in steps[3:7]:
        np.testing.assert_allclose(np.exp(step.row), np.exp(step.rows[1]), atol=1e-12)
    following = walk(combination, rows, text)[1]
    back = following.shares(following.expect(rows[:, 10]))
    assert (back[0] == 0) == (combination.name == "mixture")  # which knows that it was impossible


@each
@FEW
@given(seed=seeds)
def test_a_member_of_weight_zero_says_nothing(combination: Combination, seed: int) -> None:
    rows, text = random_rows(seed, 3, 15), random_text(seed, 15)
    with_it = rows_of(combination, rows, text, [1, 3, 0])
    np.testing.assert_allclose(with_it, rows_of(combination, rows[:2], text, [1, 3]), atol=1e-12)


@each
@FEW
@given(seed=seeds, where=st.integers(0, 10))
def test_what_is_expected_depends_on_the_past_alone(
    combination: Combination, seed: int, where: int
) -> None:
    rows, text = random_rows(seed, 3, 10), random_text(seed, 10)
    plain = rows_of(combination, rows, text)
    later = rows.copy()
    later[:, where + 1 :] = random_rows(seed + 1, 3, 10)[:, where + 1 :]
    other = text[:where] + random_text(seed + 2, 10 - where)
    assert np.array_equal(rows_of(combination, later, other)[: where + 1], plain[: where + 1])


@each
@FEW
@given(seed=seeds)
def test_a_fork_goes_its_own_way(combination: Combination, seed: int) -> None:
    rows, text = random_rows(seed, 3, 20), random_text(seed, 20)
    _, following = walk(combination, rows[:, :11], text[:10])
    twin = following.fork()
    for k in range(11, 20):
        twin.push(twin.expect(rows[:, k]), ord("a"))
    for k in range(10, 20):
        following.push(following.expect(rows[:, k]), text[k])
    expected = walk(combination, rows, text)[1]
    assert following.log_total == expected.log_total
    last = rows[:, 20]
    assert np.array_equal(following.expect(last).row, expected.expect(last).row)


@each
@FEW
@given(seed=seeds)
def test_shares_sum_to_one(combination: Combination, seed: int) -> None:
    rows, text = random_rows(seed, 3, 20), random_text(seed, 20)
    rows[1, 5:9] = -np.inf
    steps, _ = walk(combination, rows, text)
    following = combination.follow(combination.check_weights(np.ones(3)))
    for step, byte in zip(steps, text, strict=False):
        step = following.expect(step.rows)
        assert following.shares(step).sum() == pytest.approx(1, abs=1e-12)
        following.push(step, byte)


@FEW
@given(seed=seeds)
def test_expert_minus_amateur_by_its_formula(seed: int) -> None:
    rows = random_rows(seed, 2, 0)[:, 0]
    with np.errstate(invalid="ignore"):
        expected = np.exp(1.5 * rows[0] - 0.5 * rows[1])
    plausible = rows[0] >= rows[0].max() + np.log(0.3)
    expected = np.where(plausible, expected, 0.0)
    found = rows_of(Product(cut=0.3), rows[:, None], b"", [1.5, -0.5])[0]
    np.testing.assert_allclose(np.exp(found), expected / expected.sum(), atol=1e-12)


@FEW
@given(seed=seeds)
def test_base_plus_what_tuning_changed(seed: int) -> None:
    base, tuned, untuned = random_rows(seed, 3, 0)[:, 0]
    found = pool(np.stack([base, tuned, untuned]), np.array([1.0, 1.0, -1.0]))
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(np.exp(base + tuned - untuned))
    np.testing.assert_allclose(np.exp(found), expected / expected.sum(), atol=1e-12)


def test_what_an_amateur_rules_out_an_expert_may_say() -> None:
    expert = np.log(np.array([0.5, 0.25, 0.25]))
    with np.errstate(divide="ignore"):
        amateur = np.log(np.array([0.5, 0.5, 0.0]))
    row = pool(np.stack([expert, amateur]), np.array([1.0, -1.0]))
    assert np.isfinite(row).all()
    assert row.argmax() == 2


def test_signed_exponents_cut_what_is_implausible_unless_told_otherwise() -> None:
    rows = np.full((2, 257), -np.inf)
    rows[0, :2] = np.log([0.99, 0.01])
    rows[1, :2] = np.log([0.9999, 0.0001])
    for combination in (Product(), LogLinear()):
        assert rows_of(combination, rows[:, None], b"", [2, -1])[0][1] == -np.inf
    for combination in (Product(cut=0), LogLinear(cut=0)):
        assert rows_of(combination, rows[:, None], b"", [2, -1])[0][1] > -np.inf


@pytest.mark.parametrize("name", ["mixture", "mean", "switching", "adaptive"])
def test_negative_weights_are_refused_where_they_mean_nothing(name: str) -> None:
    with pytest.raises(ArgumentError, match="not negative"):
        resolve_combination(name).check_weights(np.array([1.0, -0.5]))


def test_exponents_need_an_expert() -> None:
    with pytest.raises(ArgumentError, match="positive"):
        Product().check_weights(np.array([-1.0, 0.0]))
