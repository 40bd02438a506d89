"""One stage of a pretokenizer: a compiled `SplitRule`, as a cutter of texts and as an automaton.

A stage divides a text into *elements*, matches and the gaps between them, and its behaviour says
which borders between elements are boundaries. As an automaton it is nondeterministic: at every
character it may go on with the element or end it, and what it guessed is verified by what follows.
A configuration holds

- whether the current element is a match;
- the threads of that match, in order of priority;
- the *forbidden* threads: they began in an earlier element (or earlier in the gap) and outrank what
  was chosen instead, so the guess is wrong as soon as one of them matches;
- the states of the machines that mark where assertions hold (`lookaround`), if there are any.

A match of the empty text has no characters, but it divides the gap in which it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.texts import marks, scan
from tokkit.text.regex.characters.charset import Alphabet
from tokkit.text.regex.lookaround import Context, Lookaround
from tokkit.text.regex.program import Program, Threads
from tokkit.text.regex.scanner import build_scanner, moves_of
from tokkit.text.spec import Behavior

GAP, MATCH = 0, 1

Text = NDArray[np.uint8]
Places = NDArray[np.int64]
Marked = tuple[Places, NDArray[np.bool_]]
Kept = NDArray[np.bool_] | None

# joins[behavior][a][b]: an element of kind b is glued to the element of kind a before it.
_JOINS: dict[Behavior, tuple[tuple[bool, bool], tuple[bool, bool]]] = {
    "isolated": ((False, False), (False, False)),
    "removed": ((False, False), (False, False)),
    "merged_with_previous": ((False, True), (False, False)),
    "merged_with_next": ((False, False), (True, False)),
    "contiguous": ((True, False), (False, True)),
}


@dataclass(frozen=True)
class Config:
    """One hypothesis about the element that is being read."""

    is_match: bool
    threads: Threads
    forbidden: frozenset[int]
    context: Context = ()


class SplitStage:
    """A compiled pattern with its behaviour.

    Attributes:
        is_literal: False: its matches are text.
        keeps: whether gaps and whether matches are kept.
        drops: whether characters may be dropped.
    """

    is_literal = False

    def __init__(
        self,
        program: Program,
        alphabet: Alphabet,
        behavior: Behavior = "isolated",
        *,
        invert: bool = False,
    ) -> None:
        joins = _JOINS[behavior]
        self._program = program
        self._alphabet = alphabet
        if invert:
            joins = tuple(row[::-1] for row in joins[::-1])
        # Between two gaps there is an empty match.
        self._joins = ((False, joins[GAP][MATCH]), joins[MATCH])
        removed = behavior == "removed"
        self.keeps = (not (removed and invert), not (removed and not invert))
        self.drops = not all(self.keeps)
        self._lookaround = Lookaround(program) if program.tracked else None

    @cached_property
    def _tables(self) -> scan.ScanTables:
        columns = None if self._lookaround is None else self._lookaround.columns
        scanner = build_scanner(self._program, columns)
        pages, page_classes = self._alphabet.pages
        steps = scanner.next_state << 1 | scanner.match_before
        ascii_steps = np.ascontiguousarray(steps[:, self._alphabet.class_of[:128]])
        # A cutter of marked symbols does not move.
        moves = moves_of(steps[:, : self._alphabet.n_classes], ascii_steps)
        return scan.ScanTables(
            steps,
            ascii_steps,
            moves if columns is None else moves[:0],
            pages,
            page_classes,
            self._alphabet.invalid,
            self._alphabet.end,
        )

    @cached_property
    def _finds_nothing(self) -> bool:
        """Whether no text has a match: Gemma's rule is about spaces, which it has made marks."""
        return not np.any(self._tables.steps & 1)

    @property
    def plain_steps(self) -> NDArray[np.int32] | None:
        """The steps of `tokkit.kernels.texts.scan`; None where assertions look beside matches."""
        return self._tables.steps if self._lookaround is None else None

    @property
    def glues(self) -> bool:
        """Whether elements side by side may form one piece."""
        return any(map(any, self._joins))

    # -- whole texts -------------------------------------------------------------------------

    def elements(self, text: Text, bounds: Places) -> Marked:
        """Cut each piece: int64 (n + 1,) bounds of the elements, bool (n,) which are matches."""
        found = np.empty(len(text) + 2, dtype=np.int64)
        found[0] = bounds[0]
        ends = found[1:]
        is_match = np.empty(len(text) + 1, dtype=np.bool_)
        if self._lookaround is None:
            n = scan.cut(text, bounds, self._tables, ends, is_match)
        else:
            symbols = self._marked(text, bounds, self._lookaround)
            n = marks.cut_marked(symbols, bounds, self._tables.steps, ends, is_match)
        return found[: n + 1], is_match[:n]

    def _marked(self, text: Text, bounds: Places, lookaround: Lookaround) -> NDArray[np.int32]:
        symbols = np.empty(len(text) + len(bounds) - 1, dtype=np.int32)
        marks.fill_symbols(text, bounds, self._tables, symbols)
        for machine in lookaround.machines:
            marks.add_marks(
                symbols,
                machine.next_state,
                machine.marks,
                machine.backward,
                self._alphabet.end,
                self._program.n_symbols,
            )
        return symbols

    def split(self, text: Text, bounds: Places) -> tuple[Places, Kept]:
        """The pieces of each piece.

        Returns:
            int64 (k + 1,) bounds of the new pieces, and bool (k,), whether each is kept; None: all.
        """
        if self._finds_nothing and self.keeps[GAP]:
            return bounds, None
        found, is_match = self.elements(text, bounds)
        if not self.glues:
            kept = np.where(is_match, self.keeps[MATCH], self.keeps[GAP]) if self.drops else None
            return found, kept
        ends = found[1:]
        joins = np.array(self._joins)
        kind = is_match.astype(np.int8)
        glued = joins[kind[:-1], kind[1:]] & ~np.isin(ends[:-1], bounds)
        last = np.append(~glued, True)[: len(ends)]  # the text may have lost all of its pieces
        return np.concatenate([bounds[:1], ends[last]]), None

    # -- automaton ---------------------------------------------------------------------------

    def begin(self, symbol: int, *, dropped: bool = False) -> list[Config]:
        """Configurations after the first character of a piece, which is kept or dropped."""
        return [
            config
            for marked, context in self._read(None, symbol)
            for config, _ in self._begin(marked, context)
            if self.keeps[config.is_match] is not dropped
        ]

    def _read(self, context: Context | None, symbol: int) -> Sequence[tuple[int, Context]]:
        """The symbol as the program sees it, and the context after it."""
        if self._lookaround is None:
            return ((symbol, ()),)
        return self._lookaround.step(context, symbol)

    def _begin(
        self, symbol: int, context: Context, forbidden: frozenset[int] = frozenset()
    ) -> list[tuple[Config, bool]]:
        """Configurations after the first character of an element.

        Returns:
            Each with whether an empty match stands before it.
        """
        threads, matched = self._program.step(Program.start, symbol)
        configs: list[tuple[Config, bool]] = []
        if threads:
            match = Config(is_match=True, threads=threads, forbidden=forbidden, context=context)
            configs.append((match, False))
        forbidden |= frozenset(threads)
        gap = Config(is_match=False, threads=(), forbidden=forbidden, context=context)
        return [*configs, (gap, matched)]

    def step(
        self, config: Config, symbol: int, *, dropped: bool = False
    ) -> list[tuple[Config, bool]]:
        """Read one more character, which is kept or dropped.

        Returns:
            Configurations, and whether a boundary stands before the character.
        """
        following: list[tuple[Config, bool]] = []
        for marked, context in self._read(config.context, symbol):
            forbidden = self._step_forbidden(config.forbidden, marked)
            if forbidden is None:
                continue
            if config.is_match:
                following += self._step_match(config.threads, forbidden, marked, context)
            else:
                following += self._step_gap(forbidden, marked, context)
        return [(new, cut) for new, cut in following if self.keeps[new.is_match] is not dropped]

    def _step_match(
        self, threads: Threads, forbidden: frozenset[int], symbol: int, context: Context
    ) -> list[tuple[Config, bool]]:
        threads, matched = self._program.step(threads, symbol)
        following: list[tuple[Config, bool]] = []
        if threads:
            match = Config(is_match=True, threads=threads, forbidden=forbidden, context=context)
            following.append((match, False))
        if matched:
            following.extend(
                (new, not self._joins[MATCH][new.is_match])
                for new, _ in self._begin(symbol, context, forbidden | frozenset(threads))
            )
        return following

    def _step_gap(
        self, forbidden: frozenset[int], symbol: int, context: Context
    ) -> list[tuple[Config, bool]]:
        return [
            (new, divided or (new.is_match and not self._joins[GAP][MATCH]))
            for new, divided in self._begin(symbol, context, forbidden)
        ]

    def _step_forbidden(self, forbidden: frozenset[int], symbol: int) -> frozenset[int] | None:
        survivors: set[int] = set()
        for thread in forbidden:
            threads, matched = self._program.step((thread,), symbol)
            if matched:
                return None
            survivors.update(threads)
        return frozenset(survivors)

    def can_end(self, config: Config) -> bool:
        """Whether the text, or the piece that this stage sees, may end here."""
        end: int | None = self._alphabet.end
        if self._lookaround is not None:
            end = self._lookaround.end(config.context)
        if end is None or self._step_forbidden(config.forbidden, end) is None:
            return False
        return not config.is_match or self._program.step(config.threads, end)[1]
