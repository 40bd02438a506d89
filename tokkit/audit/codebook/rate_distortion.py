"""Rate against distortion, and what each further id or stream is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from tokkit.audit.codebook.encoded import Encoded, Ids
from tokkit.audit.codebook.usage import by_stream
from tokkit.errors import ArgumentError
from tokkit.report.section import Chart, Scalar, Series, Table, columns

ByBudget = Sequence[tuple[float, Sequence[Ids]]]
"""Ids a signal, and the ids of all signals within a budget; increasing."""

_BUDGET_SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Point:
    """What a budget gives.

    Attributes:
        ids: a signal.
        bits: a signal, by the frequencies of the codes at that budget.
        distortion: mean.
    """

    ids: float
    bits: float
    distortion: float


def ids_by_budget(encoded: Encoded) -> ByBudget:
    """The ids at smaller budgets, if there are any, and at the tokenizer's own length."""
    found = [encoded.ids]
    for budget in _budgets(encoded):
        try:
            found.append(encoded.truncated(budget))
        except ArgumentError:
            break  # of fixed length
    unique = {round(sum(map(np.size, ids)) / len(ids), 2): ids for ids in found}
    return sorted(unique.items(), key=lambda item: item[0])


def curve_of(encoded: Encoded, by_budget: ByBudget) -> list[Point]:
    """Distortion at each budget of `ids_by_budget`."""
    return [_point(encoded, n, ids) for n, ids in by_budget]


def _budgets(encoded: Encoded) -> list[int]:
    """From large to small: streams, or shares of the longest signal."""
    if encoded.tokenizer.prefix_axis == "depth":
        return list(range(encoded.tokenizer.streams - 1, 0, -1))
    longest = max(map(len, encoded.ids))
    return sorted({math.ceil(share * longest) for share in _BUDGET_SHARES}, reverse=True)


def _point(encoded: Encoded, n_ids: float, ids: Sequence[Ids]) -> Point:
    usages = by_stream(ids, encoded.tokenizer.vocab_sizes)
    bits = sum(each.bits * each.n_ids for each in usages)
    return Point(n_ids, round(bits / len(ids), 1), short(encoded.distance(ids)))


def bd_rate(curve: Sequence[Point], other: Sequence[Point]) -> float | None:
    """How many bits more than another a tokenizer takes at equal distortion, %; below 0: fewer.

    "Calculation of Average PSNR Differences between RD-Curves" (Bjøntegaard, 2001): the mean
    difference of log bits over the log distortions that both reach. Curves go through their points
    by monotone cubics, not by one cubic that may leave them.

    Args:
        curve: of the tokenizer, by increasing bits.
        other: of the other one.

    Returns:
        None where a curve has fewer than two points, of falling distortion, or where they reach no
        distortion in common.
    """
    pieces = [_falling(each) for each in (curve, other)]
    if any(len(each) < 2 for each in pieces):
        return None
    low = max(each[0][0] for each in pieces)
    high = min(each[-1][0] for each in pieces)
    if low >= high:
        return None
    means: list[float] = []
    for each in pieces:
        points = np.array(each)
        through: Any = PchipInterpolator(points[:, 0], points[:, 1])
        means.append(float(through.integrate(low, high)) / (high - low))
    return 100 * math.expm1(means[0] - means[1])


def _falling(curve: Sequence[Point]) -> list[tuple[float, float]]:
    """(log distortion, log bits), increasing, without points no better than a cheaper one."""
    kept: list[tuple[float, float]] = []
    for point in curve:
        if point.bits <= 0 or point.distortion <= 0:
            continue
        new = math.log(point.distortion), math.log(point.bits)
        if not kept or (new[0] < kept[-1][0] and new[1] > kept[-1][1]):
            kept.append(new)
    return kept[::-1]


def curve_table(curve: Sequence[Point], *, other: str = "") -> Table:
    """A row for each budget; of another tokenizer with its name."""
    heads = columns(
        "number", ids="Ids a signal", bits="Bits a signal", distortion="Distortion",
        gain="Less by each further id",
    )  # fmt: skip
    rows: list[tuple[Scalar, ...]] = []
    for k, point in enumerate(curve):
        gain = None
        if k:
            before = curve[k - 1]
            gain = short((before.distortion - point.distortion) / (point.ids - before.ids))
        rows.append((point.ids, point.bits, point.distortion, gain))
    key, of = ("rate_distortion_of_other", f" of {other}") if other else ("rate_distortion", "")
    return Table(
        key, f"Rate against distortion{of}", heads, tuple(rows),
        "Bits by the frequencies of the codes of each stream. One row: the length is fixed.",
    )  # fmt: skip


def curve_chart(curve: Sequence[Point]) -> Chart:
    """Distortion by ids."""
    return Chart(
        "rate_distortion", "Distortion by the number of ids", "lines",
        tuple(f"{point.ids:g}" for point in curve),
        (Series("distortion", tuple(point.distortion for point in curve)),),
        "ids a signal", "distortion",
    )  # fmt: skip


def short(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")
