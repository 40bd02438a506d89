"""Run the examples in the docstrings of kernels: `python -m tests.kernels.examples`.

As plain Python, without compiling, if NUMBA_DISABLE_JIT is set. The exit status is 1 if one fails.
"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from tokkit import kernels
from tokkit.kernels.batch_merges import most_frequent
from tokkit.kernels.batch_merges import spellings as spelling_tables
from tokkit.kernels.bpe import backtracking, merge_forest, pair_table, short_tokens, spines
from tokkit.kernels.merge_lists import merge_replay
from tokkit.kernels.segmentation import trie, viterbi
from tokkit.kernels.texts.scan import ScanTables
from tokkit.kernels.texts.words import BOUNDARY, WordTables
from tokkit.text.regex.scanner import moves_of

TOKENS = (b"a", b"b", b"ab", b"abb")
BYTE_TOKEN = 4
"""Of the byte c."""
NO_KERNELS = {"tokkit.kernels.arrays", "tokkit.kernels.caching", "tokkit.kernels.leaf"}


def bytes_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8).copy()


def int32s(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def int64s(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _trie(tokens: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    order = int32s(*sorted(range(len(tokens)), key=tokens.__getitem__))
    every = np.ones(len(tokens), np.bool_)
    return trie.build(bytes_of(b"".join(tokens).decode()), int64s(0, 1, 2, 4, 7), order, every)


def _forests() -> tuple[merge_forest.MergeForest, merge_forest.MergeForest]:
    """The merge trees, and what they are grown from."""
    states = (*[merge_forest.PROPER] * 2, *[merge_forest.UNREACHABLE] * 2, merge_forest.FALLBACK)
    nodes = np.full(2 * len(states), -1, np.int64)
    nodes[0::2] = np.int64(-1) << 8 | np.array(states)
    merges = int32s(0, 2), int32s(1, 1), int32s(2, 3), int32s(0, 1)
    table = pair_table.build(*merges)
    ungrown = merge_forest.MergeForest(nodes, *table)
    forest = merge_forest.MergeForest(nodes.copy(), *table)
    merge_forest.grow(forest, *merges, int64s(0, 1))
    return forest, ungrown


def _letters() -> ScanTables:
    """The automaton of `[a-z]+`: 0 is a letter, 1 another character, 2 a stray byte, 3 the end."""
    classes = np.ones((1, 256), np.uint8)
    classes[0, ord("a") : ord("z") + 1] = 0
    steps = np.array([[1 << 1, -2, -2, -2], [1 << 1 | 1, -1, -1, -1]], np.int32)
    ascii_steps = steps[:, classes[0, :128]]
    moves = moves_of(steps[:, :3], ascii_steps)
    return ScanTables(steps, ascii_steps, moves, np.zeros(4352, np.int32), classes, 2, 3)


def _blanks() -> WordTables:
    """Words that begin with a blank: 0 is before the first byte, 1 a word."""
    steps = np.ones((2, 1), np.uint8)
    ascii_steps = np.ones((2, 128), np.uint8)
    ascii_steps[1, ord(" ")] |= BOUNDARY
    no_breaks = np.zeros((2, 256), np.bool_)
    classes = np.zeros((1, 256), np.uint8)
    return WordTables(steps, ascii_steps, steps[0], no_breaks, np.zeros(4352, np.int32), classes)


def _spellings() -> spelling_tables.Spellings:
    """Of the five tokens, with room for five more, and of the batch ab, abb."""
    offset = int64s(0, 1, 2, 4, *[0] * 6)
    length = int64s(1, 1, 2, 3, 0, *[0] * 5)
    code, power = np.zeros(10, np.int64), np.zeros(10, np.int64)
    data = bytes_of("ababab" + "b" + "ababb")
    none = np.zeros(10, np.uint8)
    spellings = spelling_tables.Spellings(data, offset, length, code, power, none)
    spelling_tables.hash_spellings(spellings, 5)
    return spellings


def given() -> dict[str, Any]:
    """What examples may name beside what their module knows; new arrays each time."""
    units, next_prefix = _trie(TOKENS)
    forest, ungrown = _forests()
    tour = int32s(0, 2, 3, 1)
    lengths = int32s(*map(len, TOKENS), 1)
    byte_token = np.full(256, -1, np.int32)
    byte_token[ord("c")] = BYTE_TOKEN
    shorter = np.array([*next_prefix, -1], np.int64) << 32 | lengths
    chain = merge_replay.chain_words(int32s(0, 1, 0, 1, 1), int64s(0, 2, 5))
    return {
        "np": np,
        "bytes_of": bytes_of,
        "int32s": int32s,
        "int64s": int64s,
        "blob": bytes_of("ababab" + "b"),
        "offsets": int64s(0, 1, 2, 4, 7),
        "units": units,
        "reversed_units": _trie(tuple(token[::-1] for token in TOKENS))[0],
        "forest": forest,
        "ungrown": ungrown,
        "slots": forest.slots,
        "bitmap": forest.bitmap,
        "spines": spines.Spines(
            merge_starts=int64s(0, 1, 1, 2, 2, 2),
            merge_right=int32s(1, 1),
            merge_rank=int32s(0, 1),
            child_starts=int64s(0, 1, 1, 2, 2, 2),
            children=int32s(2, 3),
            tour=tour,
            enter=int32s(0, 3, 1, 2, 0),
            leave=int32s(3, 4, 3, 3, 0),
            improper=int32s(),
        ),
        "bpe": backtracking.BpeTables(units, shorter, lengths < 4, byte_token, forest),
        "short_tokens": short_tokens.build(
            bytes_of("abababb"), int64s(0, 1, 2, 4, 7), int32s(0, 2, 3, 1), np.ones(4, np.bool_)
        ),
        "unigram": viterbi.UnigramTables(
            units,
            lengths,
            np.array([-1.0, -1.0, -1.5, -4.0, 0.0]),
            byte_token,
            np.array([-10.0]),
            np.array([False]),
        ),
        "letters": _letters(),
        "blanks": _blanks(),
        "chain": chain,
        "note_all": merge_replay.note_all,
        "places": merge_replay.Places(
            np.full(2, -1, np.int32), np.zeros((15, 2), np.int32), int64s(0)
        ),
        "merges": np.array([[0, 1, 2], [2, 1, 3]], np.int32),
        "weights": merge_replay.Weights(int64s(0, 1, 2), int32s(0, 1), int64s(2, 3)),
        "ids": np.zeros(30, np.int32),
        "starts": np.zeros(30, np.int64),
        "ends": np.zeros(30, np.int64),
        "flags": np.zeros(30, np.bool_),
        "best": np.zeros(30),
        "last": np.zeros(30, np.int32),
        "sums": np.zeros(257),
        "spellings": _spellings(),
        "known": spelling_tables.table_of(_spellings(), int32s(2, 3)),
        "joints": most_frequent.Joints(np.ones(10, np.bool_), np.ones(10, np.bool_)),
        "found": most_frequent.Merges(
            np.zeros((5, 3), np.int32), int64s(*[0] * 5), int64s(*[0] * 5)
        ),
    }


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(kernels.__path__, "tokkit.kernels."):
        if found.name not in NO_KERNELS:
            yield importlib.import_module(found.name)


def public_kernels(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The compiled functions that a module defines, as Python functions, without private ones."""
    for name, value in vars(module).items():
        function = getattr(value, "py_func", value)
        own = getattr(function, "__module__", "") == module.__name__
        if own and not name.startswith("_") and not isinstance(function, type):
            yield name, function


def main() -> int:
    """Run all of them; kernels without one fail."""
    np.set_printoptions(legacy="1.25")  # a number prints as one
    np.seterr(over="ignore")  # hashes wrap around, as they do when compiled
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    n_kernels = 0
    for module in modules():
        for name, function in public_kernels(module):
            n_kernels += 1
            known = {**vars(module), **given()}
            tests = finder.find(function, f"{module.__name__}.{name}", module, globs=known)
            if not any(test.examples for test in tests):
                print(f"{module.__name__}.{name} has no example")
                return 1
            for test in tests:
                runner.run(test)
    print(f"{n_kernels} kernels")
    return int(runner.summarize(verbose=False).failed > 0)


if __name__ == "__main__":
    sys.exit(main())
