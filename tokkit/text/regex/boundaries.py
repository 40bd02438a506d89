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

Characters that a stage drops (white space, mostly) are in no token, so the automaton does not read
them: a state allows for any number of them, wherever they may stand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import IntFlag
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import UnsupportedError
from tokkit.text.canonical.prefix_stage import PrefixConfig, PrefixStage
from tokkit.text.regex.charset import Alphabet
from tokkit.text.regex.utf8 import utf8_classes

DEAD = -1
MAX_READINGS = 4_096
"""Ways in which all stages may read a text at once; some rules multiply them with each other."""
_UNKNOWN = -2


class Stage(Protocol):
    """A cut, as an automaton over characters: it keeps or drops each, and may cut before it."""

    @property
    def is_literal(self) -> bool:
        """Whether matches are LITERAL tokens, which later stages and the model never see."""
        ...

    @property
    def drops(self) -> bool:
        """Whether it may drop characters."""
        ...

    def begin(self, symbol: int, *, dropped: bool = False) -> list[Any]:
        """Configurations after the first character of a piece."""
        ...

    def step(self, config: Any, symbol: int, *, dropped: bool = False) -> list[tuple[Any, bool]]:
        """Configurations after one more character, and whether it cuts before it."""
        ...

    def can_end(self, config: Any) -> bool:
        """Whether the piece may end here."""
        ...


Composite = tuple[Any, ...]  # of each stage a configuration, or None outside its pieces
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
        stages: tuple[Stage | PrefixStage, ...],
        normal: frozenset[int],
        fallback: frozenset[int],
    ) -> None:
        """Start from the empty text.

        Args:
            alphabet: the classes.
            stages: at least one, the literal ones first, and among those at most one that puts
                spaces.
            normal: classes of characters that may be part of NORMAL tokens.
            fallback: classes of characters that may be spelt by BYTE tokens.
        """
        self.alphabet = alphabet
        self._stages = stages
        self._literal = [k for k, stage in enumerate(stages) if stage.is_literal]
        self._prefix = next((k for k, s in enumerate(stages) if isinstance(s, PrefixStage)), None)
        self._dropping = [k for k, stage in enumerate(stages) if stage.drops]
        self._allowed = {_NORMAL: normal, _BYTE: fallback}
        self._dropped: dict[Composite, set[Composite]] = {}
        start = self._with_dropped({(None,) * len(stages)})
        self._states: list[Hypotheses] = [start]
        self._index: dict[Hypotheses, int] = {start: 0}
        self._transitions: dict[tuple[int, int, int], int] = {}
        self._ends: dict[int, bool] = {0: True}
        self._alive: dict[int, bool] = {0: True}

    def step(self, state: int, symbol: int, label: int) -> int:
        """The state after one more labelled character, or `DEAD`.

        Raises:
            UnsupportedError: more than `MAX_READINGS` readings.
        """
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
            self._bound(len(following))
        return self._intern(self._with_dropped(following)) if following else DEAD

    def _advance(
        self, composite: Composite, symbol: int, label: int, following: set[Composite]
    ) -> None:
        """Add every way in which all stages can read the symbol under this label."""
        border, literal = bool(label & _BOUNDARY), bool(label & _LITERAL)
        for done, cut in self._ways(composite, symbol, len(self._stages)):
            if cut == border and literal == self._in_literal(done):
                following.add(done)

    def _ways(
        self, composite: Composite, symbol: int, n_stages: int
    ) -> list[tuple[Composite, bool]]:
        """How the first stages can read a symbol that they keep, and whether they cut before it."""
        ways = self._through(composite, symbol, n_stages, ((), False))
        k = self._prefix
        if k is not None and k < n_stages:
            stage, before = self._stages[k], composite[:k]
            assert isinstance(stage, PrefixStage)
            if symbol == stage.space and stage.may_put(before, composite[k]):
                put = (*before, PrefixConfig.PUT)
                ways += self._through(composite, symbol, n_stages, (put, True))
        return ways

    def _through(
        self, composite: Composite, symbol: int, n_stages: int, way: tuple[Composite, bool]
    ) -> list[tuple[Composite, bool]]:
        """A way through the first stages of all, on through those after it."""
        partial = [way]
        for k in range(len(way[0]), n_stages):
            stage, config = self._stages[k], composite[k]
            extended: list[tuple[Composite, bool]] = []
            for done, cut in partial:
                if self._in_literal(done):
                    if config is None or (cut and stage.can_end(config)):
                        extended.append(((*done, None), cut))
                elif isinstance(stage, PrefixStage):
                    first = all(each is None for each in composite[:k])
                    followed = stage.follow(config, symbol, cut=cut, first=first)
                    if followed is not None:
                        extended.append(((*done, followed[0]), followed[1]))
                elif config is None or (cut and stage.can_end(config)):
                    extended.extend(((*done, new), True) for new in stage.begin(symbol))
                elif not cut:
                    extended.extend(
                        ((*done, new), border) for new, border in stage.step(config, symbol)
                    )
            partial = extended
            self._bound(len(partial))
        return partial

    def _bound(self, n_readings: int) -> None:
        if n_readings > MAX_READINGS:
            raise UnsupportedError(
                f"the {len(self._stages)} rules of the pretokenizer read a text in more than "
                f"{MAX_READINGS:,} ways at once, so tokkit does not tell which sequences of tokens "
                "are canonical; texts are encoded all the same"
            )

    def _in_literal(self, composite: Composite) -> bool:
        """Whether the last character is one of a LITERAL token, as far as these stages tell."""
        k = self._prefix
        # Stages before a space that was put there have not read it.
        skipped = k if k is not None and composite[k : k + 1] == (PrefixConfig.PUT,) else 0
        return any(
            composite[i] is not None and composite[i].is_match
            for i in self._literal
            if skipped <= i < len(composite)
        )

    # -- characters that are dropped ---------------------------------------------------------

    def _with_dropped(self, composites: set[Composite]) -> Hypotheses:
        """The composites, and those after any number of characters that some stage drops."""
        if not self._dropping:
            return frozenset(composites)
        found = set(composites)
        queue = list(composites)
        for composite in queue:
            self._bound(len(found))
            fresh = self._after_dropped(composite) - found
            found |= fresh
            queue += fresh
        return frozenset(found)

    def _after_dropped(self, composite: Composite) -> set[Composite]:
        """The composites after one such character."""
        known = self._dropped.get(composite)
        if known is None:
            known = self._dropped[composite] = {
                new
                for k in self._dropping
                if self._may_end_after(composite, k)
                for symbol in range(self.alphabet.n_classes)
                for new in self._drop(composite, k, symbol)
            }
        return known

    def _may_end_after(self, composite: Composite, k: int) -> bool:
        """Whether the pieces of the stages after stage `k` may end: they see a cut there."""
        return all(
            config is None or stage.can_end(config)
            for stage, config in zip(self._stages[k + 1 :], composite[k + 1 :], strict=True)
        )

    def _drop(self, composite: Composite, k: int, symbol: int) -> Iterator[Composite]:
        """The composites after a character that stage `k` drops."""
        stage, config = self._stages[k], composite[k]
        assert not isinstance(stage, PrefixStage)
        outside = (None,) * (len(self._stages) - k - 1)
        for done, cut in self._ways(composite, symbol, k):
            if self._in_literal(done):
                continue
            if config is None or (cut and stage.can_end(config)):
                for new in stage.begin(symbol, dropped=True):
                    yield (*done, new, *outside)
            elif not cut:
                for new, _ in stage.step(config, symbol, dropped=True):
                    yield (*done, new, *outside)

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


