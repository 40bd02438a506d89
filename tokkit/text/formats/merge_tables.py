"""Merge tables: from listed merges, from a ranked vocabulary, and without entries that never fire.

Three sources exist. GPT-2 and Hugging Face *list* their merges. tiktoken, tekken and SentencePiece
only *rank* their tokens: two tokens merge when they spell a third, best rank first. GGUF has both.

Corollary used by `drop_idle_merges`: let BPE run on a text, and let a stretch of it become token t.
Until that last merge no merge crossed the ends of the stretch, so inside it BPE did what it does on
t's own bytes, which is one fixed sequence of steps. So of all the entries that yield t at most one
ever fires: the last step of BPE on t itself. Published files list hundreds of thousands of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError
from tokkit.text.spec import MergeTable

Key = TypeVar("Key", str, bytes)
Ints = NDArray[np.int64]

_NEVER = np.iinfo(np.int32).max
_MAX_UNITS = 512


def table_of(
    left: Sequence[int], right: Sequence[int], result: Sequence[int], rank: Ints
) -> MergeTable:
    """A `MergeTable` of int32 columns, sorted by rank (stable)."""
    order = np.argsort(rank, kind="stable")
    columns = [np.asarray(column, dtype=np.int32)[order] for column in (left, right, result, rank)]
    return MergeTable(*columns)


def listed_merges(
    pairs: Iterable[tuple[str, str]], ids: Mapping[str, int], where: str, *, marked: int = 0
) -> MergeTable:
    """The table of merges that a file lists, ranked by position.

    Of two entries for one pair the later counts, as in Hugging Face `tokenizers`.

    Args:
        pairs: both sides of each merge.
        ids: spelling -> id.
        where: for messages.
        marked: how many characters of the right side are a mark, and none of the result.

    Raises:
        FormatError: a merge whose sides or whose result the vocabulary does not hold.
    """
    entries = {pair: position for position, pair in enumerate(pairs)}
    try:
        left = [ids[pair[0]] for pair in entries]
        right = [ids[pair[1]] for pair in entries]
        result = [ids[pair[0] + pair[1][marked:]] for pair in entries]
    except KeyError as error:
        raise FormatError(
            f"{where}: a merge needs {str(error.args[0])[:80]!r}, which is not in the vocabulary; "
            "expected both sides of every merge and their concatenation to be tokens"
        ) from error
    return table_of(left, right, result, np.fromiter(entries.values(), np.int64, len(entries)))


def merges_by_rank(
    tokens: Mapping[Key, int], rank_of_id: Mapping[int, int] | None = None
) -> MergeTable:
    """Every way in which two of `tokens` concatenate to a third, ranked by the result.

    Args:
        tokens: spelling -> id. Keys may be `bytes` (cut anywhere) or `str` (between characters).
        rank_of_id: rank of each id; None: the id itself.

    Returns:
        A `MergeTable`; entries with the same result share its rank.
    """
    left: list[int] = []
    right: list[int] = []
    result: list[int] = []
    find = tokens.get
    for token, token_id in tokens.items():
        for cut in range(1, len(token)):
            first = find(token[:cut])
            if first is not None:
                second = find(token[cut:])
                if second is not None:
                    left.append(first)
                    right.append(second)
                    result.append(token_id)
    ranked = result if rank_of_id is None else [rank_of_id[token_id] for token_id in result]
    return table_of(left, right, result, np.asarray(ranked, dtype=np.int64))


def dense_ranks(scores: NDArray[np.float64]) -> Ints:
    """0 for the highest score, 1 for the next lower one, and so on; equal scores are tied.

    >>> dense_ranks(np.array([-1.0, 0.0, -1.0, -7.0])).tolist()
    [1, 0, 1, 2]
    """
    _, inverse = np.unique(-scores, return_inverse=True)
    return inverse.astype(np.int64)


def drop_idle_merges(table: MergeTable, units: Mapping[int, Sequence[int]]) -> MergeTable:
    """Drop entries that can never fire because another one always yields their result first.

    Only results with several entries are looked at; of these the one that BPE uses stays (the
    first, if BPE never reaches the token).

    Args:
        table: any merge table.
        units: for a result id, the ids of the bytes or characters that it is made of; a result
            that is absent, or longer than 512 units, keeps all its entries.
    """
    counts = np.bincount(table.result, minlength=1)
    several = np.flatnonzero(counts > 1)
    judged = [int(t) for t in several if 2 <= len(units.get(int(t), ())) <= _MAX_UNITS]
    if not judged:
        return table
    lookup = _PairLookup(table)
    fired = np.zeros(len(table), dtype=np.bool_)
    by_length: dict[int, list[int]] = {}
    for token in judged:
        by_length.setdefault(len(units[token]), []).append(token)
    for rows in by_length.values():
        last = _last_merges(np.array([units[t] for t in rows], dtype=np.int64), lookup)
        # A row whose last merge yields something else is a token that BPE never reaches.
        good = (last >= 0) & (table.result[last] == np.array(rows))
        fired[last[good]] = True
    is_judged = np.zeros(len(counts), dtype=np.bool_)
    is_judged[judged] = True
    reached = np.zeros(len(counts), dtype=np.bool_)
    reached[table.result[fired]] = True
    first = np.zeros(len(table), dtype=np.bool_)
    first[np.unique(table.result, return_index=True)[1]] = True
    keep = fired | ~is_judged[table.result] | (first & ~reached[table.result])
    return MergeTable(table.left[keep], table.right[keep], table.result[keep], table.rank[keep])


class _PairLookup:
    """Rank and entry of pairs of ids, for whole arrays of pairs."""

    def __init__(self, table: MergeTable) -> None:
        self._width = int(max(table.left.max(), table.right.max(), table.result.max())) + 1
        keys = table.left.astype(np.int64) * self._width + table.right
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._rank = table.rank.astype(np.int64)
        self.result = table.result.astype(np.int64)

    def entries(self, left: Ints, right: Ints) -> Ints:
        """Index of the entry for each pair, -1 where there is none."""
        keys = left * self._width + right
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._order[places], -1)

    def ranks(self, left: Ints, right: Ints) -> Ints:
        """Rank of each pair, a huge number where there is none."""
        entries = self.entries(left, right)
        return np.where(entries >= 0, self._rank[entries], _NEVER)


def _last_merges(ids: Ints, lookup: _PairLookup) -> Ints:
    """Run BPE on each row of `ids` (rows, length); the entry of its last merge, or -1."""
    last = np.full(len(ids), -1, dtype=np.int64)
    rows = np.arange(len(ids))
    ranks = lookup.ranks(ids[:, :-1], ids[:, 1:])
    while ids.shape[1] > 2 and len(rows):
        place = ranks.argmin(axis=1)
        alive = ranks[np.arange(len(rows)), place] < _NEVER
        if not alive.all():
            ids, ranks, rows, place = ids[alive], ranks[alive], rows[alive], place[alive]
        if not len(rows):
            break
        ids, ranks = _merge_at(ids, ranks, place, lookup)
    if len(rows):
        last[rows] = lookup.entries(ids[:, 0], ids[:, 1])
    return last


def _merge_at(ids: Ints, ranks: Ints, place: Ints, lookup: _PairLookup) -> tuple[Ints, Ints]:
    """Merge the pair at `place` in each row, and bring the ranks beside it up to date."""
    count, width = len(ids), len(ids[0])
    each: Ints = np.arange(count)
    entries = lookup.entries(ids[each, place], ids[each, place + 1])
    ids[each, place] = lookup.result[entries]
    keep: NDArray[np.bool_] = np.arange(width)[None, :] != (place + 1)[:, None]
    ids = ids[keep].reshape(count, width - 1)
    keep = np.arange(width - 1)[None, :] != place[:, None]
    ranks = ranks[keep].reshape(count, width - 2)
    before = np.flatnonzero(place > 0)
    at = place[before] - 1
    ranks[before, at] = lookup.ranks(ids[before, at], ids[before, at + 1])
    after = np.flatnonzero(place < width - 2)
    at = place[after]
    ranks[after, at] = lookup.ranks(ids[after, at], ids[after, at + 1])
    return ids, ranks
