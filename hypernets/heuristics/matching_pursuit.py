"""Orthogonal matching pursuit: vectors as sparse sums of given ones, many at a time.

Source: Pati, Rezaiifar and Krishnaprasad, "Orthogonal Matching Pursuit" (1993), in the form of
Rubinstein, Zibulevsky and Elad (2008): the products of the chosen atoms are kept as a Cholesky
factor, which grows by a row a step.

1. Of the atoms, all brought to length 1, the one whose product with what is left of the vector is
   largest is chosen.
2. The vector is fitted anew by least squares with all that are chosen.
3. What the fit leaves goes back to 1. A vector of which nothing is left, or for which no atom is
   left that is not a sum of those chosen, is done: its further coefficients are 0.

Products with all atoms are in the dtype of the vectors, the fits in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ROWS_AT_ONCE = 512
_ROUNDING = 32
"""Times the precision of the dtype: what is as good as nothing, of vectors of length 1."""

_TINY = 1e-300
"""Instead of a length of 0, to divide by."""


def matching_pursuit(
    targets: torch.Tensor,
    atoms: torch.Tensor,
    k: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sparse sums of atoms that are near to vectors.

    Args:
        targets: float32 or float64 (n, width), finite.
        atoms: of the same dtype (n_atoms, width), finite; at least `k`.
        k: atoms of a sum, at most.
        progress: called with the number of vectors done, and of all.

    Returns:
        The atoms of each sum, int64 (n, k), and their coefficients, float64 (n, k). Entries beyond
        the end of a shorter sum have the coefficient 0.
    """
    import torch

    units, lengths = _scaled(atoms)
    chosen: list[torch.Tensor] = []
    weights: list[torch.Tensor] = []
    done = 0
    for batch in targets.split(_ROWS_AT_ONCE):
        rows, sizes = _scaled(batch)
        indices, of_units = _of_batch(rows, units, k)
        chosen.append(indices)
        weights.append(of_units * sizes[:, None] / lengths.clamp_min(_TINY)[indices])
        done += len(batch)
        if progress is not None:
            progress(done, len(targets))
    return torch.cat(chosen), torch.cat(weights)


def _scaled(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of length 1 (of nothing nothing), and their lengths, float64, which never overflow."""
    import torch

    lengths = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64)
    return (rows / lengths.clamp_min(_TINY)[:, None]).to(rows.dtype), lengths


def _of_batch(rows: torch.Tensor, units: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    n = len(rows)
    tolerance = _ROUNDING * torch.finfo(rows.dtype).eps
    wide: dict[str, Any] = {"dtype": torch.float64, "device": rows.device}
    exact = rows.double()
    chosen = torch.zeros((n, k), dtype=torch.long, device=rows.device)
    atoms = torch.zeros((n, k, rows.shape[1]), **wide)
    factor = torch.eye(k, **wide).repeat(n, 1, 1)
    products = torch.zeros((n, k), **wide)
    weights = torch.zeros((n, k), **wide)
    left = exact
    alive = torch.ones(n, dtype=torch.bool, device=rows.device)
    for step in range(k):
        likeness = (left.to(rows.dtype) @ units.T).abs_()
        likeness.scatter_(1, chosen[:, :step], -1.0)
        chosen[:, step] = likeness.argmax(1)
        atoms[:, step] = atom = units[chosen[:, step]].double()
        cross = torch.einsum("nkd,nd->nk", atoms[:, :step], atom)
        below = factor[:, :step, :step]
        row = torch.linalg.solve_triangular(below, cross[..., None], upper=False)[..., 0]
        pivot = atom.square().sum(1) - row.square().sum(1)
        alive &= (left.norm(dim=1) > tolerance) & (pivot > tolerance)
        factor[:, step, :step] = torch.where(alive[:, None], row, 0.0)
        factor[:, step, step] = torch.where(alive, pivot.clamp_min(tolerance).sqrt(), 1.0)
        products[:, step] = torch.where(alive, (atom * exact).sum(1), 0.0)
        so_far = slice(0, step + 1)
        weights[:, so_far] = torch.cholesky_solve(
            products[:, so_far, None], factor[:, so_far, so_far]
        )[..., 0]
        near = torch.einsum("nk,nkd->nd", weights[:, so_far], atoms[:, so_far])
        left = exact - near
    return chosen, weights
