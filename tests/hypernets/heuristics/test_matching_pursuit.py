"""Matching pursuit finds what a slow one finds, and what a vector was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch: Any = pytest.importorskip("torch")
from tests.reference.matching_pursuit_reference import pursue
from tokkit.hypernets.heuristics.matching_pursuit import matching_pursuit


def sums(indices: Any, weights: Any) -> list[dict[int, float]]:
    """Atom -> coefficient, of each vector, those that count."""
    pairs = zip(indices.tolist(), weights.tolist(), strict=True)
    return [
        {atom: weight for atom, weight in zip(*pair, strict=True) if weight != 0} for pair in pairs
    ]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    width=st.integers(2, 9),
    n_atoms=st.integers(1, 12),
    k=st.integers(1, 9),
    lengths=st.sampled_from([0.0, 3.0]),
)
def test_it_equals_a_slow_one(seed: int, width: int, n_atoms: int, k: int, lengths: float) -> None:
    """Atoms of all lengths, one of them 0; vectors that are sums of few; a vector of zeros."""
    generator = np.random.default_rng(seed)
    atoms = generator.standard_normal((n_atoms, width))
    atoms *= np.exp(lengths * generator.standard_normal((n_atoms, 1)))
    targets = generator.standard_normal((5, width))
    targets[1] = 2 * atoms[0] - atoms[-1]
    targets[2] = 0
    if n_atoms > 3:
        atoms[1] = 0
    k = min(k, n_atoms)
    found = sums(*matching_pursuit(torch.from_numpy(targets), torch.from_numpy(atoms), k))
    for target, mine in zip(targets, found, strict=True):
        expected = pursue(target, atoms, k)
        assert list(mine) == [atom for atom, weight in expected.items() if weight != 0]
        assert list(mine.values()) == pytest.approx(list(expected.values()), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_of_few_of_many_is_found_again(dtype: str) -> None:
    generator = np.random.default_rng(0)
    atoms = generator.standard_normal((300, 200)).astype(dtype)
    true = np.zeros((700, 300))
    for row in true:
        row[generator.choice(300, 4, replace=False)] = generator.uniform(1, 2, 4)
    targets = (true @ atoms).astype(dtype)
    indices, weights = matching_pursuit(torch.from_numpy(targets), torch.from_numpy(atoms), 12)
    made = np.zeros_like(true)
    np.put_along_axis(made, indices.numpy(), weights.numpy(), axis=1)
    assert np.abs(made - true).max() < 1e-4
    assert (np.count_nonzero(made, axis=1) <= 6).all()


def test_copies_of_an_atom_are_one() -> None:
    """No fit divides by what is left of an atom that is a sum of those chosen."""
    atoms = torch.eye(3)[[0, 0, 1, 1, 2]].contiguous()
    indices, weights = matching_pursuit(torch.tensor([[3.0, 2.0, 1.0]]), atoms, 5)
    assert sums(indices, weights) == [pytest.approx({0: 3.0, 2: 2.0, 4: 1.0})]


def test_lengths_beyond_the_square_root_of_the_greatest_float_are_taken() -> None:
    targets, atoms = torch.tensor([[2e30, 0.0]]), torch.tensor([[1e-30, 0.0], [0.0, 1.0]])
    _, weights = matching_pursuit(targets, atoms, 1)
    assert weights.item() == pytest.approx(2e60)
