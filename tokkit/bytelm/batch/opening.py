"""A prompt read in pieces, and what is not read again: `Opener`.

A long prompt would hold up all other texts for as long as it takes to read it. So it is read a
piece at a time; pieces end at whole multiples of `PIECE`, so that texts which share a beginning
share the states there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress

import numpy as np

from tokkit.bytelm.batch.prefixes import Prefixes
from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.batch.token_ends import n_certain_tokens
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.completion.fim_frame import without_dummy_prefix
from tokkit.bytelm.completion.infilling import Infilling
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.token_models.shared_session import SharedSession
from tokkit.errors import ArgumentError, EncodingError

PIECE = 1024
"""Bytes of a prompt that are read at a time."""
_IDS_OF_PIECE = PIECE // 4

Opening = Generator[ByteState | None, None, ByteState]
"""Yields after each piece, the state if that is to be evaluated; returns the state at the end."""


class Opener:
    """Opens prompts under one model.

    Attributes:
        root: the state of the empty text; not to be changed.
        tokens_reused: tokens of prompts that were not computed again, of all prompts so far.
    """

    def __init__(self, model: ByteModel, prefixes: Prefixes, *, in_pieces: bool) -> None:
        """Open the empty text, which evaluates its start.

        Args:
            model: whose states share sessions.
            prefixes: what is remembered.
            in_pieces: whether a text read in pieces, or from what is remembered, is the same.
        """
        self._model = model
        self._prefixes = prefixes
        self._in_pieces = in_pieces
        self.root = model.open().fork()
        self.tokens_reused = 0

    def open(self, request: Request, surroundings: Surroundings) -> Opening:
        """Read the prompt of a request; see `Opening`.

        Raises:
            ArgumentError, EncodingError, ModelError: see `Infilling` and `ByteState.push`.
        """
        if request.suffix is not None:
            return (yield from self._gap(request, surroundings))
        if surroundings.context:
            return (yield from self._after(surroundings, request.text))
        return (yield from self._plain(request.text))

    def _plain(self, text: bytes) -> Opening:
        known = self._prefixes.longest(text) if self._in_pieces else None
        done, state = known or (b"", self.root)
        n_done, state = len(done), state.fork()
        self.tokens_reused += n_certain_tokens(state, n_done)
        while n_done < len(text):
            end = (n_done // PIECE + 1) * PIECE if self._in_pieces else len(text)
            state.push(text[n_done:end])
            n_done = min(end, len(text))
            try:
                yield state
            except GeneratorExit:  # nobody waits any more; who types on begins as this text does
                self.remember(text[:n_done], state)
                raise
            self.remember(text[:n_done], state)
        return state

    def remember(self, text: bytes, state: ByteState) -> None:
        """Keep a state if that needs no evaluation, and if a text may go on from there."""
        if state.is_evaluated and state.logprobs().max() > -np.inf:
            self.keep(text, state.fork())

    def keep(self, text: bytes, state: ByteState) -> None:
        """Keep a state after a text of some mass that nobody else changes, evaluated or not."""
        if not text or not self._in_pieces:
            return
        for single in state.stands_on:
            if isinstance(single, CoverState):
                single.cover.forget_foreseen()
        self._prefixes.keep(text, state)

    def _after(self, surroundings: Surroundings, text: bytes) -> Opening:
        context = surroundings.context
        if not isinstance(self._model, ByteLM):
            raise ArgumentError(
                f"{self._model.name}: ids before a text are those of one tokenizer, so they need a "
                "single ByteLM"
            )
        session, found = self._session, self._n_found
        ends = (*surroundings.ends, *self._model.token_lm.eos_ids)
        state = self._model.with_end_ids(ends).open_after(context)
        self.tokens_reused += min(self._n_found - found, len(context))
        yield from self._read_ids(session, context)
        for start in range(0, len(text), PIECE):
            state.push(text[start : start + PIECE])
            yield state
        yield state
        self._prefixes.keep(context, state.fork())
        return state

    def _gap(self, request: Request, surroundings: Surroundings) -> Opening:
        assert request.suffix is not None
        session, found = self._session, self._n_found
        gap = Infilling(
            self._model,
            request.text,
            request.suffix,
            heal=surroundings.heal,
            context=surroundings.files,
        )
        ids, state = gap.frame.ids, gap.state
        self.tokens_reused += min(self._n_found - found, len(ids))
        try:
            yield from self._read_ids(session, ids)
        except GeneratorExit:
            self._prefixes.keep(ids, state.fork())
            raise
        self.tokens_reused += self._n_begun(session, ids, surroundings.begins)
        state.push(surroundings.begins)
        yield state
        self._prefixes.keep(ids, state.fork())
        return state

    def _n_begun(self, session: SharedSession | None, ids: Sequence[int], begins: bytes) -> int:
        """Tokens of what is written in a gap that are known already."""
        if session is None or not begins:
            return 0
        with suppress(EncodingError):
            plain = without_dummy_prefix(session.token_lm.tokenizer)
            written = plain.encode(begins, normalize=False)
            return session.n_known(session.path(session.root, ids)[-1], written)
        return 0

    @property
    def _session(self) -> SharedSession | None:
        """Of a single model over tokens."""
        cache = self.root.stands_on[0].cache
        return cache if isinstance(cache, SharedSession) else None

    @property
    def _n_found(self) -> int:
        return 0 if self._session is None else self._session.n_found

    def _read_ids(self, session: SharedSession | None, ids: Sequence[int]) -> Iterator[None]:
        """Evaluate ids that a state is after, a piece at a time."""
        if session is not None:
            for node in session.path(session.root, ids)[_IDS_OF_PIECE::_IDS_OF_PIECE]:
                session.logits([node])
                yield None
