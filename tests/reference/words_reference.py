"""Words as their definition reads: UAX #29 on characters, cuts, merges, and one byte to decide.

Slow: each boundary is decided by splitting the word and the character after it from scratch. The
properties are those of the `regex` package, where tokkit derives its own. The package has a later
Unicode, which has fewer pictographs: these are of tokkit's tables, which others check.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import regex
from numpy.typing import NDArray

from tokkit.text.regex.characters.unicode_properties import property_ranges

INVALID = "\udc80"
"""Stands for bytes that are no UTF-8."""
N_CODE_POINTS = 0x110000
VALUES = (
    *("CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Katakana", "Hebrew_Letter", "ALetter"),
    *("Single_Quote", "Double_Quote", "MidNumLet", "MidLetter", "MidNum", "Numeric"),
    *("ExtendNumLet", "Regional_Indicator", "WSegSpace"),
)
LETTERS = ("ALetter", "Hebrew_Letter")
IGNORED = ("Extend", "Format", "ZWJ")
BREAKS = ("Newline", "CR", "LF")
PICTOGRAPH = r"\p{Extended_Pictographic}"
QUOTES = ("MidNumLet", "Single_Quote")
_EVERY = "".join(map(chr, range(0xD800))), "".join(map(chr, range(0xE000, N_CODE_POINTS)))


def having(pattern: str) -> NDArray[np.bool_]:
    """The characters that a pattern for one character matches."""
    if pattern == PICTOGRAPH:
        return _of_unicode_16("Extended_Pictographic")
    found = np.zeros(N_CODE_POINTS, np.bool_)
    for text, first in zip(_EVERY, (0, 0xE000), strict=True):
        for match in regex.finditer(f"{pattern}+", text):
            found[first + match.start() : first + match.end()] = True
    return found


@cache
def _of_unicode_16(name: str) -> NDArray[np.bool_]:
    found = np.zeros(N_CODE_POINTS, np.bool_)
    for low, high in property_ranges(name, "rust"):
        found[low : high + 1] = True
    return found


@cache
def plain() -> NDArray[np.int64]:
    """Index of the `Word_Break` of each character in `VALUES`, else -1, as the package has it."""
    values = np.full(N_CODE_POINTS, -1)
    for index, value in enumerate(VALUES):
        values[having(rf"\p{{WB={value}}}")] = index
    return values


@cache
def tailored() -> NDArray[np.int64]:
    """The same, tailored."""
    values = plain().copy()
    values[~_of_unicode_16("Assigned")] = -1
    values[0xB8] = -1  # a letter since Unicode 17
    values[[0xFE10, 0xFE14]] = VALUES.index("MidNum")  # until Unicode 17
    punctuation = having(r"\p{P}")
    letters = np.isin(values, [VALUES.index("ALetter"), VALUES.index("Hebrew_Letter")])
    values[punctuation & letters] = VALUES.index("MidLetter")
    values[punctuation & (values == VALUES.index("Numeric"))] = VALUES.index("MidNum")
    for other in ("ExtendNumLet", "Katakana"):
        values[punctuation & (values == VALUES.index(other))] = -1
    values[[ord(c) for c in ":\ufe13\ufe55\uff1a"]] = -1
    values[[ord(c) for c in ".\u2024\ufe52\uff0e"]] = VALUES.index("MidNum")
    return values


def word_break(char: str, table: Callable[[], NDArray[np.int64]] = tailored) -> str:
    """The name of a value."""
    if char == INVALID:
        return "Invalid"
    index = int(table()[ord(char)])
    return VALUES[index] if index >= 0 else "Other"


@cache
def has(char: str, pattern: str) -> bool:
    return char != INVALID and bool(_having(pattern)[ord(char)])


def is_boundary(text: str, at: int, table: Callable[[], NDArray[np.int64]] = tailored) -> bool:
    """UAX #29, rules WB3 to WB999, between two characters."""
    value = [word_break(char, table) for char in text]
    before, after = value[at - 1], value[at]
    if before in BREAKS or after in BREAKS:  # WB3, WB3a, WB3b
        return (before, after) != ("CR", "LF")
    if before == "ZWJ" and has(text[at], PICTOGRAPH):  # WB3c
        return False
    if before == after == "WSegSpace" or after in IGNORED:  # WB3d, WB4
        return False
    behind = [v for v in _after_break(value[:at]) if v not in IGNORED] or ["Other"]
    ahead = [v for v in value[at:] if v not in IGNORED]
    if behind[-1] == ahead[0] == "Regional_Indicator":
        return _is_even(behind)
    four = ["", *behind][-2], behind[-1], ahead[0], [*ahead, ""][1]
    return not (_letters_join(*four) or _others_join(*four))


def _letters_join(two: str, one: str, now: str, then: str) -> bool:
    """WB5 to WB7c, of the two values before a place and the two after it."""
    middle = ("MidLetter", *QUOTES)
    hebrew, quote = "Hebrew_Letter", "Double_Quote"
    return (
        (one in LETTERS and now in LETTERS)  # WB5
        or (one in LETTERS and now in middle and then in LETTERS)  # WB6
        or (two in LETTERS and one in middle and now in LETTERS)  # WB7
        or (one, now) == (hebrew, "Single_Quote")  # WB7a
        or (one, now, then) == (hebrew, quote, hebrew)  # WB7b
        or (two, one, now) == (hebrew, quote, hebrew)  # WB7c
    )


