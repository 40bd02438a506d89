"""Replaying a merge list as BPE training defines it: every word again for every merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

Pair = tuple[int, int]
Word = tuple[int, ...]
"""Symbols; a negative one is a byte or character that no merge can touch."""


def merge_word(symbols: Sequence[int], pair: Pair, result: int) -> Word:
    """Join each occurrence of a pair, from left to right."""
    out: list[int] = []
    k = 0
    while k < len(symbols):
        if tuple(symbols[k : k + 2]) == pair:
            out.append(result)
            k += 2
        else:
            out.append(symbols[k])
            k += 1
    return tuple(out)


def count_pairs(words: Mapping[Word, Counter[int]]) -> dict[Pair, Counter[int]]:
    """Pair -> category -> count, at every two adjacent symbols that merges can touch."""
    counts: dict[Pair, Counter[int]] = {}
    for symbols, per_category in words.items():
        for a, b in pairwise(symbols):
            if a >= 0 and b >= 0:
                counts.setdefault((a, b), Counter()).update(per_category)
    return counts


def replay(
    words: Mapping[Word, Counter[int]], merges: Iterable[tuple[int, int, int]]
) -> Iterator[dict[Pair, Counter[int]]]:
    """The counts of all pairs before each merge, and after the last."""
    yield count_pairs(words)
    for left, right, result in merges:
        merged: dict[Word, Counter[int]] = {}
        for symbols, per_category in words.items():
            word = merge_word(symbols, (left, right), result)
            merged.setdefault(word, Counter()).update(per_category)
        words = merged
        yield count_pairs(words)