class LabelledBytes(ABC):
    """An automaton over labelled bytes, determinised on demand. State 0 is the empty text.

    Attributes:
        table: int32 (capacity, 256, N_LABELS): states, `DEAD`, or a negative mark of an entry that
            was not asked for yet; `step` and `resolve` fill it.
    """

    def __init__(self) -> None:
        self.table = np.full((64, 256, N_LABELS), _UNKNOWN, dtype=np.int32)

    @property
    @abstractmethod
    def chars(self) -> CharBoundaries:
        """The automaton over whole characters that this one spells out."""

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

    @abstractmethod
    def _step(self, state: int, byte: int, label: int) -> int: ...

    @abstractmethod
    def can_end(self, state: int) -> bool:
        """Whether the text may end in this state."""

    def _make_room(self, n_states: int) -> None:
        if n_states > len(self.table):
            grown = np.full((2 * len(self.table), 256, N_LABELS), _UNKNOWN, dtype=np.int32)
            grown[: len(self.table)] = self.table
            self.table = grown


class ByteBoundaries(LabelledBytes):
    """The automaton over labelled bytes. State 0 is the empty text.

    A state is one of `CharBoundaries` with the bytes of a character that is not complete, and their
    labels. If the character is completed, its bytes must agree: one kind, no boundary inside. If it
    is not, each byte was a character of its own, of the class of invalid bytes.
    """

    def __init__(self, chars: CharBoundaries) -> None:
        super().__init__()
        self._chars = chars
        self._utf8 = utf8_classes(chars.alphabet)
        self._keys: list[tuple[int, int | None, tuple[int, ...]]] = [(0, None, ())]
        self._index = {self._keys[0]: 0}

    @property
    def chars(self) -> CharBoundaries:
        """The automaton over whole characters that this one spells out."""
        return self._chars

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
        self._make_room(len(self._keys))
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
