r"""A pretokenizer that reads byte by byte: which boundaries may stand where, whatever comes next.

The pretokenizer maps a text to the set of its boundaries, and a boundary may depend on bytes that
are yet to come. Take the alphabet of *labelled bytes*, (byte, label), where the label says whether
a boundary stands before the byte and what kind of token the byte belongs to. The labelled texts
that agree with the pretokenizer form a regular language; this module builds, lazily, the
deterministic automaton of its prefixes. A labelled prefix that leads to a state can be continued
to a whole text that the pretokenizer labels just so; one that cannot leads nowhere.

Example (GPT-2): after `a`, a space and a second space, the label "boundary" on the second space is
alive as long as a non-space may follow (`\s+(?!\S)` gives one space back), and so is "no boundary",
as long as the text may end or a third space may follow. A letter `b` next keeps only the first.
"""

from __future__ import annotations

from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from tokkit.text.regex.charset import Alphabet
from tokkit.text.regex.split_stage import Config, SplitStage
from tokkit.text.regex.utf8 import utf8_classes

DEAD = -1
_UNKNOWN = -2

Composite = tuple[Config | None, ...]
Hypotheses = frozenset[Composite]


class Label(IntFlag):
    """What is said of one byte; combine by `|`. No flag: inside a piece, of a NORMAL token."""

    NORMAL = 0
    BOUNDARY = 1
    BYTE = 2
    LITERAL = 4


N_LABELS = 6  # BYTE and LITERAL never go together
# Plain ints: the operators of an IntFlag cost more than all else in a step.
_NORMAL, _BOUNDARY, _BYTE, _LITERAL = (
    int(label) for label in (Label.NORMAL, Label.BOUNDARY, Label.BYTE, Label.LITERAL)
)
_KIND = _BYTE | _LITERAL


class CharBoundaries:
    """The automaton over (symbol, label), determinised on demand. State 0 is the empty text."""

    def __init__(
        self,
        alphabet: Alphabet,
        stages: tuple[SplitStage, ...],
        normal: frozenset[int],
        fallback: frozenset[int],
    ) -> None:
        """Start from the empty text.

        Args:
            alphabet: the classes.
            stages: at least one; only the first may be literal.
            normal: classes of characters that may be part of NORMAL tokens.
            fallback: classes of characters that may be spelt by BYTE tokens.
        """
        self.alphabet = alphabet
        self._stages = stages
        self._allowed = {_NORMAL: normal, _BYTE: fallback}
        start: Hypotheses = frozenset({(None,) * len(stages)})
        self._states: list[Hypotheses] = [start]
        self._index: dict[Hypotheses, int] = {start: 0}
        self._transitions: dict[tuple[int, int, int], int] = {}
        self._ends: dict[int, bool] = {0: True}
        self._alive: dict[int, bool] = {0: True}

    def step(self, state: int, symbol: int, label: int) -> int:
        """The state after one more labelled character, or `DEAD`."""
        key = (state, symbol, label)
        known = self._transitions.get(key)
        if known is None:
            known = self._step(state, symbol, label)
            if known != DEAD and not self._is_alive(known):
                known = DEAD
            self._transitions[key] = known
        return known

    def _step(self, state: int, symbol: int, label: int) -> int:
        kind = label & _KIND
        if kind != _LITERAL and symbol not in self._allowed[kind]:
            return DEAD
        following: set[Composite] = set()
        for composite in self._states[state]:
            self._advance(composite, symbol, label, following)
        return self._intern(frozenset(following)) if following else DEAD

    def _advance(
        self, composite: Composite, symbol: int, label: int, following: set[Composite]
    ) -> None:
        """Add every way in which all stages can read the symbol under this label."""
        partial: list[tuple[Composite, bool]] = [((), False)]
        for stage, config in zip(self._stages, composite, strict=True):
            extended: list[tuple[Composite, bool]] = []
            for done, cut in partial:
                if done and self._in_literal(done[0]):
                    if config is None or (cut and stage.can_end(config)):
                        extended.append(((*done, None), cut))
                elif config is None or (cut and stage.can_end(config)):
                    extended.extend(((*done, new), True) for new in stage.begin(symbol))
                elif not cut:
                    extended.extend(
                        ((*done, new), border) for new, border in stage.step(config, symbol)
                    )
            partial = extended
        literal = bool(label & _LITERAL)
        for done, cut in partial:
            if cut == bool(label & _BOUNDARY) and literal == self._in_literal(done[0]):
                following.add(done)

    def _in_literal(self, first: Config | None) -> bool:
        return self._stages[0].is_literal and first is not None and first.is_match

    def _intern(self, hypotheses: Hypotheses) -> int:
        state = self._index.get(hypotheses)
        if state is None:
            state = self._index[hypotheses] = len(self._states)
            self._states.append(hypotheses)
        return state

    def can_end(self, state: int) -> bool:
        """Whether the text may end in this state."""
        known = self._ends.get(state)
        if known is None:
            known = self._ends[state] = any(
                all(
                    config is None or stage.can_end(config)
                    for stage, config in zip(self._stages, composite, strict=True)
                )
                for composite in self._states[state]
            )
        return known

    def _is_alive(self, state: int) -> bool:
        """Whether some continuation leads to an end: a search that stops at the first."""
        known = self._alive.get(state)
        if known is not None:
            return known
        seen = {state}
        queue = [state]
        for current in queue:
            if self.can_end(current) or self._alive.get(current):
                self._alive[state] = True
                return True
            for symbol in range(self.alphabet.n_classes):
                for label in range(N_LABELS):
                    following = self._step(current, symbol, label)
                    if following != DEAD and following not in seen:
                        seen.add(following)
                        queue.append(following)
        for current in seen:  # none of them leads to an end
            self._alive[current] = False
        return False


