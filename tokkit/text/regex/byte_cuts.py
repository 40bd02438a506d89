"""Cuts between bytes: rules that see the text in GPT-2's byte alphabet.

What stands after ByteLevel in a tokenizer.json sees each byte as a character, `Ã¼` for "ü". To
`Digits` the bytes B2, B3, B9 and BC to BE are digits (`²`, `³`, `¹`, `¼` to `¾`), so that Falcon's
tokenizer cuts "ü" in two.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from tokkit.text.formats.byte_alphabet import CHAR_OF_BYTE
from tokkit.text.regex.boundaries import (
    DEAD,
    N_LABELS,
    Composite,
    Label,
    LabelledBytes,
    may_end_all,
    read_on,
)
from tokkit.text.regex.characters.charset import Alphabet
from tokkit.text.regex.on_demand import leads_to_end, memoized
from tokkit.text.regex.split_stage import Marked, Places, SplitStage, Text

_BOUNDARY, _LITERAL = int(Label.BOUNDARY), int(Label.LITERAL)
_SPELLINGS = [CHAR_OF_BYTE[byte].encode() for byte in range(256)]
_SIZES = np.array([len(spelling) for spelling in _SPELLINGS])

Hypotheses = frozenset[tuple[int, Composite]]
"""States of the automaton up to ByteLevel, each with what the rules after it read."""


class ByteSplitStage(SplitStage):
    """A stage whose characters are those of the byte alphabet."""

    @property
    def plain_steps(self) -> None:
        """None: its steps are not those of a text's characters."""

    def elements(self, text: Text, bounds: Places) -> Marked:
        """See `SplitStage.elements`."""
        spelled = b"".join(map(_SPELLINGS.__getitem__, text.tolist()))
        starts = np.concatenate([[0], np.cumsum(_SIZES[text])]).astype(np.int64)
        found, is_match = super().elements(np.frombuffer(spelled, dtype=np.uint8), starts[bounds])
        return np.searchsorted(starts, found), is_match


class ByteCuts(LabelledBytes[Hypotheses]):
    """The automaton over labelled bytes of a pretokenizer with rules on both sides of ByteLevel."""

    def __init__(
        self, before: LabelledBytes[Any], alphabet: Alphabet, stages: tuple[ByteSplitStage, ...]
    ) -> None:
        """Refine an automaton.

        Args:
            before: for the rules up to ByteLevel.
            alphabet: the classes, which `before` shares.
            stages: the rules after ByteLevel.
        """
        super().__init__(frozenset({(0, (None,) * len(stages))}), before.chars)
        self._before = before
        self._stages = stages
        points = [ord(CHAR_OF_BYTE[byte]) for byte in range(256)]
        self._symbols: list[int] = alphabet.class_of[points].tolist()
        self._alive = {self._states.keys[0]: True}

    def can_end(self, state: int) -> bool:
        """Whether the text may end in this state."""
        return self._can_end(self._states.keys[state])

    def _can_end(self, hypotheses: Hypotheses) -> bool:
        return any(
            self._before.can_end(before) and may_end_all(self._stages, configs)
            for before, configs in hypotheses
        )

    def _step(self, state: int, byte: int, label: int) -> int:
        following = self._follow(self._states.keys[state], byte, label)
        if following and leads_to_end(following, self._onward, self._can_end, self._alive):
            return self._number(following)
        return DEAD

    @memoized
    def _follow(self, hypotheses: Hypotheses, byte: int, label: int) -> Hypotheses:
        found: set[tuple[int, Composite]] = set()
        for before, configs in hypotheses:
            for cut in (0, _BOUNDARY) if label & _BOUNDARY else (0,):
                state = self._before.step(before, byte, label & ~_BOUNDARY | cut)
                if state != DEAD:
                    ways = self._advance(configs, self._symbols[byte], label, cut=bool(cut))
                    found.update((state, way) for way in ways)
        return frozenset(found)

    def _advance(
        self, configs: Composite, symbol: int, label: int, *, cut: bool
    ) -> list[Composite]:
        """The ways in which the stages can read a byte; `cut`: a new piece for the rules before."""
        if label & _LITERAL:
            ends = not cut or may_end_all(self._stages, configs)
            return [(None,) * len(configs)] if ends else []
        partial: list[tuple[Composite, bool]] = [((), cut)]
        for stage, config in zip(self._stages, configs, strict=True):
            extended: list[tuple[Composite, bool]] = []
            for done, is_cut in partial:
                read = read_on(stage, config, symbol, cut=is_cut)
                extended += (((*done, new), border) for new, border in read)
            partial = extended
        return [done for done, is_cut in partial if is_cut == bool(label & _BOUNDARY)]

    def _onward(self, hypotheses: Hypotheses) -> Iterator[Hypotheses]:
        for byte, label in product(range(256), range(N_LABELS)):
            following = self._follow(hypotheses, byte, label)
            if following:
                yield following
