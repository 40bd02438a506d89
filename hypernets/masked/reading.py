"""What a masked model makes of a text that a tokenizer cuts: pseudo-log-likelihoods, and states.

Every piece of a window is masked once, an eighth of them at a time, and told from all others
(Salazar et al., "Masked Language Model Scoring", ACL 2020, masks one at a time). A piece that is
spelled with several tokens of the model is told token by token, with those that are not told yet
masked (Kauf & Ivanova, "A Better Way to Do Masked Language Model Scoring", ACL 2023), so that its
probability is one of the piece: no part of it helps to tell another that comes before.

A model that has the piece as one token sees one mask in its place. `masked_states` gives what the
output matrix is given there, to which rows of new tokens can be fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tokkit.hypernets.head import captured_states
from tokkit.hypernets.masked.frame import MaskedFrame
from tokkit.hypernets.windows import Reading, batch_room, batches, logprobs_of, within_positions

if TYPE_CHECKING:
    import torch

STRIDE = 8
"""Of the pieces of a window, so many are told from the others at a time: every eighth."""
Spelled = Callable[[int], Sequence[int]]


@dataclass(frozen=True)
class _Asked:
    """A sequence with masks.

    Attributes:
        ids: of the sequence.
        places: of the masks that are to be told.
        wanted: what stands there: an id of the model, or a piece.
        owners: int, the piece among all.
    """

    ids: list[int]
    places: list[int]
    wanted: list[int]
    owners: list[int]


def masked_bits(
    model: Any,
    windows: Sequence[Sequence[int]],
    frame: MaskedFrame,
    *,
    spelled: Spelled | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> float:
    """Bits of all pieces, each told from the others of its window.

    Args:
        model: a masked transformers model.
        windows: the pieces of each window, as ids.
        frame: of the model.
        spelled: the model's ids that a piece is spelled with; by default itself. Pieces without
            any cost nothing.
        progress: called with the number of sequences that were read, and of all.
    """
    spelled = spelled or (lambda piece: (piece,))
    asked: list[_Asked] = []
    for window in _fitting(model, windows, frame, spelled):
        spellings = [list(spelled(piece)) for piece in window]
        for group in range(min(STRIDE, len(window))):
            deepest = max(map(len, spellings[group::STRIDE]))
            asked += (_chain(spellings, group, depth, frame) for depth in range(deepest))
    nats = 0.0
    for each, logits, _ in _read(model, asked, progress):
        device = logits.device
        nats -= logprobs_of(logits, _tensor(each.wanted, device)).sum()
    return nats / math.log(2)


def masked_states(
    model: Any,
    windows: Sequence[Sequence[int]],
    frame: MaskedFrame,
    *,
    spelled: Spelled,
    progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """The states at one mask in the place of each piece; the log-probabilities are NaN."""
    asked: list[_Asked] = []
    n = 0
    chunks = list(_fitting(model, windows, frame, spelled))
    for window in chunks:
        spellings = [list(spelled(piece)) for piece in window]
        groups = range(min(STRIDE, len(window)))
        asked += (_one_mask(window, spellings, group, n, frame) for group in groups)
        n += len(window)
    width = model.get_output_embeddings().weight.shape[1]
    states = np.zeros((n, width), np.float32)
    for each, _, found in _read(model, asked, progress):
        states[each.owners] = found.float().cpu().numpy()
    pieces = np.array([piece for window in chunks for piece in window], dtype=np.int64)
    return Reading(pieces, np.full(n, np.nan), states)


def _fitting(
    model: Any, windows: Sequence[Sequence[int]], frame: MaskedFrame, spelled: Spelled
) -> Iterator[Sequence[int]]:
    """The windows, those in parts that are longer than the model's positions."""
    for window in windows:
        yield from within_positions(model, window, spelled, n_around=frame.n_tokens)


def _chain(spellings: list[list[int]], group: int, depth: int, frame: MaskedFrame) -> _Asked:
    """Every eighth piece masked from its part `depth` on; that part is to be told."""
    ids = list(frame.before)
    places: list[int] = []
    wanted: list[int] = []
    for place, parts in enumerate(spellings):
        if place % STRIDE != group:
            ids += parts
            continue
        if depth < len(parts):
            places.append(len(ids) + depth)
            wanted.append(parts[depth])
        ids += [*parts[:depth], *([frame.mask] * max(0, len(parts) - depth))]
    return _Asked([*ids, *frame.after], places, wanted, [])


def _one_mask(
    window: Sequence[int], spellings: list[list[int]], group: int, first: int, frame: MaskedFrame
) -> _Asked:
    """One mask in the place of every eighth piece."""
    ids = list(frame.before)
    places: list[int] = []
    owners = list(range(group, len(window), STRIDE))
    for place, parts in enumerate(spellings):
        if place % STRIDE == group:
            places.append(len(ids))
            ids.append(frame.mask)
        else:
            ids += parts
    wanted = [window[owner] for owner in owners]
    return _Asked([*ids, *frame.after], places, wanted, [first + owner for owner in owners])


def _read(
    model: Any, asked: Sequence[_Asked], progress: Callable[[int, int], None] | None
) -> Iterator[tuple[_Asked, torch.Tensor, torch.Tensor]]:
    """Each with its logits (masks, vocabulary) and the states that these come from."""
    import torch

    from tokkit.models.blocks.evaluating import evaluating

    tell = progress or (lambda *_: None)
    done = 0
    tell(0, len(asked))
    with evaluating(model), captured_states(model) as captured:
        for group in batches([len(each.ids) for each in asked], batch_room(model)):
            some = [asked[k] for k in group]
            longest = max(len(each.ids) for each in some)
            device = model.get_input_embeddings().weight.device
            ids = torch.zeros((len(some), longest), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, each in enumerate(some):
                ids[row, : len(each.ids)] = torch.tensor(each.ids)
                mask[row, : len(each.ids)] = 1
            captured.clear()
            logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
            for row, each in enumerate(some):
                places = _tensor(each.places, device)
                yield each, logits[row, places], captured[0][row, places]
            done += len(some)
            tell(done, len(asked))


def _tensor(ids: Sequence[int], device: Any) -> torch.Tensor:
    import torch

    return torch.tensor(ids, dtype=torch.long, device=device)
