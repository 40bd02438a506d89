"""What a codec learns: to give back spectra, to stay near its codes, and what two teachers know.

Spectra are compared as they are, and pooled in mel bands over three stretches of time. The paper
compares mel spectra of samples, and adds discriminators, which are left out here.

The two distillations are the paper's (section 2.3), along the dimensions of a teacher: a linear map
of what the *first* code stands for is to go up and down with the teacher's vectors, by the cosine
over time of each dimension. One teacher is a language model, the other a speech model. The paper
has -log sigmoid of the cosine, which is never 0; here its least value is taken off, so that the
loss is 0 exactly where the map gives the teacher's vectors, each dimension up to a factor. In the
paper's code the states of a language model lie beside frames in the order of tokens, whenever those
are spoken; here each frame has the vector of the word that is heard in it, and frames without a
word are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

_SCALES = ((48, 1), (24, 4), (12, 16))
"""Mel bands, and spectra that are averaged."""
_LEAST = 1e-6
_SQUARES = 5.0
"""Weight of squared differences beside absolute ones."""

MelFilters = Sequence[torch.Tensor]


def spectrum_loss(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean difference of cube roots of amplitudes, float (batch, frames, parts, bins)."""
    gaps = (found - wanted).abs()
    return gaps.mean() + _SQUARES * gaps.square().mean()


def mel_bands() -> tuple[int, ...]:
    """The numbers of bands that `mel_loss` wants filters of."""
    return tuple(n_bands for n_bands, _ in _SCALES)


def mel_loss(found: torch.Tensor, wanted: torch.Tensor, filters: MelFilters) -> torch.Tensor:
    """Mean absolute difference of cube roots of pooled amplitudes, over the scales.

    Args:
        found: float (batch, frames, parts, bins), cube roots of amplitudes.
        wanted: the same of the signal.
        filters: float (bins, bands) of each scale.
    """
    pairs = torch.stack([found, wanted]).flatten(2, 3).pow(3)
    terms: list[torch.Tensor] = []
    for each, (_, stretch) in zip(filters, _SCALES, strict=True):
        bands = pairs @ each
        n = max(bands.shape[2] // stretch, 1)
        bands = bands[:, :, : n * stretch].unflatten(2, (n, -1)).mean(3)
        one, other = (bands + _LEAST).pow(1 / 3)
        terms.append((one - other).abs().mean())
    return torch.stack(terms).mean()


def distillation_loss(
    found: torch.Tensor, teacher: torch.Tensor, known: torch.Tensor
) -> torch.Tensor:
    """How far the dimensions of vectors are from going up and down with a teacher's.

    Args:
        found: float (batch, frames, width).
        teacher: the same of the teacher; may hold anything where it is not known.
        known: bool (batch, frames).

    Returns:
        float (), 0 or more, of the segments with a known frame; 0 if there is none.
    """
    there = known.any(1)
    if not bool(there.any()):
        return found.sum() * 0.0
    mask = known[there][..., None]
    one = torch.where(mask, found[there], 0.0)
    other = torch.where(mask, teacher[there], 0.0)
    cosines = functional.cosine_similarity(one, other, dim=1)
    least = functional.logsigmoid(torch.ones((), dtype=found.dtype, device=found.device))
    return (least - functional.logsigmoid(cosines)).clamp(min=0).mean()


def drawn_depths(n: int, depth: int, drop: float) -> torch.Tensor:
    """How many streams each of `n` segments keeps, int64 (n,): often few of them, sometimes all."""
    drawn = torch.rand(n).mul(torch.log(torch.tensor(depth + 1.0))).exp().long().clamp(1, depth)
    return torch.where(torch.rand(n) < drop, drawn, depth)
