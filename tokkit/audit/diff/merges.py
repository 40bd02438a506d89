"""Merges that were added, removed and put in another order.

A merge is the bytes of its two parts. Compared are the merges that can fire, each token's last one,
in the order of the training (`tokkit.mixture.merges.merge_list`): files list many more that never
do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokkit.mixture.merges.merge_list import merge_list
from tokkit.text.tokenizer import TextTokenizer

Merge = tuple[bytes, bytes]


@dataclass(frozen=True)
class MergeChanges:
    """What became of the merges.

    Attributes:
        added: in their order now.
        removed: in their order before.
        n_kept: those in both.
        n_reordered: the fewest of those in both that must be moved to get from one order to the
            other.
        reordered: they, in their order before.
    """

    added: tuple[Merge, ...]
    removed: tuple[Merge, ...]
    n_kept: int
    reordered: tuple[Merge, ...]

    @property
    def n_reordered(self) -> int:
        """How many are out of order."""
        return len(self.reordered)


def compare_merges(before: TextTokenizer, after: TextTokenizer) -> MergeChanges | None:
    """Compare two merge lists; None if neither has one."""
    if before.merges is None and after.merges is None:
        return None
    old, new = _merges(before), _merges(after)
    place_before = {merge: place for place, merge in enumerate(old)}
    place_after = {merge: place for place, merge in enumerate(new)}
    kept = [merge for merge in place_before if merge in place_after]
    in_order = set(longest_increasing([place_after[merge] for merge in kept]))
    return MergeChanges(
        added=tuple(merge for merge in place_after if merge not in place_before),
        removed=tuple(merge for merge in place_before if merge not in place_after),
        n_kept=len(kept),
        reordered=tuple(merge for k, merge in enumerate(kept) if k not in in_order),
    )


def _merges(tokenizer: TextTokenizer) -> list[Merge]:
    if tokenizer.merges is None or not len(tokenizer.merges):
        return []
    return merge_list(tokenizer).spelt()


def longest_increasing(values: Sequence[int]) -> list[int]:
    """Places of a longest increasing subsequence of distinct numbers.

    >>> longest_increasing([5, 1, 2, 9, 3])
    [1, 2, 4]
    """
    tails: list[int] = []  # value that ends a subsequence of each length
    places: list[int] = []  # where it stands
    previous = np.full(len(values), -1, dtype=np.int64)
    for place, value in enumerate(values):
        length = bisect_left(tails, value)
        if length:
            previous[place] = places[length - 1]
        if length == len(tails):
            tails.append(value)
            places.append(place)
        else:
            tails[length], places[length] = value, place
    found: list[int] = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(place)
        place = int(previous[place])
    return found[::-1]
