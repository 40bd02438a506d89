"""One text of a batch: `Handle`, which a caller holds, and `Task`, which draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.batch.counted_tokens import CountedEnds, TokenCounter
from tokkit.bytelm.batch.opening import Opener, Opening
from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.batch.token_ends import TokenEnds
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.drawing.draw import Draw, Finish
from tokkit.bytelm.drawing.request import Request
from tokkit.errors import ArgumentError, TokkitError

_BRANCHES = 64
"""Contexts that a text holds beside its own tokens, about: those that further bytes decide upon."""


@dataclass(eq=False)
class Handle:
    """A text that was asked for.

    Attributes:
        request: what was asked.
        surroundings: what else it is given.
        max_tokens: at most so many tokens; None sets no limit.
        keep_logprobs: whether `logprobs` are kept.
        keep_rows: whether `rows` are kept.
        finish: why it has ended; None while it waits or goes on.
        error: why it could not go on, where `finish` is `"error"`.
        stopped_by: the stop string that ended it.
        n_tokens: tokens of the text, once it has ended; see `TokenEnds`.
        tokens_reused: of the prompt that were not computed again.
        text: the whole of it, once it has ended.
        kept: see `logprobs`.
        rows: float64 (257,), nats, the distributions of these bytes.
        token_ends: where the tokens of the text end, in bytes, once it has ended; until then, with
            `max_tokens`, where those do that are certain, some of which may be not told yet.
    """

    request: Request
    surroundings: Surroundings = field(default_factory=Surroundings)
    max_tokens: int | None = None
    keep_logprobs: bool = False
    keep_rows: bool = False
    finish: Finish | None = None
    error: TokkitError | None = None
    stopped_by: bytes | None = None
    tokens_reused: int = 0
    text: bytes = b""
    kept: list[float] = field(default_factory=list[float], repr=False)
    rows: list[NDArray[np.float64]] = field(default_factory=list[NDArray[np.float64]])
    token_ends: Sequence[int] = ()

    @property
    def logprobs(self) -> list[float]:
        """Nats, of each byte of the text under the model itself; so far, of those that were told.

        Raises:
            ArgumentError: the batch was not asked to keep them.
        """
        if not self.keep_logprobs:
            raise ArgumentError(
                "the log-probabilities of this text were not kept, for most bytes are drawn before "
                "they are known; pass keep_logprobs=True to Batch.add"
            )
        return self.kept

    @property
    def n_tokens(self) -> int:
        """Tokens of the text, once it has ended."""
        return len(self.token_ends)


class Task:
    """A text from its prompt to its end, moved on by whoever evaluates its states.

    Attributes:
        handle: for the caller.
        state: while it is read or drawn from.
        reading: whether the prompt is not read yet.
    """

    def __init__(
        self, name: str, handle: Handle, n_prompt: int, counter: TokenCounter | None = None
    ) -> None:
        """Begin; runs no model.

        Args:
            name: of the model, for messages.
            handle: what is asked for.
            n_prompt: tokens of its prompt, at most.
            counter: counts its tokens; None: they are those of the model.

        Raises:
            ArgumentError, MissingExtraError: an unusable pattern.
        """
        self.handle = handle
        self.state: ByteState | None = None
        self.reading = True
        request = handle.request
        if handle.surroundings.begins:  # options that look at the text before look at it, too
            request = replace(request, prompt=request.text + handle.surroundings.begins)
        self._draw = Draw(
            name, request, keep_rows=handle.keep_rows, foretell=not handle.keep_logprobs
        )
        self._n_prompt = n_prompt
        self._opening: Opening | None = None
        self._pieces: Iterator[bytes] | None = None
        self._counter = counter
        self._ends: TokenEnds | CountedEnds | None = None
        self._text = bytearray()
        self._n_emitted = 0

    @property
    def to_come(self) -> int:
        """Tokens that it may still add, at most, but for proposals and rare branches."""
        room = self.handle.request.max_bytes - len(self._draw.written)
        if self.handle.max_tokens is not None:  # of other tokens than those there may be more
            room = min(room, 4 * self.handle.max_tokens + _BRANCHES)
        return room + _BRANCHES + (self._n_prompt if self.reading else 0)

    @property
    def speculates(self) -> bool:
        """Whether `prepare` may propose something."""
        return self._draw.speculates

    def read(self, opener: Opener) -> ByteState | None:
        """Read a piece of the prompt; the state, if that is to be evaluated now.

        Raises:
            TokkitError: the prompt is refused.
        """
        before = opener.tokens_reused
        if self._opening is None:
            self._opening = opener.open(self.handle.request, self.handle.surroundings)
        try:
            return next(self._opening)
        except StopIteration as end:
            state: ByteState = end.value
            self.state, self.reading, self._opening = state, False, None
            self._ends = self._count(state)
            self._pieces = self._draw.run(state)
            return None
        finally:
            self.handle.tokens_reused += opener.tokens_reused - before

    def _count(self, state: ByteState) -> TokenEnds | CountedEnds:
        """What tells the tokens of the text that begins here."""
        if self._counter is None:
            return TokenEnds(state)
        request, around = self.handle.request, self.handle.surroundings
        is_own = request.suffix is not None or around.context
        return self._counter.after(b"" if is_own else request.text)

    def close(self) -> None:
        """Nobody wants it any more; what was read of its prompt is remembered."""
        if self._opening is not None:
            with suppress(TokkitError):
                self._opening.close()
            self._opening = None

    @property
    def needs_pass(self) -> bool:
        """Whether the next byte cannot be drawn without a pass; not while the prompt is read."""
        return self.state is not None and not self._draw.is_ready(self.state)

    def prepare(self, share: float, most: int) -> None:
        """Propose what the next pass shall evaluate besides what is needed.

        Args:
            share: of the pass that is made for this text.
            most: contexts that are proposed, at most.
        """
        if self.state is not None:
            self._draw.prepare(self.state, share, most)

    def advance(self) -> bytes:
        """Draw what can be drawn without another pass; what is now certain to be text.

        Raises:
            TokkitError: the model cannot go on.
        """
        assert self._pieces is not None
        assert self._ends is not None
        assert self.state is not None
        for data in self._pieces:  # as far as it comes without another pass
            self._text += data
            if not self._draw.is_ready(self.state):
                break
        finish, limit = self._draw.finish, self.handle.max_tokens
        if finish is not None:
            ends = self._ends.final(self._draw.written, len(self._text))
            if limit is not None and len(ends) > limit:
                return self._close("length", ends[:limit])
            return self._close(finish, ends)
        if limit is None:
            return self._emit(len(self._text))
        n_read = len(self._draw.written)
        certain = self.handle.token_ends = self._ends.certain(self._draw.written)
        if len(certain) >= limit:
            return self._close("length", certain[:limit])
        end = certain[-1] if certain else 0
        # Each byte of the rest may be a token of its own, which may be one too many.
        fits = len(certain) + n_read - end <= limit
        return self._emit(len(self._text) if fits else min(end, len(self._text)))

    def end(self) -> bytes:
        """End it as it stands; what was held back."""
        if self._ends is None:
            self.handle.finish = "length"
            return b""
        written = self._draw.written
        return self._close("length", self._ends.final(written, len(written)))

    def _emit(self, end: int) -> bytes:
        start, handle, draw = self._n_emitted, self.handle, self._draw
        self._n_emitted = max(end, start)
        if handle.keep_logprobs:
            handle.kept += draw.logprobs[start:end]
        handle.rows += draw.rows[start:end]
        return bytes(self._text[start:end])

    def _close(self, finish: Finish, ends: list[int]) -> bytes:
        handle, draw = self.handle, self._draw
        end = ends[-1] if ends else 0
        self._text = draw.written[: max(end, self._n_emitted)]
        handle.text = bytes(self._text)
        handle.finish, handle.token_ends = finish, ends
        handle.stopped_by = draw.stopped_by if finish == "stop" else None
        data = self._emit(end)
        if handle.keep_logprobs:
            handle.kept = draw.logprobs[:end]
        handle.rows = draw.rows[:end]
        return data

    def fail(self, error: TokkitError) -> None:
        """End it by an error."""
        self.handle.finish, self.handle.error = "error", error

    @property
    def read_text(self) -> bytes:
        """What the state is after: the prompt, and of the text what was pushed."""
        return self.handle.request.text + self._draw.pushed
