"""`VocabularyIndex`: exact logits over a vocabulary of which most rows are sums of few others.

A model whose vocabulary is extended by a million merged strings has a row for each, and a product
with all of them costs more than the rest of the model. But where a row is a weighted sum of rows of
the base vocabulary (a heuristic: the mean of its subtokens, or a mix of the first and the last),
its logit is the same sum of their logits. So:

1. the base logits are computed once, by one product with the base rows;
2. the others are gathered from them (`tokkit.kernels.large_vocabulary`);
3. what a hypernetwork adds to a row (`residual`) is screened in 4 and 8 bits, and the rows that may
   be among the largest are computed exactly.

So `search` without a residual is exact. With one, a row is missed only if rounding errs by six
standard deviations, and the logits of those that are found are exact. No approximate index of
nearest neighbours is used: see the documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array, check_whole
from tokkit.dynamic.embedding import as_matrix
from tokkit.errors import ArgumentError
from tokkit.kernels.large_vocabulary.largest import keep_largest
from tokkit.kernels.large_vocabulary.screening import (
    Codes,
    Query,
    encode_rows,
    estimate_logits,
    screen,
)
from tokkit.kernels.large_vocabulary.weighted_sums import weighted_sums

Float32s = NDArray[np.float32]
Parts = Sequence[Sequence[int]] | NDArray[np.integer[Any]]

_CODE_MAX = 127
_QUERY_MAX = 2047
_MAX_WIDTH = (1 << 31) // (_CODE_MAX * _QUERY_MAX)


@dataclass(frozen=True, eq=False)
class _Sums:
    """The parts of all rows, in order of how many a row has (see `weighted_sums`)."""

    order: NDArray[np.int32]
    starts: NDArray[np.int64]
    parts: NDArray[np.int32]
    weights: Float32s


class VocabularyIndex:
    """Logits, and the largest of them, over base rows and weighted sums of base rows.

    Ids are those of the base rows, then those of the sums.

    Attributes:
        n_base: how many base rows there are.
        width: of each row.
    """

    def __init__(
        self,
        rows: Any,
        parts: Parts,
        *,
        weights: Any = None,
        bias: Any = None,
        residual: Any = None,
    ) -> None:
        """Lay out the tables.

        Args:
            rows: float32 (base, width), the output rows of the base vocabulary.
            parts: for each further row the base ids of which it is made: sequences, or an array
                (n, m) where all have as many.
            weights: of each part of each row, in the shape of `parts`; None: their mean.
            bias: float32, added to the logits: (n,) of the further rows, or (base + n,) of all.
            residual: float32 (n, width), added to the further rows. It is kept as it is, beside 12
                bits of each of its numbers.

        Raises:
            ArgumentError: shapes that do not fit, ids outside the base, a row without parts, or
                numbers that are not finite.
        """
        self._rows = np.ascontiguousarray(as_matrix(rows, "rows"))
        self.n_base: int = len(self._rows)
        self.width: int = self._rows.shape[1]
        if not self.n_base:
            raise ArgumentError("rows has no rows; expected those of the base vocabulary")
        self._sums = _read_parts(parts, weights, self.n_base)
        self.n_parts = len(self._sums.order)
        self._base_bias, self._bias = self._read_bias(bias)
        self._residual: Float32s | None = None
        self._codes: tuple[Codes, Codes] | None = None
        if residual is not None:
            self._residual = np.ascontiguousarray(as_matrix(residual, "residual"))
            self._check_residual(self._residual)
            self._codes = _encode(self._residual)

    def __len__(self) -> int:
        """How many ids there are."""
        return self.n_base + self.n_parts

    def __repr__(self) -> str:
        added = "" if self._residual is None else ", with a residual"
        return f"VocabularyIndex({self.n_base} + {self.n_parts} rows of {self.width}{added})"

    def logits(self, queries: Any) -> Float32s:
        """All logits.

        Args:
            queries: float32 (width,) or (q, width), hidden states as the head gets them.

        Returns:
            float32 (ids,) or (q, ids).

        Raises:
            ArgumentError: another shape, or numbers that are not finite.
        """
        several, one = self._read_queries(queries)
        out = np.empty((len(several), len(self)), np.float32)
        for row, base in zip(out, self._base_logits(several), strict=True):
            row[: self.n_base] = base + self._base_bias
            self._gather(base, row[self.n_base :])
        if self._residual is not None:
            out[:, self.n_base :] += several @ self._residual.T
        return out[0] if one else out

    def search(self, queries: Any, k: int) -> tuple[NDArray[np.int32], Float32s]:
        """The ids with the largest logits, the largest first; of equals the lower id first.

        Args:
            queries: float32 (width,) or (q, width).
            k: how many.

        Returns:
            ids: int32 (k,) or (q, k), and their logits: float32.

        Raises:
            ArgumentError: another shape, numbers that are not finite, or more than all ids.
        """
        several, one = self._read_queries(queries)
        check_whole("k", k, 1, len(self))
        ids = np.empty((len(several), k), np.int32)
        logits = np.empty((len(several), k), np.float32)
        for number, base in enumerate(self._base_logits(several)):
            ids[number], logits[number] = self._search(several[number], base, k)
        return (ids[0], logits[0]) if one else (ids, logits)

    def total_variation(self, queries: Any, k: int) -> NDArray[np.float64]:
        """How far the softmax over the `k` ids that are found is from that over all ids.

        Total variation is the mass of the ids that are left out. It takes all logits.

        Args:
            queries: float32 (width,) or (q, width).
            k: how many ids are kept.

        Returns:
            float64 () or (q,), from 0 to 1.

        Raises:
            ArgumentError: as of `search`.
        """
        several, one = self._read_queries(queries)
        ids, _ = self.search(several, k)
        found = np.empty(len(several))
        for number, query in enumerate(several):
            logits = self.logits(query).astype(np.float64)
            mass = np.exp(logits - logits.max())
            left_out = mass.copy()
            left_out[ids[number]] = 0
            found[number] = left_out.sum() / mass.sum()
        return found[0] if one else found

    # -- one query ---------------------------------------------------------------------------

    def _base_logits(self, queries: Float32s) -> Float32s:
        logits = np.empty((len(queries), self.n_base), np.float32)
        for row, query in zip(logits, queries, strict=True):
            # One at a time: a query gets the same logits alone and among others.
            np.matmul(self._rows, query, out=row)
        return logits

    def _gather(self, base: Float32s, out: Float32s) -> None:
        """The logits of the sums, from those of the base rows, to which no bias is added yet."""
        sums = self._sums
        weighted_sums(base, sums.order, sums.starts, sums.parts, sums.weights, self._bias, out)

    def _search(
        self, query: Float32s, base: Float32s, k: int
    ) -> tuple[NDArray[np.int32], Float32s]:
        scores = np.empty(self.n_parts, np.float32)
        self._gather(base, scores)
        base = base + self._base_bias
        values, ids = _largest(base, scores, k)
        if self._codes is not None:
            eight, four = self._codes
            in_bits = _in_12_bits(query)
            # k logits that are known: no row below the least of them is among the k largest.
            least = self._exact(query, base, scores, ids).min()
            logits = np.empty(self.n_parts, np.float32)
            margins = np.empty(self.n_parts, np.float32)
            estimate_logits(scores, four, in_bits, least - _slack(least), logits, margins)
            _, likely = _largest(base, logits, k)
            likely = likely[likely >= 0]
            if len(likely) == k:
                least = max(least, self._exact(query, base, scores, likely).min())
            room = np.empty(self.n_parts, np.int32)
            n = screen(scores, logits, margins, eight, in_bits, least - _slack(least), room)
            none = np.empty(0, np.float32)
            _, ids = _largest(base, none, min(k, self.n_base))
            ids = np.concatenate([ids, room[:n] + np.int32(self.n_base)])
            values = self._exact(query, base, scores, ids)
        order = np.lexsort((ids, -values))[:k]
        return ids[order], values[order]

    def _exact(
        self, query: Float32s, base: Float32s, scores: Float32s, ids: NDArray[np.int32]
    ) -> Float32s:
        """The logits of some ids, with the residual."""
        assert self._residual is not None
        further = ids >= self.n_base
        rows = ids[further] - self.n_base
        logits = base[np.where(further, 0, ids)]
        logits[further] = scores[rows] + self._residual[rows] @ query
        return logits

    # -- what is given -----------------------------------------------------------------------

    def _read_queries(self, queries: Any) -> tuple[Float32s, bool]:
        array = _numbers(queries, "queries")
        if array.ndim not in (1, 2) or array.shape[-1] != self.width:
            raise ArgumentError(
                f"queries have shape {array.shape}, expected ({self.width},) or (q, {self.width})"
            )
        if not np.isfinite(array).all():
            raise ArgumentError("queries hold numbers that are not finite")
        return np.atleast_2d(array), array.ndim == 1

    def _read_bias(self, bias: Any) -> tuple[Float32s, Float32s]:
        n = self.n_parts
        if bias is None:
            return np.zeros(self.n_base, np.float32), np.zeros(n, np.float32)
        array = _numbers(bias, "bias")
        if array.shape not in ((n,), (len(self),)):
            raise ArgumentError(
                f"bias has shape {array.shape}, expected ({n},) for the further rows or "
                f"({len(self)},) for all"
            )
        if not np.isfinite(array).all():
            raise ArgumentError("bias holds numbers that are not finite")
        base = np.zeros(self.n_base, np.float32)
        if len(array) != n:
            base[:] = array[: self.n_base]
        further: Float32s = array[len(array) - n :]
        return base, further[self._sums.order]

    def _check_residual(self, residual: Float32s) -> None:
        if residual.shape != (self.n_parts, self.width):
            raise ArgumentError(
                f"residual has shape {residual.shape}, expected ({self.n_parts}, {self.width}): a "
                "row for each of parts"
            )
        if self.width > _MAX_WIDTH:
            raise ArgumentError(
                f"rows of {self.width} numbers; with a residual, expected at most {_MAX_WIDTH}"
            )


def _numbers(values: Any, name: str) -> Float32s:
    array = as_array(values, name)
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"{name} must be numbers, got {values!r:.60}")
    return array.astype(np.float32, copy=False)


def _read_parts(parts: Parts, weights: Any, n_base: int) -> _Sums:
    """The parts in one row.

    Raises:
        ArgumentError: no ids of the base, a row without parts, or weights that do not fit.
    """
    flat, lengths = _flatten(parts, "parts")
    if flat.size and not np.issubdtype(flat.dtype, np.integer):
        raise ArgumentError(f"parts must be sequences of base ids, got {flat.dtype}")
    if not lengths.all():
        raise ArgumentError(f"parts[{int(lengths.argmin())}] is empty; a row needs at least one id")
    outside = (flat < 0) | (flat >= n_base)
    if outside.any():
        raise ArgumentError(
            f"parts holds the id {flat[outside][0]}, expected ids of the {n_base} base rows"
        )
    if weights is None:
        of_each = np.repeat((1 / np.maximum(lengths, 1)).astype(np.float32), lengths)
    else:
        given, given_lengths = _flatten(weights, "weights")
        if not np.array_equal(given_lengths, lengths):
            raise ArgumentError("weights does not have the shape of parts: one for each part")
        of_each = given.astype(np.float32)
        if not np.isfinite(of_each).all():
            raise ArgumentError("weights holds numbers that are not finite")
    order = np.argsort(lengths, kind="stable")
    sorted_lengths = lengths[order]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sorted_lengths)])
    before = (np.cumsum(lengths) - lengths)[order]
    places = np.arange(len(flat)) + np.repeat(before - starts[:-1], sorted_lengths)
    return _Sums(order.astype(np.int32), starts, flat[places].astype(np.int32), of_each[places])


def _flatten(values: Any, name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All values in one row, and how many each sequence has."""
    if isinstance(values, np.ndarray) and cast("NDArray[Any]", values).dtype != object:
        array = cast("NDArray[Any]", values)
        if array.ndim != 2:
            raise ArgumentError(f"{name} has shape {array.shape}, expected (rows, parts)")
        return array.ravel(), np.full(len(array), array.shape[1], np.int64)
    try:
        lengths = np.fromiter(map(len, cast("Parts", values)), np.int64)
        flat = np.array(list(chain.from_iterable(cast("Parts", values))))
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{name} must be a sequence for each further row, got {values!r:.60}"
        ) from None
    if flat.ndim != 1 or flat.dtype.kind not in "iuf":
        raise ArgumentError(f"{name} must hold numbers, got {flat.dtype} {flat.shape}")
    return flat, lengths


