"""`merge_batch`: byte-pair merges over one batch, on top of a tokenizer.

Dynamic tokenization (Feher, Vulić and Minixhofer, "Retrofitting Large Language Models with Dynamic
Tokenization", ACL 2025, section 3.1, algorithm 1): count the adjacent pairs of tokens over the
batch, leave out those that may not merge, join the most frequent one everywhere, and begin anew.
As in the published code, of pairs that are equally frequent the one that stands first in the batch
is merged, and tokens are strings: `a` + `bc` and `ab` + `c` are one.

What is ours: counts are kept up to date instead of counted anew (`tokkit.kernels.batch_merges`); a
merge may be limited by its count or by the length that is wanted; and a word begins where a token's
bytes say so, or the vocabulary's marks do, where the published code asks the pretokenizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import (
    as_ids,
    check_flags,
    check_real,
    check_whole,
    refuse_single_text,
)
from tokkit.dynamic.merge_tables import MergeTables, merge_tables
from tokkit.dynamic.merged_batch import MergedBatch
from tokkit.errors import ArgumentError, EncodingError
from tokkit.kernels.batch_merges.most_frequent import Merges, merge_most_frequent
from tokkit.kernels.batch_merges.spellings import spell_batch
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

_MAX_IDS = (1 << 31) - 1


def merge_batch(
    sequences: Sequence[str | bytes | Sequence[int] | NDArray[np.integer[Any]]],
    *,
    tokenizer: Any,
    n_merges: int | None = None,
    min_count: int = 2,
    target_reduction: float | None = None,
    within_words: bool = True,
) -> MergedBatch:
    """Join the most frequent pairs of adjacent tokens in a batch, so that it becomes shorter.

    Special tokens never merge, not with their literal text either, which is text like any other.
    Without a limit all pairs are merged that stand at `min_count` places.

    Args:
        sequences: texts (`str` as UTF-8, encoded without special tokens) or sequences of ids.
        tokenizer: whose ids they are: whatever `load_tokenizer` takes, of text.
        n_merges: how many merges, at most.
        min_count: at how many places a pair must stand to be merged.
        target_reduction: stop as soon as this share of the ids is saved, from 0 to below 1.
        within_words: whether no word may be joined to the one before it: a merge is forbidden whose
            right part begins with white space or bears the mark of a word's first token.

    Raises:
        ArgumentError: limits that are out of range, both limits, or no sequence of sequences.
        EncodingError: an id outside the vocabulary, or a text that it cannot express.
        FormatError, UnsupportedError: the tokenizer cannot be loaded.
    """
    refuse_single_text(sequences, "sequences")
    check_whole("min_count", min_count, 1)
    check_flags(within_words=within_words)
    if n_merges is not None and target_reduction is not None:
        raise ArgumentError(
            f"got n_merges={n_merges!r} and target_reduction={target_reduction!r}, expected one of "
            "them at most; leave the other out"
        )
    if n_merges is not None:
        check_whole("n_merges", n_merges, 0)
    loaded = load_tokenizer(tokenizer)
    tables = merge_tables(loaded)
    given = [_read(sequence, k, loaded) for k, sequence in enumerate(sequences)]
    originals = [ids for ids, _ in given]
    n_ids = sum(map(len, originals))
    if n_ids > _MAX_IDS // 3:
        raise ArgumentError(
            f"a batch of {n_ids} ids, expected at most {_MAX_IDS // 3}; merge smaller batches"
        )
    n_to_remove = n_ids if target_reduction is None else _n_to_remove(target_reduction, n_ids)
    room = n_ids if n_merges is None else min(n_merges, n_ids)
    merges = Merges(
        np.zeros((room, 3), np.int32), np.zeros(room, np.int64), np.zeros(room, np.int64)
    )
    symbols, n = _merge(
        originals, tables, merges, min_count, n_to_remove, within_words=bool(within_words)
    )
    merged, spans = _take_apart(symbols, list(map(len, originals)))
    return MergedBatch(
        tokenizer=loaded,
        sequences=merged,
        merges=[(left, right) for left, right, _ in merges.parts[:n].tolist()],
        results=merges.parts[:n, 2].tolist(),
        counts=merges.counts[:n].tolist(),
        removed=merges.removed[:n].tolist(),
        originals=originals,
        spans=spans,
        places=[places for _, places in given],
    )


def _n_to_remove(target_reduction: float, n_ids: int) -> int:
    """The least number of ids whose share is at least the target."""
    target = check_real("target_reduction", target_reduction)
    if not 0 <= target < 1:
        raise ArgumentError(
            f"target_reduction must be a share from 0 to below 1, got {target_reduction!r}; "
            ".25 makes a batch a quarter shorter"
        )
    n = int(target * n_ids)
    while n < target * n_ids:
        n += 1
    return n


def _read(
    sequence: object, number: int, tokenizer: TextTokenizer
) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
    """The ids of what was given, and of a text the bytes that each stands for."""
    if isinstance(sequence, str | bytes):
        encoding = tokenizer.encode_with_offsets(sequence)
        return encoding.ids, encoding.offsets
    name = f"sequences[{number}]"
    array: NDArray[Any]
    if isinstance(sequence, np.ndarray):
        array = cast("NDArray[Any]", sequence)
        if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or not array.size):
            raise ArgumentError(
                f"{name} must be a text or one row of ids, got {array.dtype} {array.shape}"
            )
    else:
        array = _as_array(as_ids(sequence, name))
    outside = (array < 0) | (array >= tokenizer.vocab_size)
    if outside.any():
        where = int(outside.argmax())
        raise EncodingError(
            f"{name}[{where}] is {array[where]}, outside the vocabulary of {tokenizer.name}, which "
            f"has the ids 0 to {tokenizer.vocab_size - 1}; leave padding out"
        )
    return array.astype(np.int32), None


def _as_array(ids: Iterable[int]) -> NDArray[Any]:
    try:
        return np.array(ids, dtype=np.int64)
    except OverflowError:
        return np.array(ids, dtype=object)


def _merge(
    originals: list[NDArray[np.int32]],
    tables: MergeTables,
    merges: Merges,
    min_count: int,
    n_to_remove: int,
    *,
    within_words: bool,
) -> tuple[NDArray[np.int32], int]:
    """The symbols that are left, -1 where one was swallowed, and how many merges there were."""
    units = np.concatenate([np.zeros(0, np.int32), *originals])
    starts = np.cumsum([0, *map(len, originals)], dtype=np.int64)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(tables.spellings.length[units])])
    data = np.empty(ends[-1], np.uint8)
    spell_batch(tables.spellings, units, ends, data)
    n_new = len(merges.counts)
    symbols, n = merge_most_frequent(
        units,
        starts,
        ends[:-1] + len(tables.spellings.data),
        tables.with_batch(n_new, data),
        tables.known,
        tables.joints(n_new, within_words=within_words),
        len(tables.has_bytes),
        min(min_count, _MAX_IDS),
        n_to_remove,
        merges,
    )
    return symbols, n


def _take_apart(
    symbols: NDArray[np.int32], lengths: list[int]
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int64]]]:
    """The ids of each sequence, and which of its original ids each stands for."""
    sequences: list[NDArray[np.int32]] = []
    spans: list[NDArray[np.int64]] = []
    start = 0
    for length in lengths:
        row = symbols[start : start + length]
        start += length
        kept = np.flatnonzero(row >= 0).astype(np.int64)
        sequences.append(row[kept])
        spans.append(np.stack([kept, np.append(kept[1:], length)[: len(kept)]], axis=1))
    return sequences, spans
