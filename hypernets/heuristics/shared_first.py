"""The default: the first part predicts, the last part is read, and shares keep the sums.

1. *Input rows*: .7 of the mean of the parts and .3 of the last, and a correction that the old
   vocabulary teaches (`respelling`).
2. *Output rows*: .8 of the first part and .2 of the mean, with the logarithm of the token's share
   among the new tokens with that first part as a bias (`shares`).
3. With a text, the bias is fitted so that each token is expected as often as it comes, and the rows
   take one damped Newton step (`calibration`); how far is chosen on windows that nothing was fitted
   to.

The settings were chosen on one pair of tokenizers and on other text than the figures in the docs.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from tokkit.hypernets.alignment import Alignment, Weighting
from tokkit.hypernets.heuristics.calibration import fit_marginals, log_loss, newton_step
from tokkit.hypernets.heuristics.respelling import correction
from tokkit.hypernets.heuristics.shares import (
    SCALE,
    counted_frequencies,
    guessed_frequencies,
    log_shares,
)
from tokkit.hypernets.heuristics.subtokens import mean, mean_bias
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import Floats, TransferTask

LAST_SHARE = 0.3
FIRST_SHARE = 0.8
RIDGE = 150.0
DAMPINGS = (0.0, 0.125, 0.25, 0.5)


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
    if task.fitting is None or task.choosing is None:
        bias = np.float32(SCALE) * log_shares(task.alignment, guessed)
        return Rows(inputs, outputs, _with_old(task, bias))
    counted = counted_frequencies(task.fitting.pieces, guessed)
    bias = _with_old(task, log_shares(task.alignment, counted))
    return _fitted(task, inputs, outputs, bias)


def blend(alignment: Alignment, rows: Floats, kind: Weighting, share: float) -> Floats:
    """float32 (n_target, width): the mean of the parts, and a share of the first or last of them.

    Copied rows are exact copies, and those without a decomposition are zeros.
    """
    mean_part, end = (np.asarray(alignment.weights(each) @ rows) for each in ("mean", kind))
    return mean_part + np.float32(share) * (end - mean_part)


def _blended(task: TransferTask, rows: Floats, kind: Weighting, share: float) -> Floats:
    made = blend(task.alignment, rows, kind, share)
    made[task.alignment.without] = rows.mean(axis=0)
    return made


def _with_old(task: TransferTask, bias: Floats) -> Floats:
    old = mean_bias(task)
    return bias if old is None else bias + old


def _fitted(task: TransferTask, inputs: Floats, outputs: Floats, bias: Floats) -> Rows:
    fitting, choosing = task.fitting, task.choosing
    assert fitting is not None
    assert fitting.states is not None
    assert choosing is not None
    assert choosing.states is not None
    bias = fit_marginals(outputs, bias, fitting.states, fitting.pieces)
    step = newton_step(outputs, bias, fitting.states, fitting.pieces, ridge=RIDGE) - outputs
    losses = [
        log_loss(
            (outputs + np.float32(damping) * step).astype(np.float32),
            bias,
            choosing.states,
            choosing.pieces,
        )
        for damping in DAMPINGS
    ]
    damping = DAMPINGS[int(np.argmin(losses))]
    return Rows(
        inputs,
        (outputs + np.float32(damping) * step).astype(np.float32),
        bias,
        notes={"damping": damping, "held-out nats a token": min(losses)},
    )
