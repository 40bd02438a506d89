"""`find_inheritance`: how much of a merge list was taken over from another tokenizer.

Some tokenizers begin with the merges of another one and add their own: those of Llama 3 and Qwen
begin with cl100k's. Such merges tell of the other's training data; what comes after tells of
theirs.

Two lists from similar data share most of their first tokens, but not the order. So merges count as
taken over where they follow each other as they do in the other list, give or take a few that were
dropped. With a_t = 1 if merge t comes at most `_GAP` places after merge t - 1 in the other list,
the length is the n that maximises sum_{t <= n} (a_t - 1/2): the point where agreement turns into
disagreement. A few merges that are left out or put in between do not end it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokkit.mixture.merges.merge_list import MergeList

MIN_MERGES = 200
"""Shorter agreement is taken for chance."""
_GAP = 4


@dataclass(frozen=True)
class Inheritance:
    """The beginning of a merge list that was taken over.

    Attributes:
        source: the name of the other tokenizer.
        n_merges: the length of the beginning.
        n_theirs: merges of the other tokenizer.
        agreement: the share of the beginning that the other list holds in the same order.
    """

    source: str
    n_merges: int
    n_theirs: int
    agreement: float


def find_inheritance(
    ours: MergeList, others: Sequence[tuple[str, MergeList]]
) -> Inheritance | None:
    """The longest beginning that `ours` shares with one of `others`.

    Args:
        ours: the merges in question.
        others: names and merges of tokenizers that it may build upon.

    Returns:
        None if it shares fewer than `MIN_MERGES` with each.
    """
    found = [_compare(ours, name, theirs) for name, theirs in others]
    return max(
        (each for each in found if each.n_merges >= MIN_MERGES),
        key=lambda each: each.n_merges,
        default=None,
    )


def _compare(ours: MergeList, name: str, theirs: MergeList) -> Inheritance:
    place: dict[bytes, int] = {}
    made: list[int] = theirs.pairs[:, 2].tolist()
    for k, token in enumerate(made):
        place.setdefault(theirs.spellings[token], k)
    missing = -(_GAP + 1)
    results: list[int] = ours.pairs[:, 2].tolist()
    places = np.array(
        [place.get(ours.spellings[token], missing) for token in results],
        dtype=np.int64,
    )
    gap = np.diff(places, prepend=-1)
    follows = (places >= 0) & (gap >= 1) & (gap <= _GAP)
    gain = np.cumsum(follows - 0.5)
    n = int(np.argmax(gain)) + 1 if len(gain) and gain.max() > 0 else 0
    agreement = float(follows[:n].mean()) if n else 0.0
    return Inheritance(name, n, len(theirs), agreement)
