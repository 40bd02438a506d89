"""Ids as a file: the bytes that a rate counts, and that give the ids back.

    varint      how many ids a stream has
    varint      how many streams there are; left out where the tokenizer has one
    the rest    the ids of the first stream, then of the next, by `tokkit.kernels.range_coding`

Probabilities adapt to the ids of the stream that came before and to nothing else (order 0), so that
a rate compares tokenizers and no models of their ids. The vocabulary is not written: whoever reads
has the tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, FormatError
from tokkit.kernels.range_coding import id_trees
from tokkit.tokenizer.ids import PrefixAxis, as_columns, as_id_array

MAX_IDS = 1 << 26
"""In one file."""
_WHOLE = np.array([0, (1 << 32) - 1], np.int64)
_AT_ONCE = 1 << 14


def write_ids(
    ids: object, vocab_sizes: Sequence[int], *, prefix_axis: PrefixAxis = "none"
) -> bytes:
    """The file of some ids.

    Args:
        ids: (n,) or (n, depth).
        vocab_sizes: number of codes of each stream.
        prefix_axis: along which ids may be absent; see `as_id_array`.

    Raises:
        ArgumentError: another shape, or more than `MAX_IDS`.
        EncodingError: an id outside the vocabulary.
    """
    array = as_id_array(ids, vocab_sizes, prefix_axis=prefix_axis)
    if array.size > MAX_IDS:
        raise ArgumentError(
            f"{array.size:,} ids, expected at most {MAX_IDS:,}; write them in parts"
        )
    columns = as_columns(array)
    parts = [_varint(len(columns))]
    if len(vocab_sizes) > 1:
        parts.append(_varint(columns.shape[1]))
    interval = _WHOLE.copy()
    for stream in range(columns.shape[1]):
        size = vocab_sizes[stream]
        counts = _counts(size)
        for first in range(0, len(columns), _AT_ONCE):
            chunk = np.ascontiguousarray(columns[first : first + _AT_ONCE, stream])
            out = np.empty(2 * len(chunk) * _n_digits(size) + 8, np.uint8)
            n = id_trees.encode_ids(chunk, size, counts, interval, out)
            parts.append(out[:n].tobytes())
    return b"".join([*parts, _last_bytes(*interval.tolist())])


def read_ids(
    data: bytes, vocab_sizes: Sequence[int], *, prefix_axis: PrefixAxis = "none"
) -> NDArray[np.int64]:
    """The ids of a file.

    Args:
        data: what `write_ids` made.
        vocab_sizes: those that it was made with.
        prefix_axis: likewise.

    Returns:
        int64 (n,), or (n, depth) where there are several streams.

    Raises:
        FormatError: it was made with another vocabulary, is damaged or cut off, or goes on.
    """
    n, start = _read_varint(data, 0)
    depth = 1
    if len(vocab_sizes) > 1:
        depth, start = _read_varint(data, start)
    if n * depth > MAX_IDS or not 1 <= depth <= len(vocab_sizes):
        raise FormatError(
            f"coded ids: {n:,} of {depth:,} streams; expected at most {MAX_IDS:,} and of 1 to "
            f"{len(vocab_sizes)} streams"
        )
    coded = np.frombuffer(data, np.uint8)[start:]
    window = int.from_bytes(bytes(data[start : start + 4]).ljust(4, b"\0"), "big")
    reader = np.array([*_WHOLE, window, 4], np.int64)
    columns = np.empty((depth, n), np.int64)
    for stream in range(depth):
        size = vocab_sizes[stream]
        id_trees.decode_ids(coded, size, _counts(size), reader, columns[stream])
    ids = columns[0] if len(vocab_sizes) == 1 else np.ascontiguousarray(columns.T)
    if write_ids(ids, vocab_sizes, prefix_axis=prefix_axis) != bytes(data):
        raise FormatError(
            f"coded ids: {len(data):,} bytes that are not those of the {n:,} ids they give; they "
            "are damaged, or of another tokenizer"
        )
    return ids


def _n_digits(size: int) -> int:
    return max(size - 1, 0).bit_length()


def _counts(size: int) -> NDArray[np.int64]:
    return np.zeros(2 << _n_digits(size), np.int64)


def _last_bytes(low: int, high: int) -> bytes:
    """The fewest that name a number within the interval, if zeros follow."""
    for n in range(4):
        unit = 1 << (32 - 8 * n)
        number = -(-low // unit) * unit
        if number <= high:
            return number.to_bytes(5, "big")[1 : 1 + n]
    return low.to_bytes(4, "big")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _read_varint(data: Any, start: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    number = 0
    for place in range(start, min(start + 5, len(data))):
        number |= (data[place] & 127) << 7 * (place - start)
        if data[place] < 128:
            return number, place + 1
    raise FormatError(
        f"coded ids: {len(data):,} bytes that end within a number, or begin with none"
    )
