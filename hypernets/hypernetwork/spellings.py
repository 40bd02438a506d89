"""Spellings as a hypernetwork reads them, and the rows that it makes of many of them.

Tokens are taken by the length of their spelling, so that nothing is padded, and some thousands at a
time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tokkit.hypernets.alignment import Alignment
from tokkit.hypernets.hypernetwork.architecture import Hypernetwork, Predicted

_PLACES_AT_ONCE = 16_384


@dataclass(frozen=True, eq=False)
class Spellings:
    """The spelling of every token of a vocabulary.

    Attributes:
        parts: int64 (n, max_parts), old ids; -1 behind the end.
        lengths: int64 (n,), of spellings, what is cut off left out.
    """

    parts: torch.Tensor
    lengths: torch.Tensor

    @classmethod
    def of(cls, alignment: Alignment, max_parts: int) -> Spellings:
        """Those of an alignment, each cut off after `max_parts`."""
        lengths = np.minimum(alignment.lengths, max_parts)
        places = np.arange(max_parts)
        real = places < lengths[:, None]
        parts = np.full(real.shape, -1, dtype=np.int64)
        parts[real] = alignment.parts[(alignment.bounds[:-1, None] + places)[real]]
        return cls(torch.from_numpy(parts), torch.from_numpy(lengths))


def predict(
    network: Hypernetwork,
    spellings: Spellings,
    tokens: torch.Tensor,
    source_rows: torch.Tensor,
    *,
    language: int | None = None,
) -> Predicted:
    """What the network makes of some tokens, float32, in their order.

    Args:
        network: has a gradient if torch records one.
        spellings: of the vocabulary.
        tokens: int64 (n,), at least one, each spelled with at least one part.
        source_rows: float (n_source, read_width).
        language: which one, for networks that have languages.
    """
    order: list[torch.Tensor] = []
    found: list[Predicted] = []
    device = source_rows.device
    tokens = tokens.to(spellings.lengths.device)
    lengths = spellings.lengths[tokens]
    for length in torch.unique(lengths).tolist():
        chosen = torch.nonzero(lengths == length)[:, 0]
        wide = network.config.max_parts if network.config.concatenate else length
        for some in chosen.split(max(1, _PLACES_AT_ONCE // wide)):
            parts = spellings.parts[tokens[some], :wide]
            parts = torch.where(parts < 0, network.config.pad_id, parts)
            found.append(network(parts.to(device), source_rows, language=language))
            order.append(some)
    back = torch.argsort(torch.cat(order)).to(device)

    def joined(column: list[torch.Tensor | None]) -> torch.Tensor | None:
        real = [each for each in column if each is not None]
        return torch.cat(real).float()[back] if real else None

    return Predicted(
        torch.cat([each.inputs for each in found]).float()[back],
        joined([each.outputs for each in found]),
        joined([each.bias for each in found]),
    )
