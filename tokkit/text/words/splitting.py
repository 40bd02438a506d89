"""Split bytes into words, whole or byte by byte, with one automaton and the same result.

Nothing is lost: the words of a text, one after another, are the text. See `docs/words.md` for the
rule, and for where it differs from the published one.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_choice, check_whole
from tokkit.kernels.texts.words import N_FIELDS, place_code, word_places, word_starts
from tokkit.text.words.beginnings import beginning_rows, row_numbers
from tokkit.text.words.tables import Rule, word_tables

_CHUNK = 1 << 20
_NO_LIMIT = 1 << 62


def split_words(
    data: str | bytes, *, rule: Rule = "uax29", max_bytes: int | None = None
) -> NDArray[np.int64]:
    """Where the words of a text end.

    Args:
        data: any bytes; `str` is taken as UTF-8.
        rule: `"uax29"`: UAX #29 with punctuation apart, then a single space merged into the word
            after it and punctuation into the word before it. `"whitespace"`: a word is white space
            (of ASCII), then other bytes.
        max_bytes: longer words are cut before the first character that no longer fits; after so
            many bytes where a single character does not fit. None: never.

    Returns:
        int64 (words,): the offset behind each word, in bytes; increasing, the last one is
        `len(data)`. Empty for no bytes.

    Raises:
        ArgumentError: another rule, a limit below 1, or no bytes.

    >>> text = b"I can't pay 3.14 euros, myFriend."
    >>> ends = split_words(text).tolist()
    >>> [text[start:end] for start, end in zip([0, *ends], ends)]
    [b'I', b" can't", b' pay', b' 3.14', b' euros,', b' my', b'Friend.']
    """
    data = as_bytes(data)
    starts = WordSplitter(rule, max_bytes).extend(data)
    return np.append(starts, len(data)) if data else starts


class WordPlaces(NamedTuple):
    """Words that end in a stretch of bytes, and what each place of it is like.

    Attributes:
        starts: int64 (words,), as from `WordSplitter.extend`.
        rows: int32 (n,), for the place behind each byte the row of `beginning_rows` that says which
            bytes would begin a word there.
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.int32]


class WordSplitter:
    """Says of each byte whether a word ended before it, without knowing what comes after it."""

    def __init__(self, rule: Rule = "uax29", max_bytes: int | None = None) -> None:
        """Begin before the first byte.

        Args:
            rule: as in `split_words`.
            max_bytes: as in `split_words`.

        Raises:
            ArgumentError: another rule, or a limit below 1.
        """
        check_choice("rule", rule, get_args(Rule))
        limit = _NO_LIMIT if max_bytes is None else check_whole("max_bytes", max_bytes, 1)
        self.rule: Rule = rule
        self.max_bytes = max_bytes
        self.n_bytes = 0
        """How many bytes have been pushed."""
        self._limit = min(limit, _NO_LIMIT)
        self._tables = word_tables(rule)
        self._state = np.zeros(N_FIELDS, np.int64)
        self._byte = np.zeros(1, np.uint8)
        self._found = np.zeros(1, np.int64)

    def __repr__(self) -> str:
        return f"WordSplitter({self.rule!r}, {self.max_bytes}), {self.n_bytes} bytes pushed"

    def push(self, byte: int) -> bool:
        """Take the next byte.

        Args:
            byte: 0 to 255.

        Returns:
            Whether a word ended before this byte, which then begins the next one. The word that
            holds the last byte of a text ends there, and no push says so.

        Raises:
            ArgumentError: no byte.
        """
        self._byte[0] = check_whole("byte", byte, 0, 255)
        return self._run(self._byte, self._found) > 0

    def extend(self, data: str | bytes) -> NDArray[np.int64]:
        """Take several bytes, as by `push` for each.

        Args:
            data: any bytes; `str` is taken as UTF-8.

        Returns:
            int64: for each word that ended before one of these bytes, the offset of that byte in
            all that was pushed.

        Raises:
            ArgumentError: no bytes.
        """
        text = np.frombuffer(as_bytes(data), np.uint8)
        found = np.empty(min(len(text), _CHUNK), np.int64)
        parts = [found[:0]]
        for start in range(0, len(text), _CHUNK):
            base = self.n_bytes
            n_found = self._run(text[start : start + _CHUNK], found)
            parts.append(found[:n_found] + base)
        return np.concatenate(parts)

    def extend_with_places(self, data: str | bytes) -> WordPlaces:
        """Take several bytes, as by `extend`, and say which bytes could have begun a word.

        Raises:
            ArgumentError: no bytes.
        """
        text = np.frombuffer(as_bytes(data), np.uint8)
        found, codes = np.empty(len(text), np.int64), np.empty(len(text), np.int32)
        n_found = word_places(text, self._tables, self._limit, self._state, found, codes)
        starts = found[:n_found] + self.n_bytes
        self.n_bytes += len(text)
        return WordPlaces(starts, row_numbers(self.rule)[codes])

    def beginnings(self) -> NDArray[np.bool_]:
        """Bool (256,): for which bytes `push` would say that a word ended before them."""
        code = place_code(self._tables, self._limit, self._state)
        return beginning_rows(self.rule)[row_numbers(self.rule)[code]].copy()

    def copy(self) -> WordSplitter:
        """A splitter that has seen the same bytes, and goes on by itself."""
        other = WordSplitter(self.rule, self.max_bytes)
        other.n_bytes = self.n_bytes
        other._state[:] = self._state
        return other

    def _run(self, text: NDArray[np.uint8], found: NDArray[np.int64]) -> int:
        self.n_bytes += len(text)
        return word_starts(text, self._tables, self._limit, self._state, found)
