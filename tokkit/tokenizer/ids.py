"""Ids of any tokenizer as one array, checked.

An absent code (of a stream that was dropped, or behind the end of a truncated sequence) is `ABSENT`
and no code of the vocabulary; it is the same as an id that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array
from tokkit.errors import ArgumentError, EncodingError

ABSENT = -1
"""In the place of an id that is not there."""

_LARGEST = int(np.iinfo(np.int64).max)

Ids = Sequence[int] | NDArray[np.integer[Any]]
"""(n,), or (n, streams)."""
_Any = TypeVar("_Any", bound=np.generic)
PrefixAxis = Literal["none", "sequence", "depth"]


def as_id_array(
    ids: object, vocab_sizes: Sequence[int], *, prefix_axis: PrefixAxis = "none"
) -> NDArray[np.int64]:
    """The ids that are there.

    Args:
        ids: whole numbers (n,), or (n, depth) where there are several streams; fewer than all
            streams if the tokenizer's codes may be dropped by depth.
        vocab_sizes: number of codes of each stream.
        prefix_axis: along which the last ids may be absent.

    Returns:
        int64 (n,) or (n, depth), of its own memory, without those that are absent.

    Raises:
        ArgumentError: no array of whole numbers, or of another shape.
        EncodingError: an id outside the vocabulary, or an absent one before one that is there.
    """
    array = _integers(ids, len(vocab_sizes))
    if array.ndim == 2 and array.shape[1] != len(vocab_sizes) and prefix_axis != "depth":
        raise ArgumentError(
            f"ids of {array.shape[1]} streams, and the tokenizer has {len(vocab_sizes)}; expected "
            "one of each"
        )
    if not 1 <= (array.shape[1] if array.ndim == 2 else 1) <= len(vocab_sizes):
        raise ArgumentError(
            f"ids of {array.shape[1]} streams, and the tokenizer has {len(vocab_sizes)}; expected "
            f"1 to {len(vocab_sizes)}"
        )
    array = _without_absent(array, prefix_axis)
    columns = as_columns(array)
    sizes = np.asarray(vocab_sizes[: columns.shape[1]], np.int64)
    if wrong := np.argwhere((columns < 0) | (columns >= sizes)).tolist():
        place, stream = wrong[0]
        value = columns[place, stream]
        what = "is absent, and only the last may be" if value == ABSENT else "is outside"
        of_stream = f" of stream {stream}" if array.ndim == 2 else ""
        raise EncodingError(
            f"id {value} at place {place}{of_stream} {what}; the codes are 0 to "
            f"{sizes[stream] - 1}. Were the ids made with another tokenizer?"
        )
    return array


def as_columns(array: NDArray[_Any]) -> NDArray[_Any]:
    """Of the shape (n, streams), whatever the number of streams."""
    return array[:, None] if array.ndim == 1 else array


def _integers(ids: object, streams: int) -> NDArray[np.int64]:
    array = as_array(ids, "ids")
    shape = "(n,)" if streams == 1 else f"(n, {streams})"
    if array.size == 0 and array.ndim == 1 and streams > 1:
        return np.zeros((0, streams), np.int64)
    if array.size and array.dtype.kind not in "iu":
        raise ArgumentError(f"ids must be whole numbers {shape}, got {ids!r:.60}")
    if array.ndim != (1 if streams == 1 else 2):
        raise ArgumentError(f"ids must be of the shape {shape}, got {array.shape}")
    if array.size and int(array.max()) > _LARGEST:  # would wrap around, and pass for absent
        raise EncodingError(
            f"id {int(array.max())} is outside any vocabulary; an absent id is {ABSENT}, in an "
            "array of a signed type"
        )
    return array.astype(np.int64)


def _without_absent(array: NDArray[np.int64], prefix_axis: PrefixAxis) -> NDArray[np.int64]:
    """Without the last rows or columns where all of them are absent."""
    if prefix_axis == "none" or not array.size:
        return array
    there = array != ABSENT
    if prefix_axis == "depth":
        n = int(np.max(np.nonzero(there.any(axis=0))[0], initial=-1)) + 1
        return array[:, : max(n, 1)]
    rows = as_columns(there).any(axis=1)
    return array[: int(np.max(np.nonzero(rows)[0], initial=-1)) + 1]
