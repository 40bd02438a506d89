"""Residual k-means of whole pictures: what a tokenizer has to beat at equal bits.

Each layer has 1,024 centres (10 bits) of what the layers before left out, by Lloyd's iterations
from the start of k-means++. A picture by k codes is the sum of k centres, so these are ids that may
be truncated, too. Few pictures stand behind each centre, and what later layers learn from is what
these very pictures leave: so centres are also shrunk towards none, by how few pictures they have.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.files.writing import whole_file
from tokkit.models.flextok.model import psnr
from tokkit.quantize.k_means import counts_and_sums, k_means, nearest

_SCALE = 255.0


def residual_psnr(
    known: NDArray[np.uint8],
    test: NDArray[np.uint8],
    *,
    depth: int,
    n_codes: int,
    folder: Path,
    shrink: float = 0.0,
) -> list[float]:
    """Decibels on test pictures by 1 to `depth` codes.

    Args:
        known: uint8 (n, height, width, channels), whose centres are sought.
        test: likewise, that are measured.
        depth: layers.
        n_codes: of each layer.
        folder: keeps the layers, to go on after an interruption.
        shrink: a centre of n pictures is multiplied by n / (n + shrink).
    """
    left = torch.from_numpy(known.reshape(len(known), -1)).float() / _SCALE
    rest = torch.from_numpy(test.reshape(len(test), -1)).float() / _SCALE
    whole = rest.clone()
    found: list[float] = []
    for layer in range(depth):
        centres = _centres(left, layer, n_codes, folder, shrink)
        left = left - centres[nearest(left, centres)]
        rest = rest - centres[nearest(rest, centres)]
        decoded = ((whole - rest) * _SCALE).clamp(0, 255).round().to(torch.uint8).numpy()
        found.append(psnr(test, decoded.reshape(test.shape)))
    return found


def _centres(
    left: torch.Tensor, layer: int, n_codes: int, folder: Path, shrink: float
) -> torch.Tensor:
    path = folder / f"{layer}.npy"
    if path.exists():
        return torch.from_numpy(np.load(path, allow_pickle=False))
    torch.manual_seed(layer)
    centres = k_means(left, n_codes)
    if shrink:
        counts, _ = counts_and_sums(left, nearest(left, centres), n_codes)
        centres *= (counts / (counts + shrink))[:, None]
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        np.save(stream, centres.numpy())
    print(f"residual k-means: layer {layer + 1}", flush=True)
    return centres
