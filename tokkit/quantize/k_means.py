"""k-means: Lloyd's iterations from the start of k-means++ (Arthur & Vassilvitskii, 2007)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

ROWS_AT_ONCE = 1 << 14


def pieces(x: Tensor) -> list[Tensor]:
    """`x` (n, width) in pieces of at most `ROWS_AT_ONCE` rows; at least one."""
    return [x[at : at + ROWS_AT_ONCE] for at in range(0, max(len(x), 1), ROWS_AT_ONCE)]


def nearest(x: Tensor, codes: Tensor) -> Tensor:
    """The nearest code of each row, int64 (n,), of `x` (n, width) and `codes` (k, width).

    The first of those that are equally near. At most `ROWS_AT_ONCE` x k distances exist at once.
    """
    return torch.cat([each.argmax(1) for each in nearness(x, codes)])


def nearness(x: Tensor, codes: Tensor) -> Iterator[Tensor]:
    """Minus half the squared distance to each code, up to a constant a row: (part, k) at a time.

    Counted from the middle of the codes: far from it the squares would swallow the differences.
    """
    middle = codes.mean(0)
    codes = codes - middle
    halves = codes.square().sum(1) / 2
    for part in pieces(x):
        yield (part - middle) @ codes.T - halves


def spread_start(x: Tensor, k: int) -> Tensor:
    """`k` rows of `x` (n, width), each drawn by its squared distance to those before.

    Where there are fewer different rows than `k`, rows come again.
    """
    chosen = [int(torch.randint(len(x), ()))]
    distances = _squared_distances(x, x[chosen[0]])
    for _ in range(k - 1):
        weights = distances if bool(distances.any()) else torch.ones_like(distances)
        chosen.append(_drawn(weights))
        distances = torch.minimum(distances, _squared_distances(x, x[chosen[-1]]))
    return x[chosen].clone()


def _squared_distances(x: Tensor, point: Tensor) -> Tensor:
    """Of each row of `x` to `point`; zero where they are equal, and without a second `x`."""
    at_least = torch.promote_types(x.dtype, torch.float32)  # it knows no halves
    exactly = "donot_use_mm_for_euclid_dist"
    found = torch.cdist(x.to(at_least), point[None].to(at_least), compute_mode=exactly)
    return found[:, 0].square()


def _drawn(weights: Tensor) -> int:
    """A place, by its weight; `torch.multinomial` takes no more than 2^24 of them."""
    sums = weights.double().cumsum(0)
    point = torch.rand((), dtype=torch.float64).to(sums.device) * sums[-1]
    place = int(torch.searchsorted(sums, point, right=True))
    return min(place, len(weights) - 1)


def k_means(x: Tensor, k: int, *, steps: int = 10) -> Tensor:
    """Centres (k, width) of the rows of `x` (n, width); random, by torch's generator.

    A centre that no row is nearest to stays where it is.
    """
    centres = spread_start(x, k)
    for _ in range(steps):
        ids = nearest(x, centres)
        counts, sums = counts_and_sums(x, ids, k)
        used = counts > 0
        centres[used] = sums[used] / counts[used, None]
    return centres


def counts_and_sums(x: Tensor, ids: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """How many rows each code has, float (k,), and their sums, float (k, width)."""
    counts = torch.bincount(ids, minlength=k).to(x.dtype)
    sums = torch.zeros(k, x.shape[1], dtype=x.dtype, device=x.device).index_add_(0, ids, x)
    return counts, sums
