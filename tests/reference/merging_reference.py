"""Merging a batch as the published algorithm does: everything counted again for each merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.reference.mixture_reference import merge_word

Pair = tuple[int, int]


@dataclass
class Vocabulary:
    """What ids spell; the merged strings are added to it.

    Attributes:
        spellings: of each id; special tokens have none.
        first, last: ids that bear the mark of a word's first or last token.
    """

    spellings: list[bytes]
    first: set[int] = field(default_factory=set[int])
    last: set[int] = field(default_factory=set[int])

    def may_merge(self, left: int, right: int, within_words: bool) -> bool:
        """Whether a pair is valid."""
        if not (self.spellings[left] and self.spellings[right]):
            return False
        begins = self.begins_with_space(right) or right in self.first or left in self.last
        return not (within_words and begins)

    def begins_with_space(self, token: int) -> bool:
        """Whether the first character is white space."""
        character = self.spellings[token].decode(errors="replace")[:1]
        return character.isspace() and character not in "\x1c\x1d\x1e\x1f"

    def joined(self, left: int, right: int) -> int:
        """The id of the joint spelling: the one that there is, or a new one."""
        wanted = (
            self.spellings[left] + self.spellings[right],
            left in self.first,
            right in self.last,
        )
        for token, other in enumerate(self.spellings):
            if (other, token in self.first, token in self.last) == wanted:
                return token
        token = len(self.spellings)
        self.spellings.append(wanted[0])
        self.first |= {token} if wanted[1] else set()
        self.last |= {token} if wanted[2] else set()
        return token


@dataclass
class Merged:
    """What became of a batch."""

    sequences: list[list[int]]
    merges: list[Pair] = field(default_factory=list[Pair])
    counts: list[int] = field(default_factory=list[int])


def merge(
    sequences: Sequence[Sequence[int]],
    vocabulary: Vocabulary,
    *,
    n_merges: int | None = None,
    min_count: int = 2,
    target_reduction: float | None = None,
    within_words: bool = True,
) -> Merged:
    """Merge the most frequent valid pair, the first of equals, until a limit is reached."""
    batch = Merged([list(ids) for ids in sequences])
    n_before = sum(map(len, sequences))
    while n_merges is None or len(batch.merges) < n_merges:
        n_now = sum(map(len, batch.sequences))
        if target_reduction is not None and n_before - n_now >= target_reduction * n_before:
            break
        counts = Counter(
            pair
            for ids in batch.sequences
            for pair in pairwise(ids)
            if vocabulary.may_merge(*pair, within_words)
        )
        if not counts:
            break
        pair, count = max(counts.items(), key=lambda item: item[1])  # a Counter keeps the order
        if count < min_count:
            break
        result = vocabulary.joined(*pair)
        batch.sequences = [list(merge_word(ids, pair, result)) for ids in batch.sequences]
        batch.merges.append(pair)
        batch.counts.append(count)
    return batch
