"""Bounds of products with many rows, from 4 or 8 bits of each of their numbers.

With r' and q' what a row r and a query q are rounded to,

    |r . q - r' . q'| <= |r - r'| |q| + |r'| |q - q'|,

and since what rounding takes away has no direction of its own (each number is off by at most half a
step, one way or the other), the difference has a standard deviation of that bound over the root of
the width. A product of whole numbers, of an eighth or a quarter of the bytes, so gives the logit up
to a margin, here six standard deviations. Rows that stay below k known logits are out. A first
bound, |r| |q|, which is certain, needs no product at all.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.arrays import Int32s, Integer
from tokkit.kernels.caching import njit
from tokkit.kernels.leaf import leaf

Float32s = NDArray[np.float32]

_MOST_OF_8_BITS = 127
_MOST_OF_4_BITS = 7
_DEVIATIONS = 6.0
_AT_ONCE = 256


class Codes(NamedTuple):
    """Rows in few bits: row r is about `scale[r] * numbers[r]`.

    numbers: int8 (n, width); or uint8 (n, half of width, rounded up), each 8 more than a number, in
        the lower 4 bits those of the first half.
    scale: float32 (n,).
    norm: float32 (n,), of the row as it is.
    error: float32 (n,), norm of what rounding took away.
    """

    numbers: NDArray[Any]
    scale: Float32s
    norm: Float32s
    error: Float32s


class Query(NamedTuple):
    """A query in 12 bits, which is about `scale * numbers`.

    numbers: int16 (width,), from -2047 to 2047: sums of products with 8 bits fit into 32 bits.
    scale, norm, error: as of `Codes`.
    """

    numbers: NDArray[np.int16]
    scale: float
    norm: float
    error: float


@leaf
def _round(value: np.float64, scale: np.float32, most: int) -> np.float64:
    return min(max(np.rint(value / scale), -most), most)


@njit(cache=True, nogil=True)
def encode_rows(rows: Float32s, eight: Codes, four: Codes) -> None:
    """Round rows to 8 bits, and to 4 bits.

    Inputs:
        rows: float32 (n, width).
        eight, four: filled.

    Example:
        >>> each = np.zeros((6, 1), np.float32)
        >>> eight = Codes(np.zeros((1, 2), np.int8), each[0], each[1], each[2])
        >>> four = Codes(np.zeros((1, 1), np.uint8), each[3], each[4], each[5])
        >>> encode_rows(np.array([[127, -3.25]], np.float32), eight, four)
        >>> eight.numbers.tolist(), eight.error.tolist(), divmod(four.numbers[0, 0], 16)
        ([[127, -3]], [0.25], (8, 15))
    """
    width = rows.shape[1]
    half = (width + 1) // 2
    for row in range(len(rows)):
        largest, squares = np.float32(0), 0.0
        for value in rows[row]:
            largest = max(largest, abs(value))
            squares += np.float64(value) * value
        fine = np.float32(largest / _MOST_OF_8_BITS)
        coarse = np.float32(largest / _MOST_OF_4_BITS)
        if largest > 0 and (fine == 0 or coarse == 0):
            fine, coarse = largest, largest  # too small to be divided
        errors, coarse_errors = 0.0, 0.0
        four.numbers[row] = 0x88
        for k in range(width):
            value = np.float64(rows[row, k])
            number = _round(value, fine, _MOST_OF_8_BITS) if largest > 0 else 0.0
            eight.numbers[row, k] = np.int8(number)
            errors += (value - number * fine) ** 2
            number = _round(value, coarse, _MOST_OF_4_BITS) if largest > 0 else 0.0
            shift, place = (0, k) if k < half else (4, k - half)
            four.numbers[row, place] += np.int64(number) * (1 << shift)
            coarse_errors += (value - number * coarse) ** 2
        eight.scale[row], four.scale[row] = fine, coarse
        eight.error[row], four.error[row] = np.sqrt(errors), np.sqrt(coarse_errors)
        eight.norm[row] = four.norm[row] = np.sqrt(squares)


@njit(cache=True, nogil=True)
def _products_of_4_bits(
    numbers: NDArray[Any],
    query: NDArray[np.int16],
    rows: Int32s,
    n: Integer,
    out: Int32s,
) -> None:
    # Numba's sums of whole numbers are of 64 bits; those of 32 bits are several times as fast.
    half = numbers.shape[1]
    first, second = query[:half], query[half:]
    total = np.int32(0)
    for k in range(len(query)):
        total = np.int32(total + 8 * np.int32(query[k]))
    for r in range(n):
        row = numbers[rows[r]]
        product = np.int32(0)
        for k in range(half):
            low = np.int32(np.int32(row[k] & np.uint8(15)) * np.int32(first[k]))
            high = np.int32(np.int32(row[k] >> np.uint8(4)) * np.int32(second[k]))
            product = np.int32(product + low + high)
        out[r] = product - total


@leaf
def _margin(codes: Codes, row: Integer, query: Query) -> float:
    """How far the product of a row may be off; never more than what is certain."""
    certain = codes.error[row] * query.norm + (codes.norm[row] + codes.error[row]) * query.error
    return certain * min(1.0, _DEVIATIONS / np.sqrt(len(query.numbers)))


@njit(cache=True, nogil=True)
def estimate_logits(
    scores: Float32s, codes: Codes, query: Query, least: float, logits: Float32s, margins: Float32s
) -> None:
    """Score plus product with 4 bits of each row, and how far that may be off.

    Inputs:
        scores: float32 (n,), to which the products are added.
        codes: of 4 bits.
        query: its numbers padded by a zero, if the width is odd.
        least: rows that cannot reach it are left out.
        logits, margins: float32 (n,), filled; -infinity and 0 where left out.

    Example:
        >>> one, none = np.ones(2, np.float32), np.zeros(2, np.float32)
        >>> codes = Codes(np.array([[0x8B], [0x85]], np.uint8), one, 3 * one, none)
        >>> query = Query(np.array([2, 0], np.int16), 1.0, 2.0, 0.0)
        >>> about = np.zeros((2, 2), np.float32)
        >>> estimate_logits(none, codes, query, 0.0, about[0], about[1]); about[0].tolist()
        [6.0, -6.0]
    """
    rows = np.empty(_AT_ONCE, np.int32)
    products = np.empty(_AT_ONCE, np.int32)
    for start in range(0, len(scores), _AT_ONCE):
        n = 0
        for row in range(start, min(start + _AT_ONCE, len(scores))):
            logits[row], margins[row] = -np.inf, 0
            if scores[row] + codes.norm[row] * query.norm >= least:
                rows[n] = row
                n += 1
        _products_of_4_bits(codes.numbers, query.numbers, rows, n, products)
        for r in range(n):
            row = rows[r]
            logits[row] = scores[row] + codes.scale[row] * query.scale * products[r]
            margins[row] = _margin(codes, row, query)


@njit(cache=True, nogil=True)
def screen(
    scores: Float32s,
    logits: Float32s,
    margins: Float32s,
    codes: Codes,
    query: Query,
    least: float,
    candidates: Int32s,
) -> int:
    """The rows that may reach a logit, by 4 and then by 8 bits.

    Inputs:
        scores: float32 (n,).
        logits, margins: float32 (n,), of `estimate_logits`.
        codes: of 8 bits.
        candidates: int32 (n,), filled.

    Returns:
        How many there are.

    Example:
        >>> one, none = np.ones(2, np.float32), np.zeros(2, np.float32)
        >>> codes = Codes(np.array([[3], [-3]], np.int8), one, 3 * one, none)
        >>> query = Query(np.array([2], np.int16), 1.0, 2.0, 0.0)
        >>> screen(none, none, 9 * one, codes, query, 6.0, last), last[0]
        (1, 0)
    """
    n = 0
    for row in range(len(scores)):
        if logits[row] + margins[row] < least:
            continue
        product = np.int32(0)
        for k in range(codes.numbers.shape[1]):
            term = np.int32(codes.numbers[row, k]) * np.int32(query.numbers[k])
            product = np.int32(product + term)
        logit = scores[row] + codes.scale[row] * query.scale * product
        if logit + _margin(codes, row, query) >= least:
            candidates[n] = row
            n += 1
    return n
