"""What the old model makes of a text that a new tokenizer cuts: the teacher of a hypernetwork.

Each piece is spelled with old tokens (the *control*), so that the model reads embeddings that it
knows. At the borders of pieces it says what a model with the new tokenizer should know there: the
last hidden state before a piece, from which the piece is predicted, and the state of an inner
layer at its end, once it is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.hypernetwork.joined import joined

_WINDOWS_AT_ONCE = 4


@dataclass(frozen=True, eq=False)
class Control:
    """The old model at the borders of pieces.

    Attributes:
        windows: int64 (length,) each, the pieces.
        before: float32 (length, width) each, the last hidden state before each piece.
        inner: float32 (length, width) each, the inner layer's state at the end of each piece.
        logprobs: float32 (length,) each, nats of each piece after what is before it; NaN where not
            asked for.
        deviations: float32 (width,), of the columns of `inner`, over all windows.
    """

    windows: tuple[torch.Tensor, ...]
    before: tuple[torch.Tensor, ...]
    inner: tuple[torch.Tensor, ...]
    logprobs: tuple[torch.Tensor, ...]
    deviations: torch.Tensor

    def bits(self) -> float:
        """Of all pieces together."""
        return -sum(float(each.double().sum()) for each in self.logprobs) / math.log(2)


def read_control(
    body: FrozenBody,
    windows: Sequence[Sequence[int]],
    spelled: Callable[[int], Sequence[int]],
    starts: Sequence[int],
    *,
    layer: int,
    scored: bool = False,
) -> Control:
    """Let the old model read windows of pieces.

    Args:
        body: of the old model, with a linear head.
        windows: the pieces of each, at least one, each spelled with at least one old token.
        spelled: the old ids of a piece.
        starts: old ids that precede a text, at least one.
        layer: which one is inner, from 1.
        scored: whether to give log-probabilities, which takes the logits of all old tokens.
    """
    found: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for first in range(0, len(windows), _WINDOWS_AT_ONCE):
        some = windows[first : first + _WINDOWS_AT_ONCE]
        spellings = [[list(spelled(piece)) for piece in window] for window in some]
        found += _of_some(body, spellings, list(starts), layer, scored)
    inner = tuple(each[1] for each in found)
    return Control(
        windows=tuple(torch.tensor(window, device=body.device) for window in windows),
        before=tuple(each[0] for each in found),
        inner=inner,
        logprobs=tuple(each[2] for each in found),
        deviations=torch.cat(inner).std(0).clamp(min=1e-6),
    )


def _of_some(
    body: FrozenBody,
    spellings: list[list[list[int]]],
    starts: list[int],
    layer: int,
    scored: bool,
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    flat = [torch.tensor([part for piece in window for part in piece]) for window in spellings]
    before = body.old_inputs(torch.tensor(starts))
    embeddings, _ = joined(before, [body.old_inputs(each) for each in flat])
    inner, last = body.both_states(embeddings, layer)
    found: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for row, (parts, window) in enumerate(zip(flat, spellings, strict=True)):
        lengths = torch.tensor([len(piece) for piece in window], device=body.device)
        ends = torch.cumsum(lengths, 0) + len(starts) - 1
        logprobs = torch.full(ends.shape, math.nan, device=body.device)
        if scored:
            places = slice(len(starts) - 1, len(starts) - 1 + len(parts))
            sums = _logprobs(body, last[row, places], parts.to(body.device)).cumsum(0)
            sums = torch.cat([sums.new_zeros(1), sums])
            upto = ends - (len(starts) - 1)
            logprobs = (sums[upto] - sums[upto - lengths]).float()
        found.append((last[row, ends - lengths], inner[row, ends], logprobs))
    return found


def _logprobs(body: FrozenBody, states: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
    """float64 (n,): nats of each old token under the state before it."""
    with torch.no_grad():
        logits = body.products(states)
        return (logits.gather(1, parts[:, None])[:, 0] - logits.logsumexp(1)).double()
