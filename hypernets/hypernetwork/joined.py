"""Windows of embeddings, which differ in length, as one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def joined(
    starts: torch.Tensor, windows: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of embeddings after those that precede each text, padded with zeros behind their end.

    A causal model does not read what stands behind.

    Args:
        starts: float (n_starts, width).
        windows: float (length, width) each.

    Returns:
        Float (windows, n_starts + longest, width), and bool (windows, longest): what is no padding.
    """
    longest = max(map(len, windows))
    padded = [
        torch.nn.functional.pad(torch.cat([starts, each]), (0, 0, 0, longest - len(each)))
        for each in windows
    ]
    lengths = torch.tensor([len(each) for each in windows], device=starts.device)
    places = torch.arange(longest, device=starts.device)
    return torch.stack(padded), places < lengths[:, None]