class ByteBoundaries:
    """The automaton over labelled bytes. State 0 is the empty text.

    A state is one of `CharBoundaries` with the bytes of a character that is not complete, and their
    labels. If the character is completed, its bytes must agree: one kind, no boundary inside. If it
    is not, each byte was a character of its own, of the class of invalid bytes.

    Attributes:
        table: int32 (capacity, 256, N_LABELS): states, `DEAD`, or a negative mark of an entry that
            was not asked for yet; `step` and `resolve` fill it.
    """

    def __init__(self, chars: CharBoundaries) -> None:
        self._chars = chars
        self._utf8 = utf8_classes(chars.alphabet)
        self._keys: list[tuple[int, int | None, tuple[int, ...]]] = [(0, None, ())]
        self._index = {self._keys[0]: 0}
        self.table = np.full((64, 256, N_LABELS), _UNKNOWN, dtype=np.int32)

    @property
    def chars(self) -> CharBoundaries:
        """The automaton over whole characters that this one spells out."""
        return self._chars

    def step(self, state: int, byte: int, label: int) -> int:
        """The state after one more labelled byte, or `DEAD`."""
        if state == DEAD:
            return DEAD
        known = int(self.table[state, byte, label])
        if known == _UNKNOWN:
            known = self._step(state, byte, label)
            self.table[state, byte, label] = known
        return known

    def resolve(
        self, states: NDArray[np.int32], data: NDArray[np.uint8], label: int
    ) -> NDArray[np.int32]:
        """`step` on arrays of live states and bytes of equal length."""
        found = self.table[states, data, label]
        unknown = found == _UNKNOWN
        if unknown.any():
            pairs = np.unique(states[unknown].astype(np.int64) * 256 + data[unknown])
            for pair in pairs.tolist():
                self.step(pair >> 8, pair & 255, label)
            found = self.table[states, data, label]
        return found

    def _step(self, state: int, byte: int, label: int) -> int:
        char_state, node, labels = self._keys[state]
        if node is not None:
            symbol, deeper = self._utf8.follow(node, byte)
            labels = (*labels, label)
            if symbol is not None:
                return self._complete(char_state, symbol, labels)
            if deeper is not None:
                return self._intern((char_state, deeper, labels))
            char_state = self._flush(char_state, labels[:-1])
            if char_state == DEAD:
                return DEAD
        symbol, node = self._utf8.lead(byte)
        if node is not None:
            return self._intern((char_state, node, (label,)))
        if symbol is None:
            symbol = self._chars.alphabet.invalid
        return self._settle(self._chars.step(char_state, symbol, label))

    def _complete(self, char_state: int, symbol: int, labels: tuple[int, ...]) -> int:
        inside = labels[0] & ~_BOUNDARY
        if any(label != inside for label in labels[1:]):
            return DEAD
        return self._settle(self._chars.step(char_state, symbol, labels[0]))

    def _flush(self, char_state: int, labels: tuple[int, ...]) -> int:
        for label in labels:
            if char_state == DEAD:
                break
            char_state = self._chars.step(char_state, self._chars.alphabet.invalid, label)
        return char_state

    def _settle(self, char_state: int) -> int:
        return DEAD if char_state == DEAD else self._intern((char_state, None, ()))

    def _intern(self, key: tuple[int, int | None, tuple[int, ...]]) -> int:
        state = self._index.get(key)
        if state is None:
            state = self._add(key) if self._is_alive(key) else DEAD
            self._index[key] = state
        return state

    def _add(self, key: tuple[int, int | None, tuple[int, ...]]) -> int:
        self._keys.append(key)
        if len(self._keys) > len(self.table):
            grown = np.full((2 * len(self.table), 256, N_LABELS), _UNKNOWN, dtype=np.int32)
            grown[: len(self.table)] = self.table
            self.table = grown
        return len(self._keys) - 1

    def _is_alive(self, key: tuple[int, int | None, tuple[int, ...]]) -> bool:
        char_state, node, labels = key
        if node is None or self._flush(char_state, labels) != DEAD:
            return True
        inside = labels[0] & ~_BOUNDARY
        return all(label == inside for label in labels[1:]) and any(
            self._chars.step(char_state, symbol, labels[0]) != DEAD
            for symbol in self._utf8.completions(node)
        )

    def can_end(self, state: int) -> bool:
        """Whether the text may end in this state."""
        char_state, _, labels = self._keys[state]
        char_state = self._flush(char_state, labels)
        return char_state != DEAD and self._chars.can_end(char_state)
