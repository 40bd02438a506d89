r"""Canonical prefixes for models whose encodings nest.

For BPE, Unigram and whatever else encodes a prefix of an encoded piece as it does within the piece.
Three things decide, and this automaton tracks them:

1. **Boundaries.** Each token lies within one piece of the pretokenizer. Where a boundary may stand
   can depend on what comes later, so a state holds one *hypothesis* for each labelling of the text
   so far that some continuation confirms (`tokkit.text.regex.boundaries`).
2. **The model, within a piece.** A prefix of an encoded piece is what its own bytes encode to, and
   for BPE it suffices to look at adjacent pairs (`tokkit.text.segment_models.bpe`). Across a
   boundary anything may follow anything.
3. **`ignore_merges`.** A piece that is a token as a whole is that token. It matters only for the
   *whole-piece* tokens, which merges do not build: they fill a piece alone, and no piece of two or
   more tokens may spell one.

Example (GPT-2): `["\n", "\n"]` is canonical, because "\n\nx" is split that way, and may not be
followed by the end of the text, nor by a token that starts with white space.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.text.canonical.automaton import CanonicalAutomaton
from tokkit.text.pretokenizer import Pretokenizer
from tokkit.text.regex.boundaries import DEAD, Label
from tokkit.text.regex.on_demand import leads_to_end, memoized
from tokkit.text.segment_models.base import SegmentModel
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.token_trie import TokenTrie

_NOT_A_WHOLE_PIECE = b"\x00outside"
_MUST_BREAK = b"\x00alone"
_BOUNDARY = int(Label.BOUNDARY)


@dataclass(frozen=True)
class Hypothesis:
    """One way in which the text so far may be divided.

    Attributes:
        boundary_state: state of the boundary automaton.
        context: the trailing ids of the current piece that the model looks at.
        spelt: the current piece, as long as it is a proper beginning or all of a whole-piece token;
            otherwise one of two marks: it is neither, or it is one alone and must end here.
    """

    boundary_state: int
    context: tuple[int, ...]
    spelt: bytes


class NestedAutomaton(CanonicalAutomaton[Hypothesis]):
    """The automaton of a tokenizer whose model looks at adjacent tokens, or at a few."""

    def __init__(
        self,
        spec: TokenizerSpec,
        pretokenizer: Pretokenizer,
        model: SegmentModel,
        *,
        spelled: tuple[bytes, ...] | None = None,
    ) -> None:
        """Build the automaton.

        Args:
            spec: the tokenizer.
            pretokenizer: of `spec`.
            model: of `spec`.
            spelled: the bytes of each token as the pretokenizer sees them; None: `token_bytes`.
        """
        super().__init__(spec.vocab_size, Hypothesis(0, (), b""))
        self._spec = spec
        self._spelled = spec.token_bytes if spelled is None else spelled
        self._boundaries = pretokenizer.boundaries
        self._model = model
        # A literal that the model makes too has two entries: its own, and one behind all tokens.
        self._also = np.array(spec.also_model, dtype=np.int64)
        self._entries = np.concatenate([np.arange(spec.vocab_size), self._also])
        whole = np.zeros(spec.vocab_size, dtype=np.bool_)
        if spec.ignore_merges:
            whole = (spec.model_kinds == TokenKind.NORMAL) & ~model.reachable
        self._whole_pieces = {self._spelled[i]: i for i in np.flatnonzero(whole).tolist()}
        self._is_whole = np.zeros(spec.vocab_size, dtype=np.bool_)
        self._is_whole[list(self._whole_pieces.values())] = True
        self._beginnings = {
            spelling[:size] for spelling in self._whole_pieces for size in range(len(spelling) + 1)
        }
        self._live: dict[Hypothesis, bool] = {}

    def _mask(self, hypotheses: frozenset[Hypothesis]) -> NDArray[np.bool_]:
        allowed = np.zeros(self._spec.vocab_size, dtype=np.bool_)
        for hypothesis in hypotheses:
            after_boundary, inside = self._live_follow(hypothesis.boundary_state)
            if self._piece_may_end(hypothesis):
                allowed |= after_boundary
            if hypothesis.context and hypothesis.spelt != _MUST_BREAK:
                inside = inside & self._model.successor_mask_after(hypothesis.context)
                self._drop_spelt_whole(hypothesis, inside)
                allowed |= inside
        return allowed

    # -- one hypothesis ----------------------------------------------------------------------

    def _successors(self, hypothesis: Hypothesis, token: int) -> Iterable[Hypothesis]:
        return filter(self._is_live, self._ways(hypothesis, token))

    def _ways(self, hypothesis: Hypothesis, token: int) -> list[Hypothesis]:
        """The hypotheses after `token`, dead ends included."""
        labels = {self._labels[token], self._model_labels[token]}
        ways = [self._after_boundary(hypothesis, token, label) for label in labels]
        ways.append(self._inside(hypothesis, token))
        return [new for new in ways if new is not None]

    def _after_boundary(self, hypothesis: Hypothesis, token: int, label: int) -> Hypothesis | None:
        """`token` begins a piece."""
        if not self._piece_may_end(hypothesis):
            return None
        state = self._read(hypothesis.boundary_state, token, label | _BOUNDARY)
        if state == DEAD:
            return None
        if self._is_whole[token] and label != int(Label.LITERAL):
            return Hypothesis(state, (token,), _MUST_BREAK)
        is_made = label == self._labels[token] or self._model.reachable[token]
        if self._may_begin[token] and is_made:
            return Hypothesis(state, (token,), self._spell(b"", token))
        return None

    def _inside(self, hypothesis: Hypothesis, token: int) -> Hypothesis | None:
        """`token` goes on with the piece."""
        if not hypothesis.context or hypothesis.spelt == _MUST_BREAK:
            return None
        state = self._read(hypothesis.boundary_state, token, self._model_labels[token])
        if state == DEAD or not self._model.successor_mask_after(hypothesis.context)[token]:
            return None
        context = (*hypothesis.context, token)
        # Of a run of BYTE tokens only the boundary automaton needs more than the last.
        context = (token,) if self._spec.family == "bpe" else self._model.deciding(context)
        return Hypothesis(state, context, self._spell(hypothesis.spelt, token))

    def _piece_may_end(self, hypothesis: Hypothesis) -> bool:
        """Whether the model lets the piece end here, which is not spelt as a whole-piece token."""
        is_whole = not hypothesis.context or bool(self._ends_piece[hypothesis.context[-1]])
        return is_whole and hypothesis.spelt not in self._whole_pieces

    @cached_property
    def _ends_piece(self) -> NDArray[np.bool_]:
        """Tokens after which the model lets a piece end: bool (V,)."""
        return np.ones(self._spec.vocab_size, dtype=np.bool_)

    def _read(self, state: int, token: int, label: int) -> int:
        spelled = self._spelled[token]
        return self._boundaries.run(state, spelled, label) if spelled else DEAD

    @cached_property
    def _labels(self) -> list[int]:
        """The label of each token's bytes but for boundaries."""
        labels = np.full(self._spec.vocab_size, int(Label.NORMAL))
        labels[self._spec.kinds == TokenKind.BYTE] = int(Label.BYTE)
        labels[self._spec.kinds == TokenKind.LITERAL] = int(Label.LITERAL)
        return labels.tolist()

    @cached_property
    def _model_labels(self) -> list[int]:
        """The same, for tokens that the model makes."""
        labels = list(self._labels)
        for token in self._also.tolist():
            labels[token] = int(Label.NORMAL)
        return labels

    def _spell(self, spelt: bytes, token: int) -> bytes:
        if spelt == _NOT_A_WHOLE_PIECE or not self._whole_pieces:
            return _NOT_A_WHOLE_PIECE
        spelt += self._spelled[token]
        return spelt if spelt in self._beginnings else _NOT_A_WHOLE_PIECE

    def _may_end(self, hypothesis: Hypothesis) -> bool:
        can_end = self._boundaries.can_end(hypothesis.boundary_state)
        return can_end and self._piece_may_end(hypothesis)

    @cached_property
    def _may_begin(self) -> NDArray[np.bool_]:
        """Tokens that may follow a boundary and be followed by anything: bool (V,)."""
        return self._in_text

    @cached_property
    def _in_text(self) -> NDArray[np.bool_]:
        """Tokens that stand for text anywhere: bool (V,)."""
        return self._model.reachable | (self._spec.kinds == TokenKind.LITERAL)

    # -- all tokens at once ------------------------------------------------------------------

    @cached_property
    def _tries(self) -> tuple[tuple[Label, TokenTrie], ...]:
        in_text, kinds = self._in_text[self._entries], self._spec.kinds[self._entries]
        kinds[self._spec.vocab_size :] = TokenKind.NORMAL
        made = self._model.reachable[self._entries] | self._is_whole[self._entries]
        groups = (
            (Label.NORMAL, made & (kinds == TokenKind.NORMAL)),
            (Label.BYTE, in_text & (kinds == TokenKind.BYTE)),
            (Label.LITERAL, in_text & (kinds == TokenKind.LITERAL)),
        )
        spelled = (*self._spelled, *(self._spelled[token] for token in self._spec.also_model))
        return tuple(
            (label, TokenTrie(spelled, np.flatnonzero(members)))
            for label, members in groups
            if members.any()
        )

    @memoized
    def _raw_follow(self, state: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Where each token leads, after a boundary and inside a piece; `DEAD` where nowhere."""
        after_boundary, inside = self._walk(state, Label.BOUNDARY), self._walk(state, Label.NORMAL)
        after_boundary[~(self._may_begin | self._is_whole)[self._entries]] = DEAD
        inside[self._is_whole[self._entries]] = DEAD
        return after_boundary, inside

    def _walk(self, state: int, first: Label) -> NDArray[np.int32]:
        result = np.full(len(self._entries), DEAD, dtype=np.int32)
        for kind, trie in self._tries if state != DEAD else ():

            def step(
                states: NDArray[np.int32], data: NDArray[np.uint8], depth: int, kind: Label = kind
            ) -> NDArray[np.int32]:
                label = kind | first if depth == 0 else kind
                return self._boundaries.resolve(states, data, int(label))

            result[trie.order] = trie.walk(state, DEAD, step)
        return result

    @memoized
    def _live_follow(self, state: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """`_raw_follow` as masks, without the tokens after which there is no way on."""
        after_boundary, inside = self._raw_follow(state)
        return (
            self._only_live(after_boundary, at_boundary=True),
            self._only_live(inside, at_boundary=False),
        )

    def _only_live(self, states: NDArray[np.int32], *, at_boundary: bool) -> NDArray[np.bool_]:
        alive = states != DEAD
        ends = {s: self._boundaries.can_end(s) for s in np.unique(states[alive]).tolist()}
        doubtful = np.isin(states, [s for s, can_end in ends.items() if not can_end])
        doubtful |= alive & ~self._ends_piece[self._entries]
        n_tokens = self._spec.vocab_size
        for entry in np.flatnonzero(doubtful).tolist():
            token = int(self._entries[entry])
            is_literal = entry < n_tokens and self._labels[token] == int(Label.LITERAL)
            is_whole = self._is_whole[token] and not is_literal
            spelt = _MUST_BREAK if is_whole else _NOT_A_WHOLE_PIECE
            if at_boundary and not is_whole:
                spelt = self._spell(b"", token)
            # A doubtful token is judged by itself, which is all that BPE looks at.
            alive[entry] = self._is_live(Hypothesis(int(states[entry]), (token,), spelt))
        alive[self._also] |= alive[n_tokens:]
        return alive[:n_tokens]

    def _drop_spelt_whole(self, hypothesis: Hypothesis, inside: NDArray[np.bool_]) -> None:
        """Drop tokens that complete a whole-piece token where the piece cannot go on."""
        if hypothesis.spelt == _NOT_A_WHOLE_PIECE:
            return
        for token in self._completing(hypothesis.spelt):
            new = self._inside(hypothesis, token) if inside[token] else None
            inside[token] = new is not None and self._is_live(new)

    def _completing(self, spelt: bytes) -> list[int]:
        """Tokens that, after `spelt`, spell a whole-piece token."""
        rests = (piece[len(spelt) :] for piece in self._whole_pieces if piece.startswith(spelt))
        return [self._by_bytes[rest] for rest in rests if rest in self._by_bytes]

    @cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        return {
            self._spelled[token]: token for token in np.flatnonzero(self._model.reachable).tolist()
        }

    # -- dead ends ---------------------------------------------------------------------------

    def _is_live(self, hypothesis: Hypothesis) -> bool:
        """Whether tokens exist that lead from here to the end of a text.

        Nearly always the text may end at once, or after one more byte; the search is for the rest.
        """
        may_break = self._piece_may_end(hypothesis) and self._may_break(hypothesis.boundary_state)
        return may_break or leads_to_end(hypothesis, self._onward, self._leads_there, self._live)

    def _leads_there(self, hypothesis: Hypothesis) -> bool:
        return self._may_end(hypothesis) or self._may_close(hypothesis)

    @memoized
    def _may_break(self, state: int) -> bool:
        """Whether, from a boundary state, a piece of one byte may follow and end the text.

        That settles the matter for every hypothesis there but for whole-piece tokens.
        """
        piece = Hypothesis(state, (), _NOT_A_WHOLE_PIECE)
        labels = self._model_labels
        ways = (self._after_boundary(piece, t, labels[t]) for t in self._single_bytes)
        return any(new is not None and self._may_end(new) for new in ways)

    def _may_close(self, hypothesis: Hypothesis) -> bool:
        """Whether the piece may go on with one byte and the text then end.

        It settles the matter for tokens that end within a character. Beginnings of whole-piece
        tokens are left to the search.
        """
        if not hypothesis.context or hypothesis.spelt != _NOT_A_WHOLE_PIECE:
            return False
        closing = self._closing_at(hypothesis.boundary_state)
        return bool(self._model.successor_mask_after(hypothesis.context)[closing].any())

    @memoized
    def _closing_at(self, state: int) -> list[int]:
        """Which of `_closers` may go on with a piece and end the text, from a boundary state."""
        labels = self._model_labels
        after = {token: self._read(state, token, labels[token]) for token in self._closers}
        return [
            token for token, new in after.items() if new != DEAD and self._boundaries.can_end(new)
        ]

    @cached_property
    def _closers(self) -> Sequence[int]:
        return self._single_bytes

    def _onward(self, hypothesis: Hypothesis) -> Iterable[Hypothesis]:
        """Every successor, those of one byte first: they usually settle the matter."""
        for token in self._single_bytes:
            yield from self._ways(hypothesis, token)
        after_boundary, inside = self._raw_follow(hypothesis.boundary_state)
        for token in np.flatnonzero((after_boundary != DEAD) | (inside != DEAD)).tolist():
            yield from self._ways(hypothesis, token)

    @cached_property
    def _single_bytes(self) -> Sequence[int]:
        return [
            token
            for token in np.flatnonzero(self._may_begin).tolist()
            if len(self._spelled[token]) == 1
        ]
