"""A beginning that was taken over is found, and likeness is not taken for it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tokkit.mixture.merges.inheritance import MIN_MERGES, find_inheritance
from tokkit.mixture.merges.merge_list import MergeList


def merges_of(names: list[str]) -> MergeList:
    """Merges of which only the results matter."""
    spellings = (b"a", b"b", *(name.encode() for name in names))
    pairs = [(0, 1, 2 + k) for k in range(len(names))]
    return MergeList(np.array(pairs, np.int32), {b"a": 0, b"b": 1}, spellings)


def names(prefix: str, n: int) -> list[str]:
    return [f"{prefix}{k}" for k in range(n)]


def test_an_exact_beginning_is_found_to_its_end() -> None:
    theirs = names("t", 2000)
    ours = theirs + names("o", 1000)
    found = find_inheritance(merges_of(ours), [("theirs", merges_of(theirs))])
    assert found is not None
    assert (found.source, found.n_merges, found.agreement) == ("theirs", 2000, 1.0)


@pytest.mark.parametrize("dropped", [0.011, 0.05])
def test_a_few_dropped_and_added_merges_do_not_hide_it(dropped: float) -> None:
    rng = random.Random(0)
    theirs = names("t", 5000)
    ours = [name for name in theirs if rng.random() > dropped]
    for k in range(30):
        ours.insert(rng.randrange(len(ours)), f"added{k}")
    n = len(ours)
    found = find_inheritance(merges_of(ours + names("o", 5000)), [("t", merges_of(theirs))])
    assert found is not None
    assert abs(found.n_merges - n) <= 5
    assert found.agreement > 0.9


def test_the_same_tokens_in_another_order_are_no_inheritance() -> None:
    theirs = names("t", 3000)
    # Neighbours change places: as two lists from similar data do.
    rng = random.Random(0)
    order = sorted(range(3000), key=lambda k: k * rng.uniform(0.8, 1.25))
    ours = [theirs[k] for k in order]
    assert find_inheritance(merges_of(ours), [("theirs", merges_of(theirs))]) is None


def test_the_longest_beginning_wins() -> None:
    long, short = names("t", 3000), names("t", 1000)
    ours = merges_of(long + names("o", 10))
    found = find_inheritance(ours, [("short", merges_of(short)), ("long", merges_of(long))])
    assert found is not None
    assert (found.source, found.n_merges) == ("long", 3000)


def test_a_short_agreement_is_chance() -> None:
    theirs = names("t", MIN_MERGES - 1)
    assert find_inheritance(merges_of(theirs + names("o", 999)), [("t", merges_of(theirs))]) is None
    assert find_inheritance(merges_of(names("o", 999)), []) is None
