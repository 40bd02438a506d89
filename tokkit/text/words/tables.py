"""The rules as an automaton over bytes, which decides a boundary with the first byte after it.

The first byte of a longer character does not say which character it will be, and where a word ended
before it has to be known before the next byte is: a model that writes bytes is somewhere, in the
old word or in a new one, when it predicts the second byte. So the boundary before a character is
decided by its first byte alone:

1. where all characters of Unicode 16.0 that begin with that byte are of one mind, as they are;
2. in doubt, a word goes on (E3 after kana: more kana, a sound mark or a full stop);
3. in doubt after white space, also that of no width, a word begins;
4. in doubt after punctuation or a symbol, a word begins, but not with C2, E2 and EF, under which
   quotation marks and brackets stand.

What stands after the character goes by what it has turned out to be.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.texts.words import BOUNDARY, WordTables
from tokkit.text.words.rules import START, State, advance, begin, goes_on
from tokkit.text.words.word_break import CharacterClass, Characters, characters

Rule = Literal["uax29", "whitespace"]

_ASCII = 128
_LEADS = range(0xC2, 0xF5)
_PUNCTUATION_LEADS = (0xC2, 0xE2, 0xEF)
"""First bytes of the punctuation that scripts share. In the sample corpus (33 languages and more),
of the characters with these first bytes that follow punctuation 79, 63 and 90% are punctuation; of
those with E3, under which kana are, 34%, and with all others fewer than half."""
_PAGE_BITS = 8
_WHITE_SPACE = b" \t\n\v\f\r"


@cache
def word_tables(rule: Rule) -> WordTables:
    """The automaton of a rule; made once."""
    return _uax29() if rule == "uax29" else _whitespace()


def _uax29() -> WordTables:
    known = characters()
    states, steps = _explore(known.classes)
    starts = np.array([states[begin(char)] for char in known.classes], np.uint8)
    lead_breaks = np.zeros((len(states), 256), np.bool_)
    for lead, classes in _classes_by_lead(known).items():
        for state, index in states.items():
            lead_breaks[index, lead] = _breaks(state, lead, classes)
    pages, page_classes = _pages(known.members)
    ascii_steps = steps[:, known.members[:_ASCII]]
    return WordTables(steps, ascii_steps, starts, lead_breaks, pages, page_classes)


def _whitespace() -> WordTables:
    """A word ends before white space that follows anything else; of ASCII alone, and bytes.

    States: nothing yet, white space, a word. Classes: any character, no character.
    """
    steps = np.full((3, 2), 2, np.uint8)
    ascii_steps = np.full((3, _ASCII), 2, np.uint8)
    ascii_steps[:, list(_WHITE_SPACE)] = [[1], [1], [1 | BOUNDARY]]
    pages = np.zeros(0x110000 >> _PAGE_BITS, np.int32)
    page_classes = np.zeros((1, 1 << _PAGE_BITS), np.uint8)
    no_breaks = np.zeros((3, 256), np.bool_)
    return WordTables(steps, ascii_steps, np.full(2, 2, np.uint8), no_breaks, pages, page_classes)


def _explore(classes: tuple[CharacterClass, ...]) -> tuple[dict[State, int], NDArray[np.uint8]]:
    """Every state that texts reach, and the next one by class, with `BOUNDARY` before it."""
    states, rows = {START: 0}, list[list[int]]()
    waiting = [START]
    while len(rows) < len(waiting):
        state = waiting[len(rows)]
        row: list[int] = []
        for char in classes:
            joined = goes_on(state, char)
            following = advance(state, char) if joined else begin(char)
            if following not in states:
                states[following] = len(states)
                waiting.append(following)
            row.append(states[following] | (0 if joined else BOUNDARY))
        rows.append(row)
    assert len(states) <= BOUNDARY
    return states, np.array(rows, np.uint8)


def _classes_by_lead(known: Characters) -> dict[int, frozenset[CharacterClass]]:
    """First byte -> classes of the assigned characters that it begins; of an unassigned one."""
    points = np.flatnonzero(known.assigned)
    found: dict[int, frozenset[CharacterClass]] = {}
    for lead in _LEADS:
        low, high = _code_points(lead)
        here = points[(points >= low) & (points <= high)]
        members = np.unique(known.members[here]).tolist() if len(here) else [0]
        found[lead] = frozenset(known.classes[each] for each in members)
    return found


def _code_points(lead: int) -> tuple[int, int]:
    """The first and last code point whose UTF-8 begins with a byte."""
    n_following, least = (1, 0x80) if lead < 0xE0 else (2, 0x800) if lead < 0xF0 else (3, 0x10000)
    low = (lead & 0x3F >> n_following) << 6 * n_following
    return max(low, least), low + (1 << 6 * n_following) - 1


def _breaks(state: State, lead: int, classes: frozenset[CharacterClass]) -> bool:
    """Whether a word begins with a character of which only the first byte is known."""
    verdicts = {goes_on(state, char) for char in classes}
    if len(verdicts) == 1:
        return not verdicts.pop()
    if any(char.word_break in state.then for char in classes):
        return False
    if state.kind == "punctuation" or state.last == "Symbol":
        return lead not in _PUNCTUATION_LEADS
    return state.kind == "white" or state.last == "Zero_Width_Space"


def _pages(members: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Pages of 256 code points each, equal ones stored once."""
    rows = members.reshape(-1, 1 << _PAGE_BITS)
    page_classes, pages = np.unique(rows, axis=0, return_inverse=True)
    return pages.astype(np.int32).reshape(-1), page_classes
