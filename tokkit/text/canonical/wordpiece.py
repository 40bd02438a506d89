"""Canonical prefixes for WordPiece, whose prefixes do not nest.

In byte space a text of words is " first second ...": a token that begins a word brings the space.
Greedy longest match takes, at each place, the longest token that the rest of the word starts with.
So tokens t1 t2 ... of a word are what greedy takes exactly when, for each of them, no longer token
starts where it starts and goes on with the bytes that follow: an obligation that stays open as long
as those bytes are the beginning of some longer token, and that the end of the word discharges.

Added tokens stand between words, and spell themselves. What may follow what is for the boundary
automaton to say, which knows of white space that is dropped. A token that the model makes too may
be either, which what follows decides: a state holds each way in which its tokens can be read.

Example: with the tokens `un`, `##a`, `unab`, the sequence `un ##a` is canonical ("una" may end, or
go on with something but "b"), and `un ##a ##b` is not, because greedy would have taken `unab`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.text.canonical.automaton import CanonicalAutomaton
from tokkit.text.pretokenizer import Pretokenizer
from tokkit.text.regex.boundaries import DEAD, Label
from tokkit.text.spec import TokenizerSpec, TokenKind


@dataclass(frozen=True)
class _Word:
    """One way to read the tokens so far, and the word that is being read in it.

    Attributes:
        boundary_state: of the boundary automaton.
        n_chars: its length so far; 0 before the first word and after an added token.
        open: (is inside a word, bytes since there) of each token whose choice is not yet certain.
    """

    boundary_state: int
    n_chars: int
    open: frozenset[tuple[bool, bytes]]


class _Side:
    """The tokens that may stand at the beginning of a word, or inside one, sorted by bytes."""

    def __init__(self, spellings: dict[bytes, int]) -> None:
        self.ids = spellings
        self.sorted = sorted(spellings)
        self.order = np.array([spellings[s] for s in self.sorted], dtype=np.int64)

    def starting_with(self, prefix: bytes) -> tuple[int, int]:
        low = bisect_left(self.sorted, prefix)
        # No UTF-8 text holds the byte 0xff, so this is above everything that starts so.
        return low, bisect_left(self.sorted, prefix + b"\xff", lo=low)

    def longer(self, prefix: bytes) -> list[bytes]:
        """What must follow `prefix` to make each longer token."""
        low, high = self.starting_with(prefix)
        return [s[len(prefix) :] for s in self.sorted[low:high] if len(s) > len(prefix)]


class WordPieceAutomaton(CanonicalAutomaton[_Word]):
    """The automaton of a tokenizer that takes the longest token that matches."""

    def __init__(self, spec: TokenizerSpec, pretokenizer: Pretokenizer) -> None:
        assert spec.continuing is not None
        super().__init__(spec.vocab_size, _Word(0, 0, frozenset()))
        self._spec = spec
        self._boundaries = pretokenizer.boundaries
        sides: tuple[dict[bytes, int], dict[bytes, int]] = ({}, {})
        for token in np.flatnonzero(spec.model_kinds == TokenKind.NORMAL).tolist():
            inside = bool(spec.continuing[token])
            spelling = spec.token_bytes[token]
            if spelling and (inside or spelling != b" "):
                sides[inside].setdefault(spelling if inside else spelling[1:], token)
        self._sides = (_Side(sides[0]), _Side(sides[1]))
        self._literals = np.flatnonzero(spec.kinds == TokenKind.LITERAL).tolist()

    def _successors(self, hypothesis: _Word, token: int) -> Iterator[_Word]:
        """After one more token: as an added one, as one of the model, or as both."""
        kind = self._spec.kinds[token]
        if kind == TokenKind.LITERAL:
            spelling, label = self._spec.token_bytes[token], Label.LITERAL | Label.BOUNDARY
            state = self._boundaries.run(hypothesis.boundary_state, spelling, int(label))
            if state != DEAD:
                yield _Word(state, 0, frozenset())
        if kind == TokenKind.NORMAL or token in self._spec.also_model:
            grown = self._after_model_token(hypothesis, token)
            if grown is not None:
                yield grown

    def _after_model_token(self, word: _Word, token: int) -> _Word | None:
        assert self._spec.continuing is not None
        inside = bool(self._spec.continuing[token])
        spelling = self._spec.token_bytes[token][0 if inside else 1 :]
        if self._sides[inside].ids.get(spelling) != token or (inside and not word.n_chars):
            return None
        if not inside:
            word = _Word(word.boundary_state, 0, frozenset())
        return self._grow(word, spelling, inside=inside)

    def _grow(self, word: _Word, spelling: bytes, *, inside: bool) -> _Word | None:
        n_chars = word.n_chars + len(spelling.decode(errors="replace"))
        if n_chars > self._spec.max_word_chars:
            return None
        label = Label.NORMAL if inside else Label.BOUNDARY
        state = self._boundaries.run(word.boundary_state, spelling, int(label))
        if state == DEAD:
            return None
        still_open: set[tuple[bool, bytes]] = set()
        for side, since in word.open:
            if any(spelling.startswith(rest) for rest in self._sides[side].longer(since)):
                return None
            still_open.add((side, since + spelling))
        still_open.add((inside, spelling))
        return _Word(
            state,
            n_chars,
            frozenset(item for item in still_open if self._sides[item[0]].longer(item[1])),
        )

    def _mask(self, hypotheses: frozenset[_Word]) -> NDArray[np.bool_]:
        allowed = np.zeros(self._spec.vocab_size, dtype=np.bool_)
        for word in hypotheses:
            for token in self._candidates(word):
                if not allowed[token]:
                    allowed[token] = any(True for _ in self._successors(word, token))
        return allowed

    def _candidates(self, word: _Word) -> Iterator[int]:
        """Tokens that may follow, as far as open choices tell."""
        for inside, side in enumerate(self._sides):
            candidates = np.ones(len(side.order), dtype=np.bool_)
            if inside:
                for kind, since in word.open:
                    for rest in self._sides[kind].longer(since):
                        low, high = side.starting_with(rest)
                        candidates[low:high] = False
            yield from side.order[candidates].tolist()
        yield from self._literals

    def _may_end(self, hypothesis: _Word) -> bool:
        return self._boundaries.can_end(hypothesis.boundary_state)
