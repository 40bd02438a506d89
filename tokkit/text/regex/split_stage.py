"""One stage of a pretokenizer: a compiled `SplitRule`, as a cutter of texts and as an automaton.

A stage divides a text into *elements*, matches and the gaps between them, and its behaviour says
which borders between elements are boundaries. As an automaton it is nondeterministic: at every
character it may go on with the element or end it, and what it guessed is verified by what follows.
A configuration holds

- whether the current element is a match;
- the threads of that match, in order of priority;
- the *forbidden* threads: they began in an earlier element (or earlier in the gap) and outrank what
  was chosen instead, so the guess is wrong as soon as one of them matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels import scan
from tokkit.text.regex.charset import Alphabet
from tokkit.text.regex.program import Program, Threads
from tokkit.text.regex.scanner import build_scanner
from tokkit.text.spec import Behavior

GAP, MATCH = 0, 1

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


class SplitStage:
    """A compiled pattern with its behaviour.

    Attributes:
        is_literal: its matches are LITERAL tokens, which later stages and the model never see.
    """

    def __init__(
        self,
        program: Program,
        alphabet: Alphabet,
        behavior: Behavior = "isolated",
        *,
        invert: bool = False,
        is_literal: bool = False,
    ) -> None:
        joins = _JOINS[behavior]
        self._program = program
        self._alphabet = alphabet
        self._joins = tuple(row[::-1] for row in joins[::-1]) if invert else joins
        removed = behavior == "removed"
        self.keeps = (not (removed and invert), not (removed and not invert))
        self.is_literal = is_literal

    @cached_property
    def _tables(self) -> scan.ScanTables:
        scanner = build_scanner(self._program, self._alphabet.n_classes + 1)
        steps = scanner.next_state << 1 | scanner.match_before
        pages, page_classes = self._alphabet.pages
        return scan.ScanTables(
            steps,
            np.ascontiguousarray(steps[:, self._alphabet.class_of[:128]]),
            pages,
            page_classes,
            self._alphabet.invalid,
            self._alphabet.end,
        )

    # -- whole texts -------------------------------------------------------------------------

    def elements(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Cut each piece on its own: int64 (n,) ends of the elements, and which are matches."""
        ends = np.empty(len(text), dtype=np.int64)
        is_match = np.empty(len(text), dtype=np.bool_)
        n = scan.cut(text, bounds, self._tables, ends, is_match)
        return ends[:n], is_match[:n]

    def split(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The pieces of each piece.

        Returns:
            int64 (k + 1,) bounds of the new pieces, and bool (k,): whether each is kept.
        """
        ends, is_match = self.elements(text, bounds)
        if not any(map(any, self._joins)):
            kept = np.where(is_match, self.keeps[MATCH], self.keeps[GAP])
            return np.concatenate([bounds[:1], ends]), kept
        joins = np.array(self._joins)
        kind = is_match.astype(np.int8)
        glued = joins[kind[:-1], kind[1:]] & ~np.isin(ends[:-1], bounds)
        last = np.append(~glued, True)[: len(ends)]  # the text may have lost all of its pieces
        return np.concatenate([bounds[:1], ends[last]]), np.ones(int(last.sum()), dtype=np.bool_)

    # -- automaton ---------------------------------------------------------------------------

    def begin(self, symbol: int, forbidden: frozenset[int] = frozenset()) -> list[Config]:
        """Configurations after the first character of an element."""
        threads, _ = self._program.step(Program.start, symbol)
        configs: list[Config] = []
        if self.keeps[MATCH] and threads:
            configs.append(Config(is_match=True, threads=threads, forbidden=forbidden))
        if self.keeps[GAP]:
            configs.append(
                Config(is_match=False, threads=(), forbidden=forbidden | frozenset(threads))
            )
        return configs

    def step(self, config: Config, symbol: int) -> list[tuple[Config, bool]]:
        """Read one more character: configurations, and whether a boundary stands before it."""
        forbidden = self._step_forbidden(config.forbidden, symbol)
        if forbidden is None:
            return []
        if not config.is_match:
            return self._step_gap(forbidden, symbol)
        threads, matched = self._program.step(config.threads, symbol)
        following: list[tuple[Config, bool]] = []
        if threads:
            following.append((Config(is_match=True, threads=threads, forbidden=forbidden), False))
        if matched:
            following.extend(
                (new, not self._joins[MATCH][new.is_match])
                for new in self.begin(symbol, forbidden | frozenset(threads))
            )
        return following

    def _step_gap(self, forbidden: frozenset[int], symbol: int) -> list[tuple[Config, bool]]:
        return [
            (new, new.is_match and not self._joins[GAP][MATCH])
            for new in self.begin(symbol, forbidden)
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
        end = self._alphabet.end
        if self._step_forbidden(config.forbidden, end) is None:
            return False
        return not config.is_match or self._program.step(config.threads, end)[1]
