"""Where the units of a text end: words merged to a least length, or bytes that close one.

A unit is *closed* by a byte: at the place of that byte a model knows that it has ended, and may use
what it has made of it. Two kinds of rules differ in whether the unit holds that byte:

- `"uax29"` and `"whitespace"`, the words of `tokkit.text.words`: the byte after the word closes it;
- `"separator"`, an ASCII byte that is no letter or digit, and `"spacelike"`, the rule of SpaceByte
  (Slagle, NeurIPS 2024, section 2: no letter, digit or continuation byte of UTF-8, and not after
  another such byte): the byte is the last one of its unit.

A unit is closed at the first such end at which it has `unit_bytes` bytes. What has been read
decides, so the units of a text are the same in every cut of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_whole, settle_fields
from tokkit.kernels.texts import units as unit_kernels
from tokkit.kernels.texts import words as word_kernels
from tokkit.text.words.beginnings import row_numbers
from tokkit.text.words.tables import Rule, word_tables

UnitRule = Literal["uax29", "whitespace", "separator", "spacelike"]

_NO_LIMIT = 1 << 62
_MOST_BYTES = 1 << 40
_POSITIVE = np.int64(np.iinfo(np.int64).max)
_ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class UnitOptions:
    """What a unit is.

    Attributes:
        rule: where one may end, see the module.
        unit_bytes: it ends at the first such place where it has so many.
        max_bytes: it may also end where so many bytes are without such a place (for words as in
            `split_words`); None: never. A unit has fewer than `unit_bytes + max_bytes`.
    """

    rule: UnitRule = "uax29"
    unit_bytes: int = 1
    max_bytes: int | None = 64

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ArgumentError: another rule, or a limit out of range.
        """
        settle_fields(self)
        check_whole("unit_bytes", self.unit_bytes, 1, _MOST_BYTES)
        if self.max_bytes is not None:
            check_whole("max_bytes", self.max_bytes, 1, _MOST_BYTES)

    @property
    def holds_closing_byte(self) -> bool:
        """Whether the byte that closes a unit is its last one; else it begins the next."""
        return self.rule in ("separator", "spacelike")


@dataclass(frozen=True)
class CutState:
    """What is known of a text between two of its bytes; a value that nothing changes.

    Attributes:
        word: int64, the state of the splitter of words.
        unit: int64, the state of the unit in progress.
    """

    word: NDArray[np.int64]
    unit: NDArray[np.int64]


@dataclass(frozen=True)
class Cuts:
    """The units that a stretch of bytes closes.

    Attributes:
        ends: int64 (units,), offsets in the stretch, increasing; the first unit begins before it
            where one was in progress. From 0, or from 1 where units hold the byte that closes them.
        hashes: int64 (units,), not negative, of all bytes of each.
        prefixes: int64 (bytes,), not negative, of the bytes of a unit up to each.
    """

    ends: NDArray[np.int64]
    hashes: NDArray[np.int64]
    prefixes: NDArray[np.int64]


class UnitCutter:
    """Cuts texts into units, in any stretches."""

    def __init__(self, options: UnitOptions) -> None:
        """Prepare the tables of a rule."""
        self.options = options
        self._limit = options.max_bytes or _NO_LIMIT
        self._kind = _closing_bytes(options.rule)

    def begin(self) -> CutState:
        """The state before the first byte."""
        word, unit = word_kernels.N_FIELDS, unit_kernels.N_FIELDS
        return CutState(np.zeros(word, np.int64), np.zeros(unit, np.int64))

    def extend(self, state: CutState, data: bytes | NDArray[np.uint8]) -> tuple[Cuts, CutState]:
        """Go through the bytes after those that a state has seen.

        Returns:
            What they close, and the state behind them.
        """
        text = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
        word, unit = state.word.copy(), state.unit.copy()
        found = np.empty(len(text), np.int64)
        if self.options.holds_closing_byte:
            first_only = self.options.rule == "spacelike"
            n = unit_kernels.ends_on_bytes(text, self._kind, first_only, self._limit, unit, found)
        else:
            tables = word_tables(self.word_rule)
            n = word_kernels.word_starts(text, tables, self._limit, word, found)
        return self._merged(text, n, found, word, unit)

    @property
    def word_rule(self) -> Rule:
        """That of the words that are merged, where units are made of words."""
        assert not self.options.holds_closing_byte
        return "whitespace" if self.options.rule == "whitespace" else "uax29"

    def extend_with_places(
        self, state: CutState, data: bytes
    ) -> tuple[Cuts, NDArray[np.int32], CutState]:
        """As `extend`, and which bytes could have closed a unit; for units that are made of words.

        Returns:
            Also int32 (n,): for the place behind each byte the row of
            `tokkit.text.words.beginning_rows` that says which bytes would close the unit there.
        """
        text = np.frombuffer(data, np.uint8)
        word, unit = state.word.copy(), state.unit.copy()
        found, codes = np.empty(len(text), np.int64), np.empty(len(text), np.int32)
        tables = word_tables(self.word_rule)
        n = word_kernels.word_places(text, tables, self._limit, word, found, codes)
        cuts, later = self._merged(text, n, found, word, unit)
        begun = np.zeros(len(text), np.int64)
        begun[cuts.ends] = cuts.ends
        length = np.arange(1, len(text) + 1) - np.maximum.accumulate(begun)
        first = cuts.ends[0] if len(cuts.ends) else len(text)
        length[:first] += state.unit[unit_kernels.LENGTH]
        numbers = row_numbers(self.word_rule)
        none = numbers[word_kernels.CODE_OF_START]
        rows = np.where(length < self.options.unit_bytes, none, numbers[codes])
        return cuts, rows.astype(np.int32), later

    def _merged(
        self,
        text: NDArray[np.uint8],
        n: int,
        found: NDArray[np.int64],
        word: NDArray[np.int64],
        unit: NDArray[np.int64],
    ) -> tuple[Cuts, CutState]:
        """Units of the ends that were found, and the state behind them."""
        n = unit_kernels.merge_to_least(len(text), n, self.options.unit_bytes, unit, found)
        ends = found[:n].copy()
        hashes, prefixes = np.empty(n, np.int64), np.empty(len(text), np.int64)
        unit_kernels.hash_prefixes(text, ends, unit, hashes, prefixes)
        return Cuts(ends, hashes & _POSITIVE, prefixes & _POSITIVE), CutState(word, unit)


def _closing_bytes(rule: UnitRule) -> NDArray[np.bool_]:
    """Bool (256,), bytes of the kind that closes a unit; of no use where words do."""
    kind = np.ones(256, np.bool_)
    kind[list(_ALPHANUMERIC)] = False
    if rule == "spacelike":
        kind[0x80:0xC0] = False
    else:
        kind[0x80:] = False
    return kind
