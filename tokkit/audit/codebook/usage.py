"""How much of the codes is used: by stream, and by position where positions mean something.

A perplexity that is counted on few ids is too low. The Miller-Madow correction adds (codes seen -
1) / 2n nats to the entropy of n ids; what it adds is shown, for it says how far the figure can be
trusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.quantize.usage import perplexity
from tokkit.report.section import Chart, Scalar, Series, Table, columns

_MOST_POSITIONS = 32
_N_BINS = 20


@dataclass(frozen=True, eq=False)
class Usage:
    """How often each code of a stream, or of a position, occurs.

    Attributes:
        counts: int64 (codes,).
    """

    counts: NDArray[np.int64]

    @property
    def n_ids(self) -> int:
        """Ids that were counted."""
        return int(self.counts.sum())

    @property
    def n_codes(self) -> int:
        """Codes that there are."""
        return len(self.counts)

    @property
    def used(self) -> int:
        """Codes that occur."""
        return int((self.counts > 0).sum())

    @property
    def unused(self) -> list[int]:
        """Codes that do not."""
        return np.flatnonzero(self.counts == 0).tolist()

    @property
    def perplexity(self) -> float:
        """Of the frequencies, as they were counted."""
        return perplexity(self.counts)

    @property
    def bits(self) -> float:
        """Of an id, as they were counted."""
        return math.log2(max(self.perplexity, 1.0))

    @property
    def bias_bits(self) -> float:
        """What Miller and Madow add to the bits."""
        return (self.used - 1) / (2 * max(self.n_ids, 1)) / math.log(2)


def usage_of(columns_of_ids: Sequence[NDArray[np.int64]], n_codes: int) -> Usage:
    """Of the ids of one stream, in several parts."""
    ids = np.concatenate([*columns_of_ids, np.zeros(0, np.int64)])
    return Usage(np.bincount(ids, minlength=n_codes))


def by_stream(ids: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> list[Usage]:
    """The usage of each stream.

    Args:
        ids: int64 (n, depth) of each signal.
        sizes: codes of each stream.
    """
    return [
        usage_of([each[:, stream] for each in ids if each.shape[1] > stream], size)
        for stream, size in enumerate(sizes)
    ]


def by_position(ids: Sequence[NDArray[np.int64]], n_codes: int) -> dict[int, Usage]:
    """The usage at the first positions of the signals, numbered from 1; of one stream."""
    longest = min(max(map(len, ids)), _MOST_POSITIONS)
    columns_of_ids = [[each[k : k + 1, 0] for each in ids] for k in range(longest)]
    return {k + 1: usage_of(column, n_codes) for k, column in enumerate(columns_of_ids)}


def usage_table(key: str, title: str, of: str, usages: dict[int, Usage]) -> Table:
    """A row for each stream or position."""
    heads = columns(
        "number", number=of, ids="Ids", used="Codes in use", dead="Never used",
        perplexity="Perplexity", bits="Bits an id", bias="Bias, bits",
    )  # fmt: skip
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
        (
            number,
            each.n_ids,
            each.used,
            each.n_codes - each.used,
            round(each.perplexity, 1),
            round(each.bits, 2),
            round(each.bias_bits, 2),
        )
        for number, each in usages.items()
    )
    note = "Bias: by how much the bits are too few, because they were counted on so few ids."
    return Table(key, title, heads, rows, note)


def usage_chart(usage: Usage) -> Chart:
    """What share of the ids the most frequent codes have, by twentieths of the codebook."""
    ranked = np.sort(usage.counts.astype(np.float64))[::-1]
    edges = np.unique(np.linspace(0, len(ranked), _N_BINS + 1).astype(np.int64))
    shares = np.add.reduceat(ranked, edges[:-1]) / ranked.sum()
    labels = tuple(f"{100 * edge / len(ranked):.0f}%" for edge in edges[1:].tolist())
    values = tuple(round(100 * share, 2) for share in shares.tolist())
    return Chart(
        "usage", "Share of the ids that falls to each part of the codebook, most used first",
        "histogram", labels, (Series("share", values),), "codes, most used first", "% of ids",
    )  # fmt: skip


def positions_chart(usages: dict[int, Usage]) -> Chart:
    """Perplexity by position."""
    values = tuple(round(each.perplexity, 2) for each in usages.values())
    return Chart(
        "positions", "Perplexity of the codes at each position", "lines",
        tuple(map(str, usages)), (Series("perplexity", values),), "position", "codes",
        table="positions",
    )  # fmt: skip
