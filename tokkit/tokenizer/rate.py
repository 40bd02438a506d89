"""`Rate`: what ids cost, in three measures, and for how much of a signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokkit.errors import ArgumentError
from tokkit.tokenizer.entropy_coding import write_ids
from tokkit.tokenizer.ids import PrefixAxis, as_columns, as_id_array


@dataclass(frozen=True)
class Rate:
    """What some ids cost.

    The entropy is that of the very ids that are measured, so of few ids of many codes it is too
    low: nobody could code them in so few bits without knowing their frequencies. The coded bytes
    hold all that a decoder needs but the tokenizer, and are what a file would have.

    Attributes:
        nominal_bits: log2 of the number of codes, summed over the ids: all codes alike.
        entropy_bits: of the frequencies of the ids of each stream (order 0), times their number.
        coded_bytes: of the file that `write_ids` makes, which `read_ids` reads.
        n_units: of the signal: bytes of text, pixels, nodes, or seconds.
    """

    nominal_bits: float
    entropy_bits: float
    coded_bytes: int
    n_units: float

    @property
    def nominal_bits_per_unit(self) -> float:
        """Bits a byte, pixel, node or second."""
        return self._per_unit(self.nominal_bits)

    @property
    def entropy_bits_per_unit(self) -> float:
        """Bits a byte, pixel, node or second."""
        return self._per_unit(self.entropy_bits)

    @property
    def coded_bits_per_unit(self) -> float:
        """Bits a byte, pixel, node or second."""
        return self._per_unit(8 * self.coded_bytes)

    def _per_unit(self, bits: float) -> float:
        if not self.n_units:
            raise ArgumentError("the ids stand for no signal at all, so there is no rate per unit")
        return bits / self.n_units


def rate_of(
    ids: object, vocab_sizes: Sequence[int], *, n_units: float, prefix_axis: PrefixAxis = "none"
) -> Rate:
    """What ids cost.

    Args:
        ids: (n,) or (n, depth); absent ones cost nothing.
        vocab_sizes: number of codes of each stream.
        n_units: of the signal.
        prefix_axis: along which ids may be absent.

    Raises:
        ArgumentError: another shape, or more ids than a file holds.
        EncodingError: an id outside the vocabulary.
    """
    array = as_id_array(ids, vocab_sizes, prefix_axis=prefix_axis)
    columns = as_columns(array)
    nominal = entropy = 0.0
    for stream, size in enumerate(vocab_sizes[: columns.shape[1]]):
        nominal += len(columns) * math.log2(size)
        _, counts = np.unique(columns[:, stream], return_counts=True)
        entropy -= float((counts * np.log2(counts / max(len(columns), 1))).sum())
    coded = len(write_ids(array, vocab_sizes, prefix_axis=prefix_axis))
    return Rate(nominal, max(entropy, 0.0), coded, n_units)