def _encode(residual: Float32s) -> tuple[Codes, Codes]:
    """Rows in 8 and in 4 bits."""
    n, width = residual.shape
    each = [np.empty(n, np.float32) for _ in range(6)]
    eight = Codes(np.empty((n, width), np.int8), each[0], each[1], each[2])
    four = Codes(np.empty((n, (width + 1) // 2), np.uint8), each[3], each[4], each[5])
    encode_rows(residual, eight, four)
    return eight, four


def _largest(base: Float32s, others: Float32s, k: int) -> tuple[Float32s, NDArray[np.int32]]:
    """The k largest of two rows, not sorted, and their ids; -1 where there are less."""
    values, ids = np.full(k, -np.inf, np.float32), np.full(k, -1, np.int32)
    keep_largest(base, 0, values, ids)
    keep_largest(others, len(base), values, ids)
    return values, ids


def _slack(logit: float) -> float:
    """What float32 may round a logit by."""
    return 1e-5 * (1 + abs(float(logit)))


def _in_12_bits(query: Float32s) -> Query:
    exact = query.astype(np.float64)
    scale = float(np.abs(exact).max(initial=0)) / _QUERY_MAX
    numbers = np.rint(exact / (scale or 1)).clip(-_QUERY_MAX, _QUERY_MAX)
    error = float(np.linalg.norm(exact - numbers * scale))
    padded = np.append(numbers, np.zeros(len(query) % 2)).astype(np.int16)
    return Query(padded, scale, float(np.linalg.norm(exact)), error)
