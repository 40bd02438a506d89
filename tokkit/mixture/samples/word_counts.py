"""`WordCounts`: how often each word occurs in a text, a word being a piece of the pretokenizer.

BPE never merges across words, so the counts hold all that its training sees of a text. Counts of
parts add up (`+` is associative and commutative), so that a text can be counted in shards, on
several machines, and in any order: words are kept sorted by their bytes, and equal counts are equal
arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.merge_lists import distinct_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Words = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""uint8 (n,), words one after another; int64 (w + 1,), where each starts."""


@dataclass(frozen=True, eq=False)
class WordCounts:
    """Distinct words and how often each occurs.

    Attributes:
        text: uint8 (n,), the words, sorted, one after another.
        starts: int64 (w + 1,), where each starts.
        counts: int64 (w,), at least 1.
        n_bytes: bytes of the text, before normalisation.
    """

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    n_bytes: int

    def __len__(self) -> int:
        return len(self.counts)

    def __add__(self, other: WordCounts) -> WordCounts:
        """Counts of both texts together."""
        return add_counts([self, other])

    def __eq__(self, other: object) -> bool:
        """Whether words, counts and size are the same."""
        if not isinstance(other, WordCounts):
            return NotImplemented
        return (
            self.n_bytes == other.n_bytes
            and np.array_equal(self.text, other.text)
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # arrays

    def words(self) -> Iterator[bytes]:
        """The distinct words, in order."""
        text, starts = self.text.tobytes(), self.starts.tolist()
        return (text[a:b] for a, b in pairwise(starts))


EMPTY = WordCounts(np.empty(0, np.uint8), np.zeros(1, np.int64), np.empty(0, np.int64), n_bytes=0)
"""The counts of no text."""


def add_counts(parts: Iterable[WordCounts]) -> WordCounts:
    """Counts of all texts together."""
    parts = [part for part in parts if len(part) or part.n_bytes]
    if not parts:
        return EMPTY
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([part.counts for part in parts])
    joined = joined_words([(part.text, part.starts) for part in parts])
    return count_words(*joined, counts, n_bytes=sum(part.n_bytes for part in parts))


def joined_words(parts: Sequence[Words]) -> Words:
    """Words of several texts as those of one; `parts` are one or more."""
    offsets = np.cumsum([0, *(len(text) for text, _ in parts)])
    starts = [bounds[:-1] + offset for (_, bounds), offset in zip(parts, offsets, strict=False)]
    text = np.concatenate([text for text, _ in parts])
    return text, np.concatenate([*starts, offsets[-1:]]).astype(np.int64)


def count_words(
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64] | None = None,
    *,
    n_bytes: int,
) -> WordCounts:
    """Count words that follow one another in a text.

    Args:
        text: uint8 (n,).
        starts: int64 (w + 1,), where each word starts; empty words are dropped.
        counts: int64 (w,), how often each occurs; None: once.
        n_bytes: what to say of the size of the text.
    """
    number, first = distinct_words.number_words(text, starts)
    totals = np.bincount(number, weights=counts, minlength=len(first)).astype(np.int64)
    raw, at = text.tobytes(), starts.tolist()
    words = [raw[at[w] : at[w + 1]] for w in first.tolist()]
    order = [k for k in sorted(range(len(words)), key=words.__getitem__) if words[k]]
    chosen = first[order]
    sizes = starts[chosen + 1] - starts[chosen]
    out = np.empty(int(sizes.sum()), np.uint8)
    distinct_words.gather_words(text, starts, chosen, out)
    return WordCounts(
        text=out,
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        counts=totals[order],
        n_bytes=n_bytes,
    )


@dataclass(frozen=True, eq=False)
class WordTable:
    """The words of several categories, each once, with a count for each category.

    Attributes:
        text: uint8 (n,), the words, sorted.
        starts: int64 (w + 1,), where each starts.
        row_starts, category, count: the sparse matrix of counts (CSR); int64 (w + 1,), int32 (z,),
            int64 (z,).
        n_bytes: int64 (c,), of each category's text.
    """

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    row_starts: NDArray[np.int64]
    category: NDArray[np.int32]
    count: NDArray[np.int64]
    n_bytes: NDArray[np.int64]

    @property
    def n_categories(self) -> int:
        """Number of categories."""
        return len(self.n_bytes)


def make_table(categories: list[WordCounts]) -> WordTable:
    """Put the counts of several categories side by side."""
    everything = add_counts(categories)
    place = {word: k for k, word in enumerate(everything.words())}
    rows = np.array(
        [place[word] for counts in categories for word in counts.words()], dtype=np.int64
    )
    category = np.repeat(
        np.arange(len(categories), dtype=np.int32), [len(counts) for counts in categories]
    )
    order = np.argsort(rows, kind="stable")
    per_row = np.bincount(rows, minlength=len(everything))
    return WordTable(
        text=everything.text,
        starts=everything.starts,
        row_starts=np.concatenate([[0], np.cumsum(per_row)]).astype(np.int64),
        category=category[order],
        count=np.concatenate([counts.counts for counts in categories])[order],
        n_bytes=np.array([counts.n_bytes for counts in categories], dtype=np.int64),
    )
