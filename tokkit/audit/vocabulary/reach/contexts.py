r"""Where in a text the pretokenizer leaves certain characters inside one piece.

The pretokenizer is a finite automaton over labelled characters (`tokkit.text.regex.boundaries`).
Here all of its states that valid UTF-8 leads to are listed, each with a shortest way to it and a
shortest way on to an end of the text. So the question whether some text leaves given characters
within one piece has an exact answer: try them from every state. A "yes" comes with a text; a "no"
is a proof, if the list is complete.

Example (GPT-2): no state lets "a1" through without a boundary inside; `\s+(?!\S)` lets a single
newline stand before another one, and the way on from there is a newline and a letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tokkit.errors import EncodingError
from tokkit.text.normalizers import whole_normalizer
from tokkit.text.regex.boundaries import DEAD, Label
from tokkit.text.regex.on_demand import memoized
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

MAX_STEPS = 60_000
"""Of the automaton, in listing its states; more are needed only where thousands of words are cut
out before the model runs."""

Symbols = tuple[int, ...]
Edge = tuple[int, int, int]  # symbol, label, state

_BOUNDARY = int(Label.BOUNDARY)
_N_SPELLINGS = 6
_FRIENDLY = "xbzqkm XBZQ1270.,-!?/(#\n\t\r'\"é漢жאق😀"


@dataclass(frozen=True)
class Context:
    """A place for some characters.

    Attributes:
        state: before the first of them.
        after: after the last.
        begins: whether a boundary stands before the first.
        ends: whether a boundary, or the end of the text, can stand after the last.
    """

    state: int
    after: int
    begins: bool
    ends: bool


class Contexts:
    """The states of a pretokenizer and the ways between them.

    Attributes:
        complete: whether every state is listed, so that "no context" is a proof.
    """

    def __init__(self, tokenizer: TextTokenizer, *, max_steps: int = MAX_STEPS) -> None:
        """List the states.

        Args:
            tokenizer: its pretokenizer is walked; its dummy prefix is part of every text.
            max_steps: stop after so many steps.
        """
        self._tokenizer = tokenizer
        self._chars = tokenizer.pretokenizer.boundaries.chars
        self._alphabet = tokenizer.pretokenizer.alphabet
        self._edges: dict[int, list[Edge]] = {}
        self._came: dict[int, tuple[int, int]] = {}
        # Cuts between the bytes of characters are not among the steps.
        cuts_bytes = any(rule.sees_bytes for rule in tokenizer.spec.splits)
        self.complete = self._explore(max_steps) and not cuts_bytes
        self._onward = self._distances()
        self.states = [state for state in self._edges if state in self._onward]

    @cached_property
    def _labels(self) -> list[int]:
        spec = self._tokenizer.spec
        kinds = [0]
        if np.any(spec.kinds == TokenKind.BYTE):
            kinds.append(int(Label.BYTE))
        if self._tokenizer.pretokenizer.literals:
            kinds.append(int(Label.LITERAL))
        return [kind | border for kind in kinds for border in (0, _BOUNDARY)]

    def _explore(self, max_steps: int) -> bool:
        invalid = self._alphabet.invalid
        symbols = [s for s in range(self._alphabet.n_classes) if s != invalid]
        space = int(self._alphabet.class_of[0x20])
        queue = [0]
        self._edges[0] = []
        n_steps = 0
        for state in queue:
            for symbol in [space] if state == 0 and not self._starts_freely else symbols:
                for label in self._labels:
                    n_steps += 1
                    following = self._chars.step(state, symbol, label)
                    if following == DEAD:
                        continue
                    self._edges[state].append((symbol, label, following))
                    if following not in self._edges:
                        self._edges[following] = []
                        self._came[following] = (state, symbol)
                        queue.append(following)
            if n_steps > max_steps:
                return False
        return True

    @cached_property
    def _into(self) -> dict[int, list[Edge]]:
        """The steps that lead into each state, with the states that they come from."""
        found: dict[int, list[Edge]] = {}
        for state, edges in self._edges.items():
            for symbol, label, following in edges:
                found.setdefault(following, []).append((symbol, label, state))
        return found

    def _distances(self) -> dict[int, tuple[int, Edge | None]]:
        """Of each state from which an end is reached: how far it is, and the first step."""
        queue = [state for state in self._edges if self._chars.can_end(state)]
        found: dict[int, tuple[int, Edge | None]] = dict.fromkeys(queue, (0, None))
        for state in queue:
            for symbol, label, earlier in self._into.get(state, ()):
                if earlier not in found:
                    found[earlier] = (found[state][0] + 1, (symbol, label, state))
                    queue.append(earlier)
        return found

    def symbol(self, char: str) -> int:
        """The class of a character."""
        return int(self._alphabet.class_of[ord(char)])

    @memoized
    def places(self, symbols: Symbols, *, kind: int = 0) -> tuple[Context, ...]:
        """Every place for characters of these classes within one piece, from near to far.

        Args:
            symbols: classes of the characters.
            kind: the label of their tokens, boundaries aside.
        """
        return tuple(self._find_places(symbols, kind))

    def _find_places(self, symbols: Symbols, kind: int) -> Iterator[Context]:
        for state in self.states:
            if state == 0 and not self._starts_freely and symbols[0] != self.symbol(" "):
                continue
            for border in (_BOUNDARY, 0):
                after = state
                for k, symbol in enumerate(symbols):
                    after = self._chars.step(after, symbol, kind | border if k == 0 else kind)
                    if after == DEAD:
                        break
                if after != DEAD and after in self._onward:
                    ends = self._break_after(after) is not None
                    yield Context(state, after, begins=bool(border), ends=ends)

    @cached_property
    def _starts_freely(self) -> bool:
        # WordPiece's words reach the automaton without their space.
        spec = self._tokenizer.spec
        return spec.prefix_space == "never" or spec.family == "wordpiece"

    def _break_after(self, state: int) -> list[Edge] | None:
        """A shortest way to an end whose first step is a boundary; empty: the text may end."""
        if self._chars.can_end(state):
            return []
        steps = [
            (self._onward[following][0], symbol, label, following)
            for symbol, label, following in self._edges.get(state, ())
            if label & _BOUNDARY and following in self._onward
        ]
        if not steps:
            return None
        _, symbol, label, following = min(steps)
        return [(symbol, label, following), *self._way_on(following)]

    def _way_on(self, state: int) -> list[Edge]:
        path: list[Edge] = []
        step = self._onward[state][1]
        while step is not None:
            path.append(step)
            step = self._onward[step[2]][1]
        return path

    # -- texts -------------------------------------------------------------------------------

    def before(self, context: Context) -> tuple[Symbols, ...]:
        """Classes of texts that lead to a context, one for each last step; shortest first."""
        return self._ways_in(context.state)

    @memoized
    def _ways_in(self, state: int) -> tuple[Symbols, ...]:
        steps = self._into.get(state, [])
        ways = {(*self._way_to(earlier), symbol) for symbol, _, earlier in steps}
        ways |= set() if state else {()}
        return tuple(sorted(ways, key=lambda way: (len(way), way)))

    def _way_to(self, state: int) -> Symbols:
        path: list[int] = []
        while state:
            state, symbol = self._came[state]
            path.append(symbol)
        return tuple(reversed(path))

    def symbols_beside(self, context: Context, *, forwards: bool) -> set[int]:
        """Classes of the characters of NORMAL tokens that can go on with the piece."""
        if forwards:
            edges = self._edges.get(context.after, ())
            return {symbol for symbol, label, _ in edges if label == 0}
        if context.begins:
            return set()
        edges = self._into.get(context.state, ())
        return {symbol for symbol, label, _ in edges if label in (0, _BOUNDARY)}

    def after(self, context: Context, *, at_boundary: bool) -> Symbols:
        """Classes of a shortest text after a context, up to an end.

        Args:
            context: where it begins.
            at_boundary: it begins with a boundary; the context must allow that.
        """
        way = self._break_after(context.after) if at_boundary else self._way_on(context.after)
        assert way is not None
        return tuple(symbol for symbol, _, _ in way)

    def spellings(self, symbol: int) -> Sequence[str]:
        """A few characters of a class that the vocabulary can express, common ones first.

        Those that the normaliser keeps as they are come before all others.
        """
        return self._spellings[symbol]

    @cached_property
    def _spellings(self) -> dict[int, list[str]]:
        classes = self._alphabet.class_of
        found: dict[int, list[str]] = {}
        for char in _FRIENDLY:
            found.setdefault(self.symbol(char), []).append(char)
        for symbol in range(self._alphabet.n_classes):
            points = np.flatnonzero(classes[:0x110000] == symbol)
            points = points[(points < 0xD800) | (points >= 0xE000)]
            sample = points[:: max(1, len(points) // 60)][:64].tolist()
            chars = list(dict.fromkeys([*found.get(symbol, []), *map(chr, sample)]))
            chars = [char for char in chars if self.is_expressible(char)] or chars
            chars.sort(key=self._is_changed)
            found[symbol] = chars[:_N_SPELLINGS]
        return found

    def _is_changed(self, char: str) -> bool:
        normalizer = whole_normalizer(self._tokenizer.spec)
        return normalizer is not None and normalizer(f"x{char}x") != f"x{char}x"

    @memoized
    def is_expressible(self, char: str) -> bool:
        """Whether the model has tokens for a character that is a piece."""
        try:
            self._tokenizer.model.encode_piece(char.encode())
        except EncodingError:
            return False
        return True
