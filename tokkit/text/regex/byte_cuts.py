"""Cuts between bytes: rules that see the text in GPT-2's byte alphabet.

What stands after ByteLevel in a tokenizer.json sees each byte as a character, `Ã¼` for "ü". To
`Digits` the bytes B2, B3, B9 and BC to BE are digits (`²`, `³`, `¹`, `¼` to `¾`), so that Falcon's
tokenizer cuts "ü" in two.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from tokkit.text.formats.byte_alphabet import CHAR_OF_BYTE
from tokkit.text.regex.boundaries import (
    DEAD,
    N_LABELS,
    CharBoundaries,
    Composite,
    Label,
    LabelledBytes,
)
from tokkit.text.regex.charset import Alphabet
from tokkit.text.regex.split_stage import SplitStage

_BOUNDARY, _LITERAL = int(Label.BOUNDARY), int(Label.LITERAL)
_SPELLINGS = [CHAR_OF_BYTE[byte].encode() for byte in range(256)]
_SIZES = np.array([len(spelling) for spelling in _SPELLINGS])

Hypothesis = tuple[int, Composite]
"""A state of the automaton for what comes before ByteLevel, and what each rule after it reads."""


class ByteSplitStage(SplitStage):
    """A stage whose characters are those of the byte alphabet."""

    def elements(
        self, text: NDArray[np.uint8], bounds: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """See `SplitStage.elements`."""
        spelled = b"".join(map(_SPELLINGS.__getitem__, text.tolist()))
        starts = np.concatenate([[0], np.cumsum(_SIZES[text])]).astype(np.int64)
        ends, is_match = super().elements(np.frombuffer(spelled, dtype=np.uint8), starts[bounds])
        return np.searchsorted(starts, ends), is_match


class ByteCuts(LabelledBytes):
    """The automaton over labelled bytes of a pretokenizer with rules on both sides of ByteLevel."""

    def __init__(
        self, before: LabelledBytes, alphabet: Alphabet, stages: tuple[ByteSplitStage, ...]
    ) -> None:
        """Refine an automaton.

        Args:
            before: for the rules up to ByteLevel.
            alphabet: the classes, which `before` shares.
            stages: the rules after ByteLevel.
        """
        super().__init__()
        self._before = before
        self._stages = stages
        points = [ord(CHAR_OF_BYTE[byte]) for byte in range(256)]
        self._symbols: list[int] = alphabet.class_of[points].tolist()
        start: frozenset[Hypothesis] = frozenset({(0, (None,) * len(stages))})
        self._states = [start]
        self._index = {start: 0}
        self._following: dict[tuple[frozenset[Hypothesis], int, int], frozenset[Hypothesis]] = {}
        self._alive: dict[frozenset[Hypothesis], bool] = {start: True}

    @property
    def chars(self) -> CharBoundaries:
        """The automaton over whole characters, without the cuts between bytes."""
        return self._before.chars

    def can_end(self, state: int) -> bool:
        """Whether the text may end in this state."""
        return self._can_end(self._states[state])

    def _can_end(self, hypotheses: frozenset[Hypothesis]) -> bool:
        return any(
            self._before.can_end(before) and self._piece_can_end(configs)
            for before, configs in hypotheses
        )

    def _piece_can_end(self, configs: Composite) -> bool:
        pairs = zip(self._stages, configs, strict=True)
        return all(config is None or stage.can_end(config) for stage, config in pairs)

    def _step(self, state: int, byte: int, label: int) -> int:
        following = self._follow(self._states[state], byte, label)
        if not following or not self._is_alive(following):
            return DEAD
        known = self._index.get(following)
        if known is None:
            known = self._index[following] = len(self._states)
            self._states.append(following)
            self._make_room(len(self._states))
        return known

    def _follow(
        self, hypotheses: frozenset[Hypothesis], byte: int, label: int
    ) -> frozenset[Hypothesis]:
        key = (hypotheses, byte, label)
        known = self._following.get(key)
        if known is None:
            found: set[Hypothesis] = set()
            for before, configs in hypotheses:
                for cut in (0, _BOUNDARY) if label & _BOUNDARY else (0,):
                    state = self._before.step(before, byte, label & ~_BOUNDARY | cut)
                    if state != DEAD:
                        ways = self._advance(configs, self._symbols[byte], label, cut=bool(cut))
                        found.update((state, way) for way in ways)
            known = self._following[key] = frozenset(found)
        return known

    def _advance(
        self, configs: Composite, symbol: int, label: int, *, cut: bool
    ) -> list[Composite]:
        """The ways in which the stages can read a byte; `cut`: a new piece for the rules before."""
        if label & _LITERAL:
            ends = not cut or self._piece_can_end(configs)
            return [(None,) * len(configs)] if ends else []
        partial: list[tuple[Composite, bool]] = [((), cut)]
        for stage, config in zip(self._stages, configs, strict=True):
            extended: list[tuple[Composite, bool]] = []
            for done, is_cut in partial:
                if config is None or (is_cut and stage.can_end(config)):
                    extended.extend(((*done, new), True) for new in stage.begin(symbol))
                elif not is_cut:
                    steps = stage.step(config, symbol)
                    extended.extend(((*done, new), border) for new, border in steps)
            partial = extended
        return [done for done, is_cut in partial if is_cut == bool(label & _BOUNDARY)]

    def _is_alive(self, hypotheses: frozenset[Hypothesis]) -> bool:
        """Whether some continuation leads to an end: a search that stops at the first."""
        known = self._alive.get(hypotheses)
        if known is not None:
            return known
        self._alive[hypotheses] = found = self._can_end(hypotheses) or self._search(hypotheses)
        return found

    def _search(self, hypotheses: frozenset[Hypothesis]) -> bool:
        seen = {hypotheses}
        queue = [hypotheses]
        for current in queue:  # the queue grows while it is walked
            for byte, label in itertools.product(range(256), range(N_LABELS)):
                following = self._follow(current, byte, label)
                if not following or following in seen:
                    continue
                if self._can_end(following) or self._alive.get(following):
                    return True
                seen.add(following)
                queue.append(following)
        self._alive.update(dict.fromkeys(seen, False))
        return False
