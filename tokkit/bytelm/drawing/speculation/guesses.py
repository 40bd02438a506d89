"""What may follow where no model has been asked yet: `Guesses`, from repeats and a draft model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import N_SYMBOLS, ByteState
from tokkit.bytelm.drawing.speculation.repeats import RepeatedText

_DRAFT_TRUST = 0.9  # of the mass; a draft is never quite sure


class Guesses:
    """The next byte after the text and some bytes more, as others would guess it."""

    def __init__(self, repeats: RepeatedText | None, draft: ByteState | None) -> None:
        """Guess from nothing, one or both.

        Args:
            repeats: of the text so far.
            draft: a state of another model after the text so far; it moves along.
        """
        self._repeats = repeats
        self._draft = draft
        self._unread = b""
        self._after: dict[bytes, ByteState] = {}

    def push(self, byte: int) -> None:
        """Follow the text by one byte."""
        if self._repeats is not None:
            self._repeats.push(byte)
        if self._draft is not None:
            self._unread += bytes([byte])

    def begin(self) -> None:
        """Be asked about paths from where the text is now."""
        if self._draft is not None:
            self._draft.push(self._unread)
            self._unread = b""
            self._after = {b"": self._draft}

    def after(self, path: bytes) -> NDArray[np.float64] | None:
        """float64 (257,), of sum at most 1, or None.

        Args:
            path: after the text; what comes before its last byte must have been asked about.
        """
        found = self._drafted(path)
        expected = self._repeats.expected(path) if self._repeats is not None else None
        if expected is None:
            return found
        byte, trust = expected
        rest = np.zeros(N_SYMBOLS) if found is None else (1.0 - trust) * found
        rest[byte] += trust
        return rest

    def _drafted(self, path: bytes) -> NDArray[np.float64] | None:
        if self._draft is None:
            return None
        state = self._after.get(path)
        if state is None:
            before = self._after.get(path[:-1])
            if before is None:
                return None
            state = self._after[path] = before.fork()
            state.push(path[-1:])
        logprobs = state.logprobs()
        return _DRAFT_TRUST * np.exp(logprobs) if logprobs.max() > -np.inf else None
