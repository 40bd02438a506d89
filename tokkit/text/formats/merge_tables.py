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
from tokkit.text.segment_models.bpe_tables import grow_from
from tokkit.text.spec import MergeTable

Key = TypeVar("Key", str, bytes)
Ints = NDArray[np.int64]

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


def drop_idle_merges(
    table: MergeTable, units: Mapping[int, Sequence[int]], lengths: Sequence[int] | None = None
) -> MergeTable:
    """Drop entries that can never fire because another one always yields their result first.

    Only results with several entries are looked at; of these the one that BPE uses stays (the
    first, if BPE never reaches the token).

    Args:
        table: any merge table.
        units: for a result id, the ids of the bytes or characters that it is made of; a result
            that is absent, or longer than 512 units, keeps all its entries.
        lengths: of every id, longer for the result of a merge than for its sides; None: as many as
            it has `units`.
    """
    several = np.flatnonzero(np.bincount(table.result, minlength=1) > 1).tolist()
    judged = [token for token in several if 2 <= len(units.get(token, ())) <= _MAX_UNITS]
    if not judged:
        return table
    if lengths is None:
        lengths = [len(units.get(token, ())) for token in range(max(units) + 1)]
    atoms = np.unique(np.concatenate([units[token] for token in judged]))
    # Of a token that BPE reaches the halves of its last merge, otherwise -1.
    halves = grow_from(atoms, (), table, np.asarray(lengths)).nodes[1::2][table.result]
    first = np.zeros(len(table), dtype=np.bool_)
    first[np.unique(table.result, return_index=True)[1]] = True
    fires = np.where(halves < 0, first, halves == (table.left.astype(np.int64) << 32 | table.right))
    keep = fires | ~np.isin(table.result, judged)
    return MergeTable(*(column[keep] for column in vars(table).values()))
