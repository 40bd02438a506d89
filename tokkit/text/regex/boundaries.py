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
from collections.abc import Iterator, Sequence
from enum import IntFlag
from itertools import product
from typing import Any, Generic, Protocol

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import UnsupportedError
from tokkit.text.canonical.prefix_stage import PrefixConfig, PrefixStage
from tokkit.text.regex.characters.charset import Alphabet
from tokkit.text.regex.characters.utf8 import utf8_classes
from tokkit.text.regex.on_demand import NOWHERE, K, States, leads_to_end, memoized

DEAD = NOWHERE
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


def may_end_all(stages: Sequence[Stage | PrefixStage], configs: Sequence[Any]) -> bool:
    """Whether the pieces of all stages may end here."""
    pairs = zip(stages, configs, strict=True)
    return all(config is None or stage.can_end(config) for stage, config in pairs)


def read_on(
    stage: Stage, config: Any, symbol: int, *, cut: bool, dropped: bool = False
) -> list[tuple[Any, bool]]:
    """How a stage reads a character, and whether there is a cut before it.

    Args:
        stage: it may end the piece that it reads only where a stage before it cuts.
        config: None outside its pieces.
        symbol: the character.
        cut: whether a stage before this one cuts before it.
        dropped: whether the stage drops it, or keeps it.
    """
    if config is None or (cut and stage.can_end(config)):
        return [(new, True) for new in stage.begin(symbol, dropped=dropped)]
    return [] if cut else stage.step(config, symbol, dropped=dropped)


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
        self._states = States(self._with_dropped({(None,) * len(stages)}))
        self._alive = {0: True}

    @memoized
    def step(self, state: int, symbol: int, label: int) -> int:
        """The state after one more labelled character, or `DEAD`.

        Raises:
            UnsupportedError: more than `MAX_READINGS` readings.
        """
        following = self._step(state, symbol, label)
        return following if following != DEAD and self._is_alive(following) else DEAD

    def _step(self, state: int, symbol: int, label: int) -> int:
        kind = label & _KIND
        if kind != _LITERAL and symbol not in self._allowed[kind]:
            return DEAD
        following: set[Composite] = set()
        border, literal = bool(label & _BOUNDARY), bool(label & _LITERAL)
        for composite in self._states.keys[state]:
            for done, cut in self._ways(composite, symbol, len(self._stages)):
                if cut == border and literal == self._in_literal(done):
                    following.add(done)
            self._bound(len(following))
        return self._states.number(self._with_dropped(following)) if following else DEAD

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
                else:
                    read = read_on(stage, config, symbol, cut=cut)
                    extended += (((*done, new), border) for new, border in read)
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

    @memoized
    def _after_dropped(self, composite: Composite) -> set[Composite]:
        """The composites after one such character."""
        return {
            new
            for k in self._dropping
            if self._may_end_after(composite, k)
            for symbol in range(self.alphabet.n_classes)
            for new in self._drop(composite, k, symbol)
        }

    def _may_end_after(self, composite: Composite, k: int) -> bool:
        """Whether the pieces of the stages after stage `k` may end: they see a cut there."""
        return may_end_all(self._stages[k + 1 :], composite[k + 1 :])

    def _drop(self, composite: Composite, k: int, symbol: int) -> Iterator[Composite]:
        """The composites after a character that stage `k` drops."""
        stage, config = self._stages[k], composite[k]
        assert not isinstance(stage, PrefixStage)
        outside = (None,) * (len(self._stages) - k - 1)
        for done, cut in self._ways(composite, symbol, k):
            if not self._in_literal(done):
                for new, _ in read_on(stage, config, symbol, cut=cut, dropped=True):
                    yield (*done, new, *outside)

    @memoized
    def can_end(self, state: int) -> bool:
        """Whether the text may end in this state."""
        return any(may_end_all(self._stages, composite) for composite in self._states.keys[state])

    def _is_alive(self, state: int) -> bool:
        return leads_to_end(state, self._onward, self.can_end, self._alive)

    def _onward(self, state: int) -> Iterator[int]:
        """The states after one more character, those included that lead to no end."""
        for symbol, label in product(range(self.alphabet.n_classes), range(N_LABELS)):
            following = self._step(state, symbol, label)
            if following != DEAD:
                yield following


