"""Canonical prefixes for BPE whose tokens tell where in a word they stand (`word_final`).

What `NestedAutomaton` says of boundaries and merges holds, and two things are added. A piece
ends with a word-final token, and only there: a token that is none must be followed by one that goes
on. And where the pretokenizer drops white space, a text in byte space is words with one space
behind (or before) each (`"un able "`). The boundary automaton reads them without these spaces.

Example (CLIP): `["un", "able</w>"]` is canonical if the merges keep the two apart; `["un</w>",
"able</w>"]` stands for two words, and is canonical whatever the merges; `["un"]` may not end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.text.canonical.nested import Hypothesis, NestedAutomaton
from tokkit.text.pretokenizer import Pretokenizer
from tokkit.text.regex.on_demand import memoized
from tokkit.text.segment_models.base import SegmentModel
from tokkit.text.segment_models.word_bpe import WordBpeModel, words_of
from tokkit.text.spec import TokenizerSpec, TokenKind


class WordBpeAutomaton(NestedAutomaton):
    """A `NestedAutomaton` that knows where words end."""

    def __init__(
        self, spec: TokenizerSpec, pretokenizer: Pretokenizer, model: SegmentModel
    ) -> None:
        assert isinstance(model, WordBpeModel), "the family is word_bpe"
        self._words = model
        super().__init__(spec, pretokenizer, model, spelled=words_of(spec)[: spec.vocab_size])

    @cached_property
    def _ends_piece(self) -> NDArray[np.bool_]:
        if self._spec.word_final is None:
            return np.ones(self._spec.vocab_size, dtype=np.bool_)
        final = self._spec.word_final[: self._spec.vocab_size]
        return final | (self._spec.kinds == TokenKind.LITERAL)

    @cached_property
    def _may_begin(self) -> NDArray[np.bool_]:
        return self._words.successor_mask_after(()) | (self._spec.kinds == TokenKind.LITERAL)

    def _may_close(self, hypothesis: Hypothesis) -> bool:
        """Whether the word may go on with one more token and the text then end.

        The first token that is tried nearly always will do.
        """
        if not hypothesis.context:
            return False
        closing = self._closing_at(hypothesis.boundary_state)
        return any(self._stays_apart(hypothesis.context[-1], token) for token in closing)

    @memoized
    def _stays_apart(self, last: int, token: int) -> bool:
        return self._words.pair_valid(last, token)

    @cached_property
    def _closers(self) -> Sequence[int]:
        """Tokens that end a word, the shortest first, of which a few suffice."""
        final = np.flatnonzero(self._words.reachable & self._ends_piece).tolist()
        return sorted(final, key=lambda token: len(self._spelled[token]))[:256]