def _others_join(two: str, one: str, now: str, then: str) -> bool:
    """WB8 to WB13b, of the same; and bytes that are no text are one."""
    middle = ("MidNum", *QUOTES)
    joined = {*LETTERS, "Numeric", "Katakana", "ExtendNumLet"}
    return (
        {one, now} <= {"Numeric", *LETTERS}  # WB8, WB9, WB10
        or (two == "Numeric" and one in middle and now == "Numeric")  # WB11
        or (one == "Numeric" and now in middle and then == "Numeric")  # WB12
        or (one == now and now in ("Katakana", "Invalid"))  # WB13
        or ({one, now} <= joined and "ExtendNumLet" in (one, now))  # WB13a, WB13b
    )


def _is_even(behind: list[str]) -> bool:
    """WB15, WB16: whether the regional indicators before a place are pairs."""
    n_before = 0
    while n_before < len(behind) and behind[-1 - n_before] == "Regional_Indicator":
        n_before += 1
    return n_before % 2 == 0


def _after_break(values: list[str]) -> list[str]:
    """What stands after the last line break: marks there have nothing to be marks of."""
    cuts = [i + 1 for i, value in enumerate(values) if value in BREAKS]
    here = values[cuts[-1] if cuts else 0 :]
    return ["Other", *here[1:]] if here and here[0] in IGNORED else here


def _segments(text: str) -> list[str]:
    """UAX #29, and cut where a capital follows a small letter."""
    found = [""]
    for at, char in enumerate(text):
        camel = at > 0 and has(text[at - 1], r"\p{Ll}") and has(char, r"\p{Lu}")
        if at > 0 and (is_boundary(text, at) or camel):
            found.append("")
        found[-1] += char
    return found


def _kind(segment: str) -> str:
    if segment == " ":
        return "space"
    if all(has(char, r"\s") and char not in "\x1c\x1d\x1e\x1f" for char in segment):
        return "white"
    kept = [char for char in segment if word_break(char) not in IGNORED]
    alone = len(kept) == 1 and segment[0] == kept[0]
    return "punctuation" if alone and has(kept[0], r"\p{P}") else "word"


@lru_cache(maxsize=100_000)
def ends_before(word: str, char: str) -> bool:
    """Whether a word ends before the character that follows it, which is all that is known."""
    segments = _segments(word + char)
    if segments[-1] != char:
        return False
    before, now = _kind(segments[-2]), _kind(char)
    if char == "\u2044":
        inside = [c for c in segments[-2] if word_break(c) not in IGNORED]
        if inside and word_break(inside[-1]) == "Numeric":
            return False
    if now == "punctuation":
        return before == "white"
    return not (before == "space" and now == "word")


@cache
def characters_under(lead: int) -> tuple[str, ...]:
    """A character of each sort that UTF-8 begins with a byte."""
    patterns = (r"\p{P}", r"\p{Ll}", r"\p{Lu}", r"\s", PICTOGRAPH, r"\p{S}")
    n_following, least = (1, 0x80) if lead < 0xE0 else (2, 0x800) if lead < 0xF0 else (3, 0x10000)
    first = (lead & 0x3F >> n_following) << 6 * n_following
    points = np.arange(max(first, least), min(first + (1 << 6 * n_following), N_CODE_POINTS))
    points = points[_of_unicode_16("Assigned")[points]]
    sorts = np.stack([tailored()[points], *(_having(each)[points] for each in patterns)])
    _, where = np.unique(sorts, axis=1, return_index=True)
    return tuple(map(chr, points[where])) or (chr(0x50000),)


_having = cache(having)


def begins_word(word: str, lead: int, char: str) -> bool:
    """Whether a word ends before a character, by its first byte."""
    if not 0xC2 <= lead <= 0xF4:
        return ends_before(word, char)
    under = characters_under(lead)
    verdicts = {ends_before(word, each) for each in under}
    if len(verdicts) == 1:
        return verdicts.pop()
    segments = _segments(word)
    last = ([c for c in segments[-1] if word_break(c) not in IGNORED] or ["\x00"])[-1]
    for each in under:  # what may go on inside a word or number, as can't and 3.14
        joins = _segments(word + each)[-1] != each and not has(each, PICTOGRAPH)
        joins = joins and word_break(each) in (*LETTERS, "Numeric")
        if joins and has(last, r"\p{P}"):
            return False
    symbol = has(last, r"\p{S}") and not has(last, PICTOGRAPH)
    if has(last, r"\p{P}") or (symbol and word_break(last) == "Other"):
        return lead not in (0xC2, 0xE2, 0xEF)
    return _kind(segments[-1]) == "white" or last == "\u200b"


def units(data: bytes) -> list[bytes]:
    """Characters, and the maximal subparts of what is none (Unicode, definition D93b)."""
    found: list[bytes] = []
    while data:
        size = 1
        for length in range(1, 5):
            try:
                data[:length].decode()
            except UnicodeDecodeError as error:
                size = error.end if error.start == 0 else size
                continue
            size = length
            break
        found.append(data[:size])
        data = data[size:]
    return found


def split(data: bytes) -> list[int]:
    """The ends of the words, without a limit."""
    ends: list[int] = []
    word, at = "", 0
    for unit in units(data):
        try:
            char = unit.decode()
        except UnicodeDecodeError:
            char = INVALID
        if word and begins_word(word, unit[0], char):
            ends.append(at)
            word = ""
        word += char
        at += len(unit)
    return [*ends, at] if data else []


def cut(data: bytes, ends: list[int], limit: int) -> list[int]:
    """Words cut before the first character that, as its first byte has it, no longer fits."""
    found: list[int] = []
    start = at = 0
    borders = set(ends)
    for unit in units(data):
        lead = unit[0]
        size = 1 if lead < 0xC2 or lead > 0xF4 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        if at > start and at - start + size > limit:
            start = at
            found.append(at)
        for _ in unit:
            if at - start == limit:
                start = at
                found.append(at)
            at += 1
        if at in borders:
            start = at
            found.append(at)
    return sorted(set(found))