class LabelledBytes(ABC, Generic[K]):
    """An automaton over labelled bytes, determinised on demand. State 0 is the empty text.

    Attributes:
        chars: the automaton over whole characters, without cuts within them.
        table: int32 (capacity, 256, N_LABELS): states, `DEAD`, or a negative mark of an entry that
            was not asked for yet; `step` and `resolve` fill it.
    """

    def __init__(self, start: K, chars: CharBoundaries) -> None:
        self.chars = chars
        self.table = np.full((64, 256, N_LABELS), _UNKNOWN, dtype=np.int32)
        self._states = States(start)

    def step(self, state: int, byte: int, label: int) -> int:
        """The state after one more labelled byte, or `DEAD`."""
        if state == DEAD:
            return DEAD
        known = int(self.table[state, byte, label])
        if known == _UNKNOWN:
            known = self._step(state, byte, label)
            self.table[state, byte, label] = known
        return known

    def run(self, state: int, data: bytes, label: int) -> int:
        """The state after several bytes; a boundary, if there is one, stands before the first."""
        for byte in data:
            state = self.step(state, byte, label)
            label &= ~_BOUNDARY
        return state

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

    def _number(self, key: K) -> int:
        """The number of a state, for which the table has room."""
        state = self._states.number(key)
        if state == len(self.table):
            fresh = np.full(self.table.shape, _UNKNOWN, dtype=np.int32)
            self.table = np.concatenate([self.table, fresh])
        return state


_Reading = tuple[int, int | None, tuple[int, ...]]
"""A state over characters, a node of the decoder or None, and the labels of the bytes up to it."""


class ByteBoundaries(LabelledBytes[_Reading]):
    """The automaton over labelled bytes. State 0 is the empty text.

    A state is one of `CharBoundaries` with the bytes of a character that is not complete, and their
    labels. If the character is completed, its bytes must agree: one kind, no boundary inside. If it
    is not, each byte was a character of its own, of the class of invalid bytes.
    """

    def __init__(self, chars: CharBoundaries) -> None:
        super().__init__((0, None, ()), chars)
        self._utf8 = utf8_classes(chars.alphabet)

    def _step(self, state: int, byte: int, label: int) -> int:
        char_state, node, labels = self._states.keys[state]
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
            symbol = self.chars.alphabet.invalid
        return self._settle(self.chars.step(char_state, symbol, label))

    def _complete(self, char_state: int, symbol: int, labels: tuple[int, ...]) -> int:
        inside = labels[0] & ~_BOUNDARY
        if any(label != inside for label in labels[1:]):
            return DEAD
        return self._settle(self.chars.step(char_state, symbol, labels[0]))

    def _flush(self, char_state: int, labels: tuple[int, ...]) -> int:
        for label in labels:
            if char_state == DEAD:
                break
            char_state = self.chars.step(char_state, self.chars.alphabet.invalid, label)
        return char_state

    def _settle(self, char_state: int) -> int:
        return DEAD if char_state == DEAD else self._intern((char_state, None, ()))

    @memoized
    def _intern(self, key: _Reading) -> int:
        return self._number(key) if self._is_alive(key) else DEAD

    def _is_alive(self, key: _Reading) -> bool:
        char_state, node, labels = key
        if node is None or self._flush(char_state, labels) != DEAD:
            return True
        inside = labels[0] & ~_BOUNDARY
        return all(label == inside for label in labels[1:]) and any(
            self.chars.step(char_state, symbol, labels[0]) != DEAD
            for symbol in self._utf8.completions(node)
        )

    def can_end(self, state: int) -> bool:
        """Whether the text may end in this state."""
        char_state, _, labels = self._states.keys[state]
        char_state = self._flush(char_state, labels)
        return char_state != DEAD and self.chars.can_end(char_state)
