"""OMP: rows as the donor would make them, with the old model's rows in place of the donor's.

Source: "Training-free tokenizer transplantation via orthogonal matching pursuit" (2025). The row
that the donor has for a new token is written as a sum of the donor's rows of a few tokens that both
vocabularies have. The same sum of the old model's rows of these tokens is the new row. Input and
output rows are made each with the donor's own, where the old model has two matrices.

Where it differs from mergekit's, which chooses by plain products: atoms are chosen by products with
rows of length 1, so that a long row in the donor (a hostile one, say) is not chosen for its length.
And control tokens are no atoms.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, ModelError
from tokkit.hypernets.heuristics.matching_pursuit import matching_pursuit
from tokkit.hypernets.heuristics.subtokens import mean_bias
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import Floats, TransferTask

DEFAULT_K = 8
_WEAKEST = 1e-6
"""Of the directions of rows of length 1, beside the strongest: weaker ones do not count."""


def omp(task: TransferTask) -> Rows:
    """Rows by matching pursuit.

    Raises:
        ArgumentError: no token is in both vocabularies, or fewer, or fewer independent rows of the
            donor, than a sum is to have.
        ModelError: a sum is beyond float32.
    """
    donor = task.donor
    assert donor is not None
    copied = task.alignment.copied
    if not task.new.any():
        return Rows(task.weighted(task.inputs, "mean"), _copied_outputs(task), mean_bias(task))
    text = np.array([bool(data) for data in task.target.token_bytes])
    shared = np.flatnonzero(copied & text)
    k = DEFAULT_K if task.k is None else task.k
    notes: dict[str, float] = {"k": k, "shared tokens": len(shared)}
    inputs = _transplanted(task, task.inputs, donor.inputs, shared, k)
    outputs = None
    if task.outputs is not None:
        theirs = donor.inputs if donor.outputs is None else donor.outputs
        outputs = _transplanted(task, task.outputs, theirs, shared, k)
    return Rows(inputs, outputs, mean_bias(task), predicted=task.new, notes=notes)


def _copied_outputs(task: TransferTask) -> Floats | None:
    return None if task.outputs is None else task.weighted(task.outputs, "mean")


def _transplanted(
    task: TransferTask, old: Floats, theirs: Floats, shared: NDArray[np.int64], k: int
) -> Floats:
    """float32 (n_target, width): copies of old rows, and sums of them where there are none."""
    import torch

    _check_atoms(theirs[shared], k, task)
    made = task.weighted(old, "mean")
    new = np.flatnonzero(task.new)
    targets, points = (torch.from_numpy(theirs[tokens]).to(task.device) for tokens in (new, shared))
    tell = task.progress
    indices, weights = matching_pursuit(
        targets, points, k, progress=tell and partial(tell, "writing donor rows as sums")
    )
    atoms = torch.from_numpy(made[shared]).to(task.device).double()
    for first in range(0, len(new), 4096):
        part = slice(first, first + 4096)
        sums = torch.einsum("nk,nkd->nd", weights[part], atoms[indices[part]])
        made[new[part]] = sums.float().cpu().numpy()
    _check_finite(task, made, new)
    return made


def _check_atoms(rows: Floats, k: int, task: TransferTask) -> None:
    """Refuse a `k` that the donor's rows of shared tokens cannot fill.

    Raises:
        ArgumentError: see `omp`.
    """
    donor = task.donor
    assert donor is not None
    if not len(rows):
        raise ArgumentError(
            "method 'omp': the old and the new tokenizer have no token in common, from whose rows "
            "others could be made; use method='mean'"
        )
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    units = rows / np.where(lengths > 0, lengths, 1.0)
    strengths = np.linalg.eigvalsh(units.T @ units)
    rank = int((strengths > _WEAKEST * strengths[-1]).sum())
    if k > min(rank, len(rows)):
        raise ArgumentError(
            f"method 'omp': a row cannot be a sum of {k} independent ones: both vocabularies have "
            f"{len(rows):,} tokens in common, and their rows in {donor.name} have rank {rank}; "
            f"pass k={min(rank, len(rows))} or less"
        )


def _check_finite(task: TransferTask, rows: Floats, new: NDArray[np.int64]) -> None:
    donor = task.donor
    assert donor is not None
    broken = new[~np.isfinite(rows[new]).all(axis=1)]
    if len(broken):
        raise ModelError(
            f"the row that is made from {donor.name} for token {broken[0]} "
            f"{task.target.token_bytes[broken[0]]!r:.40} is not finite: the donor's is too long. "
            "Do not trust this donor"
        )
