"""The default: the first part predicts, the last part is read, and shares keep the sums.

1. *Input rows*: .7 of the mean of the parts and .3 of the last, and a correction that the old
   vocabulary teaches (`respelling`).
2. *Output rows*: .8 of the first part and .2 of the mean, with the logarithm of the token's share
   among the new tokens with that first part as a bias (`shares`).
3. *Fit*: the bias goes half the way to where each token is expected as often as it comes in a text,
   and the rows take a damped Newton step (`calibration`); how far is chosen on windows that nothing
   was fitted to. A text that the old model writes itself (`written_by_model`) stands beside the
   given one, or alone; then the damping is a constant.

All of the way, or shares counted in the text in place of guessed ones, fits the text better and
others worse.

The settings were chosen on one pair of tokenizers and on other text than the figures in the docs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from tokkit.hypernets.alignment import Alignment, Weighting
from tokkit.hypernets.heuristics.calibration import fit_marginals, log_loss, newton_step
from tokkit.hypernets.heuristics.respelling import correction
from tokkit.hypernets.heuristics.shares import (
    SCALE,
    guessed_frequencies,
    log_shares,
)
from tokkit.hypernets.heuristics.subtokens import mean, mean_bias
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import Floats, TransferTask
from tokkit.hypernets.windows import Reading

LAST_SHARE = 0.3
FIRST_SHARE = 0.8
MARGINALS = 0.5
RIDGE = 150.0
DAMPINGS = (0.0, 0.125, 0.25, 0.5)
OWN_DAMPING = 0.25


def shared_first(task: TransferTask) -> Rows:
    """Rows as described above; a head that was tied to the input rows is untied.

    Where every new token is an old one, all rows are copies, and nothing else is done.
    """
    if not task.new.any():
        return mean(task)
    old = task.inputs if task.outputs is None else task.outputs
    inputs = _blended(task, task.inputs, "last", LAST_SHARE)
    made = task.new & ~task.alignment.without
    inputs[made] += correction(
        task.source,
        task.inputs,
        task.alignment,
        partial(blend, kind="last", share=LAST_SHARE),
        seed=task.seed,
    )[made]
    outputs = _blended(task, old, "first", FIRST_SHARE)
    guessed = guessed_frequencies(task.target)
    bias = _with_old(task, np.float32(SCALE) * log_shares(task.alignment, guessed))
    if task.fitting is None or task.fitting.states is None:
        return Rows(inputs, outputs, bias)
    return fitted(Rows(inputs, outputs, bias), task.fitting, task.choosing)


def blend(alignment: Alignment, rows: Floats, kind: Weighting, share: float) -> Floats:
    """float32 (n_target, width): the mean of the parts, and a share of the first or last of them.

    Copied rows are exact copies, and those without a decomposition are zeros.
    """
    mean_part, end = (np.asarray(alignment.weights(each) @ rows) for each in ("mean", kind))
    return _between(mean_part, end, share)


def _blended(task: TransferTask, rows: Floats, kind: Weighting, share: float) -> Floats:
    made = blend(task.alignment, rows, kind, share)
    made[task.alignment.without] = rows.mean(axis=0)
    return made


def _with_old(task: TransferTask, bias: Floats) -> Floats:
    old = mean_bias(task)
    return bias if old is None else bias + old


def fitted(rows: Rows, fitting: Reading, choosing: Reading | None) -> Rows:
    """The rows with outputs and bias moved towards a text.

    Args:
        rows: of any method that gives both.
        fitting: what the old model made of the text, with its states.
        choosing: the same of other windows; None to go a fixed share of the way.
    """
    assert rows.outputs is not None
    assert rows.bias is not None
    assert fitting.states is not None
    marginals = fit_marginals(rows.outputs, rows.bias, fitting.states, fitting.pieces)
    bias = _between(rows.bias, marginals, MARGINALS)
    stepped = newton_step(rows.outputs, bias, fitting.states, fitting.pieces, ridge=RIDGE)
    damping, notes = OWN_DAMPING, dict[str, float]()
    if choosing is not None:
        damping, notes = _best_damping(rows.outputs, stepped, bias, choosing)
    notes = {**rows.notes, **notes}
    return replace(rows, outputs=_between(rows.outputs, stepped, damping), bias=bias, notes=notes)


def _best_damping(
    outputs: Floats, stepped: Floats, bias: Floats, choosing: Reading
) -> tuple[float, dict[str, float]]:
    """How far to go from some rows to others, and notes about it."""
    assert choosing.states is not None
    losses = [
        log_loss(_between(outputs, stepped, damping), bias, choosing.states, choosing.pieces)
        for damping in DAMPINGS
    ]
    damping = DAMPINGS[int(np.argmin(losses))]
    return damping, {"damping": damping, "held-out nats a token": min(losses)}


def _between(rows: Floats, others: Floats, share: float) -> Floats:
    """Rows a share of the way to others."""
    return (rows + share * (others - rows)).astype(np.float32)
