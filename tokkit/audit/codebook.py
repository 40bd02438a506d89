"""The codebook section, for tokenizers of any modality: how the codes are used, and what they cost.

How much of the codebook is used is the perplexity of `tokkit.quantize.usage`. For a tokenizer of
flexible length, the distortion is measured at several budgets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokkit.audit.finding import Finding
from tokkit.audit.part import Part
from tokkit.audit.rules.codebook import UNUSED_CODES
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError
from tokkit.quantize.usage import perplexity
from tokkit.report.section import Chart, Fact, Section, Series, Table, columns
from tokkit.tokenizer import Tokenizer

MIN_IDS_PER_CODE = 10
"""Unused codes are reported only if the signals gave so many ids for each code there is."""

MAX_UNUSED = 0.1
"""Above this share of the codes, unused ones are reported."""

_BUDGET_SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
_N_BINS = 20


@dataclass(frozen=True)
class _Point:
    """Ids a signal, and the mean distortion."""

    ids: float
    distortion: float


def examine(
    subject: Subject,
    *,
    signals: Sequence[Any] | None = None,
    distortion: Callable[[Any, Any], float] | None = None,
) -> Part:
    """How the codes are used on `signals`, and how rate trades against distortion.

    Args:
        subject: a tokenizer of any modality.
        signals: what to encode; None: only what is known without.
        distortion: (signal, decoded signal) -> how far apart they are; smaller is better.

    Raises:
        ArgumentError: an empty list of signals, or a distortion that is not a finite number.
    """
    tokenizer = subject.tokenizer
    if signals is None or distortion is None:
        facts = (Fact("codes", "Codes", tokenizer.vocab_size),)
        summary = "No signals were given, so the use of the codes is not known."
        return Part(Section("codebook", "Codebook", summary, facts))
    if not len(signals):
        raise ArgumentError("signals is empty; give a few hundred to measure the use of the codes")
    encoded = [list(tokenizer.encode(signal)) for signal in signals]
    counts = _counts(encoded, tokenizer.vocab_size)
    curve = _curve(tokenizer, signals, encoded, distortion)
    return Part(_section(counts, curve), tuple(_findings(counts)))


def _counts(encoded: list[list[int]], n_codes: int) -> list[int]:
    ids = np.array([code for codes in encoded for code in codes], dtype=np.int64)
    if not len(ids) or ids.min() < 0 or ids.max() >= n_codes:
        raise ArgumentError(
            f"the signals gave ids outside 0 to {n_codes - 1}, or none; the tokenizer is broken"
        )
    return np.bincount(ids, minlength=n_codes).tolist()


def _curve(
    tokenizer: Tokenizer[Any],
    signals: Sequence[Any],
    encoded: list[list[int]],
    distortion: Callable[[Any, Any], float],
) -> list[_Point]:
    """Distortion at the tokenizer's own length, and at smaller budgets where it has them."""
    points = [_point(tokenizer, signals, encoded, distortion)]
    longest = max(map(len, encoded))
    for budget in sorted({math.ceil(share * longest) for share in _BUDGET_SHARES}, reverse=True):
        try:
            shorter = [list(tokenizer.encode(signal, budget=budget)) for signal in signals]
        except ArgumentError:
            break  # of fixed length
        points.append(_point(tokenizer, signals, shorter, distortion))
    unique = {point.ids: point for point in points}
    return [unique[ids] for ids in sorted(unique)]


def _point(
    tokenizer: Tokenizer[Any],
    signals: Sequence[Any],
    encoded: list[list[int]],
    distortion: Callable[[Any, Any], float],
) -> _Point:
    values = [
        float(distortion(signal, tokenizer.decode(ids)))
        for signal, ids in zip(signals, encoded, strict=True)
    ]
    if not all(map(math.isfinite, values)):
        raise ArgumentError("distortion gave a figure that is not finite; expected a number")
    return _Point(round(sum(map(len, encoded)) / len(encoded), 2), _short(float(np.mean(values))))


def _section(counts: list[int], curve: list[_Point]) -> Section:
    n, used = len(counts), sum(count > 0 for count in counts)
    size = perplexity(counts)
    bits = math.log2(size)
    facts = (
        Fact("codes", "Codes", n),
        Fact("codes_used_percent", "Codes in use", round(100 * used / n, 1), "%",
             help="Codes that occur at least once in the signals."),
        Fact("perplexity", "Perplexity of the codes", round(size, 1), "codes",
             help="As many codes, used alike, would carry as much information."),
        Fact("bits_per_id", "Information of an id", round(bits, 2), "bits",
             help=f"At most {math.log2(n):.2f} bits, when all codes are used alike."),
        Fact("ids_per_signal", "Ids a signal", curve[-1].ids),
        Fact("distortion", "Distortion", curve[-1].distortion,
             help="In the unit of the measure that was given; smaller is better."),
    )  # fmt: skip
    table = Table(
        "rate_distortion", "Rate against distortion",
        columns("number", ids="Ids a signal", bits="Bits a signal", distortion="Distortion"),
        tuple((p.ids, round(p.ids * bits, 1), p.distortion) for p in curve),
        "Bits are ids times the information of one. One row: the length is fixed.",
    )  # fmt: skip
    charts = [_usage_chart(counts)]
    if len(curve) > 1:
        charts.append(Chart(
            "rate_distortion", "Distortion falls with the number of ids", "lines",
            tuple(f"{point.ids:g}" for point in curve),
            (Series("distortion", tuple(point.distortion for point in curve)),),
            "ids a signal", "distortion",
        ))  # fmt: skip
    summary = (
        f"{used:,} of {n:,} codes occur in the signals; they carry as much as {size:,.1f} codes "
        "used alike would."
    )
    return Section("codebook", "Codebook", summary, facts, (table,), tuple(charts))


def _usage_chart(counts: list[int]) -> Chart:
    """What share of the ids the most frequent codes have, by twentieths of the codebook."""
    ranked = np.sort(np.asarray(counts, dtype=np.float64))[::-1]
    edges = np.unique(np.linspace(0, len(ranked), _N_BINS + 1).astype(np.int64))
    shares = np.add.reduceat(ranked, edges[:-1]) / ranked.sum()
    labels = tuple(f"{100 * edge / len(ranked):.0f}%" for edge in edges[1:].tolist())
    values = tuple(round(100 * share, 2) for share in shares.tolist())
    return Chart(
        "usage", "Share of the ids that falls to each part of the codebook, most used first",
        "histogram", labels, (Series("share", values),), "codes, most used first", "% of ids",
    )  # fmt: skip


def _findings(counts: list[int]) -> list[Finding]:
    unused = [code for code, count in enumerate(counts) if count == 0]
    n, total = len(counts), sum(counts)
    if len(unused) <= MAX_UNUSED * n or total < MIN_IDS_PER_CODE * n:
        return []
    message = f"{len(unused):,} of {n:,} codes never occur among {total:,} ids of the signals."
    return [Finding.of(UNUSED_CODES, message, unused)]


def _short(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")
