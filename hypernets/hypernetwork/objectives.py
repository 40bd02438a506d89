"""What a hypernetwork is trained for, each loss a function of the rows that it makes.

- `prediction_loss`: output rows, on the teacher's last hidden states: the next piece's log-loss. No
  pass through the model, so it is cheap.
- `reading_loss`: input rows, by what a layer makes of them: the state after a piece that goes in as
  one token should be that after the piece that goes in as several. A pass up to that layer, and
  back.
- `language_loss`: both kinds of rows, through the whole model: the published objective ("Zero-Shot
  Tokenizer Transfer", section 3.1, equation 2).
- `overlap_loss`: the published auxiliary objective (equation 4): rows of tokens that the old
  vocabulary has, too, against the old rows. The identity warm-up is this alone, over the old
  vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.hypernetwork.base_rows import TokenRows
from tokkit.hypernets.hypernetwork.joined import joined
from tokkit.hypernets.hypernetwork.teacher import Control

NEW_WEIGHT = 4.0
"""Of a new token's state in `reading_loss`; those after it, which see it in attention, have 1."""
_MOST = 10.0
"""Squared deviations of a state, mean over its columns, that count at most."""


def prediction_loss(
    states: torch.Tensor, pieces: torch.Tensor, rows: TokenRows, *, autocast: bool
) -> torch.Tensor:
    """Mean nats of pieces after the teacher's states.

    Args:
        states: float32 (n, width).
        pieces: int64 (n,).
        rows: of the whole vocabulary.
        autocast: whether the products are in bfloat16.
    """
    with torch.autocast(states.device.type, dtype=torch.bfloat16, enabled=autocast):
        logits = states @ rows.outputs.T
    return functional.cross_entropy(logits.float() + rows.bias, pieces)


def reading_loss(
    body: FrozenBody,
    starts: torch.Tensor,
    control: Control,
    chosen: Sequence[int],
    inputs: torch.Tensor,
    *,
    is_new: torch.Tensor,
    layer: int,
) -> torch.Tensor:
    """Mean squared error of inner states, in deviations of each column.

    Args:
        body: of the old model.
        starts: float (n_starts, width), embeddings that precede a text.
        control: what it made of the windows spelled with old tokens.
        chosen: which windows.
        inputs: float (n_tokens, width), rows of the whole vocabulary.
        is_new: bool (n_tokens,).
        layer: the one that `control` holds.
    """
    windows = [control.windows[each] for each in chosen]
    embeddings, real = joined(starts, [body.inputs(inputs, window) for window in windows])
    states = body.inner_states(embeddings, layer)[:, len(starts) :][real]
    wanted = torch.cat([control.inner[each] for each in chosen])
    errors = ((states - wanted) / control.deviations).square().mean(-1).clamp(max=_MOST)
    weights = 1.0 + (NEW_WEIGHT - 1.0) * is_new[torch.cat(windows)].float()
    return (errors * weights).mean()


def language_loss(
    body: FrozenBody,
    starts: torch.Tensor,
    windows: Sequence[torch.Tensor],
    rows: TokenRows,
    *,
    autocast: bool,
) -> torch.Tensor:
    """Mean nats of a piece, where the model reads and predicts new tokens.

    Args:
        body: of the old model.
        starts: float (n_starts, width), embeddings that precede a text.
        windows: int64 (length,) each, the pieces.
        rows: of the whole vocabulary.
        autocast: whether the products are in bfloat16.
    """
    embeddings, real = joined(starts, [body.inputs(rows.inputs, window) for window in windows])
    states = body.states(embeddings)[:, len(starts) - 1 : -1][real]
    return prediction_loss(states, torch.cat(list(windows)), rows, autocast=autocast)


def overlap_loss(made: TokenRows, wanted: TokenRows, *, separate: bool) -> torch.Tensor:
    """Squared distance of rows that should be equal, by the mean norm of those; mean of both kinds.

    Args:
        made: rows of n tokens, at least one.
        wanted: the old rows of the same tokens.
        separate: whether output rows are made, too.
    """
    pairs = [(made.inputs, wanted.inputs)]
    pairs += [(made.outputs, wanted.outputs)] if separate else []
    losses = [
        (new - old).square().sum(-1).mean() / old.norm(dim=-1).mean().clamp(min=1e-9)
        for new, old in pairs
    ]
    return torch.stack(losses).mean()
