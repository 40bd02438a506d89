"""Which bytes would begin a word, at any place of a text: 256 answers that a model can ask for.

The automaton of `tables` has a few dozen states; with the character in progress and the bytes that
still fit into the word there are a few thousand kinds of places, many of them alike. So the answers
of all are made once (`beginning_rows`), and a place is the number of a row.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.texts.words import BOUNDARY, CONTINUATIONS, N_ROOMS, WordTables
from tokkit.text.words.tables import Rule, word_tables


@cache
def beginning_rows(rule: Rule) -> NDArray[np.bool_]:
    """Bool (rows, 256): the bytes that would begin a word, all rows that a rule has, once each.

    Not to be written to.
    """
    return _rows_and_numbers(rule)[0]


@cache
def row_numbers(rule: Rule) -> NDArray[np.int32]:
    """int32 (codes,): the row of each `place_code`; not to be written to."""
    return _rows_and_numbers(rule)[1]


@cache
def _rows_and_numbers(rule: Rule) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    tables = word_tables(rule)
    n_states = len(tables.steps)
    boundary = np.stack([_boundaries(tables, state) for state in range(n_states)])
    begins = np.repeat(boundary[:, None], len(CONTINUATIONS), 1)
    sizes = np.ones((len(CONTINUATIONS), 256), np.int64)
    sizes[:, 0xC2:0xE0], sizes[:, 0xE0:0xF0], sizes[:, 0xF0:0xF5] = 2, 3, 4
    for number, (low, high) in enumerate(CONTINUATIONS):
        begins[:, number, low : high + 1] = False
    room = np.arange(N_ROOMS)[:, None]
    every = begins[:, :, None] | (sizes[:, None] > room)  # (states, continuations, rooms, 256)
    rows, numbers = np.unique(every.reshape(-1, 256), axis=0, return_inverse=True)
    rows.flags.writeable = False
    return rows, numbers.reshape(-1).astype(np.int32)


def _boundaries(tables: WordTables, state: int) -> NDArray[np.bool_]:
    """Bool (256,): whether a word ends in a state before a character with a first byte."""
    found = tables.lead_breaks[state].copy()
    found[:0x80] = tables.ascii_steps[state] >= BOUNDARY
    no_character = [*range(0x80, 0xC2), *range(0xF5, 0x100)]
    found[no_character] = tables.steps[state, -1] >= BOUNDARY
    return found
