"""What a causal model makes of a text that another tokenizer cuts: log-probabilities and states.

Each window of the text begins afresh after the ids that precede a text, which are not scored.
Where the new tokenizer cuts the windows and every piece is spelled with the old one (the
*control*), the sum tells what the segmentation alone costs, whatever the new embeddings may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.token_models.transformers.trial.length_limits import max_positions
from tokkit.errors import UnsupportedError
from tokkit.hypernets.head import captured_states
from tokkit.hypernets.plain_models.position_rows import position_names

if TYPE_CHECKING:
    import torch

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""

WINDOW_BYTES = 1500
_BATCH_TOKENS = 4096
_BATCH_LOGITS = 1 << 28
"""Logits that are held at a time, and the tokens of a batch, at most."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model says at the borders of pieces.

    Attributes:
        pieces: int64 (n,), the pieces, window after window.
        logprobs: float64 (n,), nats of each piece after what is before it.
        states: float32 (n, width), the last hidden state before each piece; None if not asked for.
    """

    pieces: NDArray[np.int64]
    logprobs: NDArray[np.float64]
    states: NDArray[np.float32] | None

    def bits(self) -> float:
        """Of all pieces together."""
        return -float(self.logprobs.sum()) / math.log(2)


def cut_windows(text: bytes, n_bytes: int = WINDOW_BYTES) -> list[bytes]:
    """Windows of at most `n_bytes`, cut after line breaks if there are any, within no character."""
    windows: list[bytes] = []
    start = 0
    while start < len(text):
        end = min(start + n_bytes, len(text))
        if end < len(text):
            line = text.rfind(b"\n", start + n_bytes // 2, end)
            if line >= 0:
                end = line + 1
            while end > start + 1 and text[end] & 0xC0 == 0x80:
                end -= 1
        windows.append(text[start:end])
        start = end
    return windows


def read(
    model: Any,
    windows: Sequence[Sequence[int]],
    *,
    starts: Sequence[int],
    spelled: Callable[[int], Sequence[int]] | None = None,
    keep_states: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """Score windows of pieces.

    Args:
        model: a causal transformers model.
        windows: the pieces of each window, as ids.
        starts: ids that precede each window.
        spelled: the model's ids that a piece is spelled with, at least one; by default itself.
        keep_states: whether to keep the hidden states.
        progress: called at first, and then, with the number of windows done, and of all.

    A window that is longer than the model's positions is read in parts that each begin afresh.

    Raises:
        UnsupportedError: a piece is longer than the model's positions.
    """
    from tokkit.models.blocks.evaluating import evaluating

    spelled = spelled or (lambda piece: (piece,))
    tell = progress or (lambda *_: None)
    tell(0, len(windows))
    found: dict[int, tuple[NDArray[np.float64], NDArray[np.float32] | None]] = {}
    with evaluating(model):
        parts = [
            part
            for window in windows
            for part in within_positions(model, window, spelled, n_around=len(starts))
        ]
        spellings_of = [[spelled(piece) for piece in part] for part in parts]
        sizes = [len(starts) + sum(map(len, part)) for part in spellings_of]
        for group in batches(sizes, batch_room(model)):
            spellings = [spellings_of[part] for part in group]
            sums = _of_batch(model, spellings, tuple(starts), keep_states)
            found.update(zip(group, sums, strict=True))
            tell(len(found), len(parts))
    rows = [found[part] for part in range(len(parts))]
    states = [states for _, states in rows if states is not None]
    return Reading(
        pieces=np.array([piece for window in windows for piece in window], dtype=np.int64),
        logprobs=np.concatenate([np.empty(0), *(logprobs for logprobs, _ in rows)]),
        states=np.concatenate(states) if states else None,
    )


def within_positions(
    model: Any,
    window: Sequence[int],
    spelled: Callable[[int], Sequence[int]],
    *,
    n_around: int,
) -> Iterator[Sequence[int]]:
    """A window in parts that the model has positions for; mostly the window itself.

    Args:
        model: of transformers.
        window: pieces.
        spelled: the model's ids of each.
        n_around: ids that stand beside a part.

    Raises:
        UnsupportedError: a piece is longer than the model's positions.
    """
    limit = n_positions(model)
    if limit is None:
        yield window
        return
    first, size = 0, n_around
    for place, piece in enumerate(window):
        length = len(spelled(piece))
        if n_around + length > limit:
            raise UnsupportedError(
                f"a token that is spelled with {length} old ones is longer than the {limit} "
                "positions of the model; use a tokenizer with shorter tokens"
            )
        if size + length > limit:
            yield window[first:place]
            first, size = place, n_around
        size += length
    yield window[first:]


def n_positions(model: Any) -> int | None:
    """How many tokens a model reads at most; None where it says nothing."""
    limit = max_positions(model.config.get_text_config(decoder=True))
    if limit is not None and position_names(model):
        limit -= model.config.pad_token_id + 1  # RoBERTa counts from behind its padding id
    return limit


def batch_room(model: Any) -> int:
    """Tokens that a model reads at a time, padding included."""
    n_columns = model.get_output_embeddings().weight.shape[0]
    return min(_BATCH_TOKENS, _BATCH_LOGITS // n_columns)


def batches(sizes: Sequence[int], room: int) -> Iterator[list[int]]:
    """Windows of similar size, at most `room` tokens with their padding."""
    group: list[int] = []
    for window in sorted(range(len(sizes)), key=sizes.__getitem__):
        if group and (len(group) + 1) * sizes[window] > room:
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def _of_batch(
    model: Any,
    spellings: list[list[Sequence[int]]],
    starts: tuple[int, ...],
    keep_states: bool,
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float32] | None]]:
    import torch

    flat = [[*starts, *(part for piece in window for part in piece)] for window in spellings]
    width = max(map(len, flat))
    ids = torch.zeros((len(flat), width), dtype=torch.long)
    mask = torch.zeros((len(flat), width), dtype=torch.long)
    for row, parts in enumerate(flat):
        ids[row, : len(parts)] = torch.tensor(parts)
        mask[row, : len(parts)] = 1
    device = model.get_input_embeddings().weight.device
    with captured_states(model) as captured:
        logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
    for row, (parts, pieces) in enumerate(zip(flat, spellings, strict=True)):
        lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
        ends = np.cumsum(lengths)
        places = slice(len(starts) - 1, len(parts) - 1)
        targets = torch.tensor(parts[len(starts) :], dtype=torch.long, device=device)
        sums = np.append(0.0, np.cumsum(logprobs_of(logits[row, places], targets)))
        kept: NDArray[np.float32] | None = None
        if keep_states:
            before = np.minimum(ends - lengths, len(targets) - 1)  # a piece may have no parts
            kept = captured[0][row, places][before.tolist()].float().cpu().numpy()
        yield sums[ends] - sums[ends - lengths], kept


def logprobs_of(logits: torch.Tensor, targets: torch.Tensor) -> NDArray[np.float64]:
    """float64 (n,): nats of each target under its row of logits."""
    values = logits.float()
    chosen = values.gather(1, targets[:, None])[:, 0] - values.logsumexp(-1)
    return chosen.double().cpu().numpy()
