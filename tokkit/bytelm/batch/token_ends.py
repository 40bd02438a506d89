"""Which tokens a text that grows by bytes has for certain: `TokenEnds`.

The heads of a state (`tokkit.bytelm.encodings.cover`) share a trunk: the tokens that every text has
which begins so. What lies beyond it is decided by bytes to come. A model that knows no tokens has
bytes in their place. A member of an ensemble that sleeps tells late where tokens end.
"""

from __future__ import annotations

import math

from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.heads import Head, Stem, trunk_of
from tokkit.bytelm.ensembles.lazy import LazyEnsembleState
from tokkit.bytelm.ensembles.state import EnsembleState


class TokenEnds:
    """The tokens of a continuation, those of the first model in a state that has tokens."""

    def __init__(self, state: ByteState) -> None:
        """Begin where a state stands, which moves along.

        Args:
            state: after the prompt.
        """
        self._state = state
        self._single = _first_with_tokens(state)
        self._cover = None if self._single is None else self._single.cover
        self._start = 0 if self._cover is None else self._cover.length
        self._ends: list[int] = []
        self._last: Stem | None = None

    def certain(self, written: bytes | bytearray) -> list[int]:
        """Where the tokens end that no further byte changes, in bytes after the prompt.

        Args:
            written: the continuation so far, which the state has read.
        """
        if self._cover is None:
            return list(range(1, len(written) + 1))
        if self._cover.live:
            trunk = trunk_of(live.head for live in self._cover.live)
            self._ends += self._between(trunk, self._last)
            self._last = trunk
        return self._ends

    def final(self, written: bytes | bytearray, n_bytes: int) -> list[int]:
        """Where the tokens end of a continuation that is whole.

        Of several ways to end the most probable one; a token that the end cuts counts, too. Wakes
        the members of an ensemble.

        Args:
            written: the continuation, which the state has read, but for what was drawn last.
            n_bytes: of it that are kept.
        """
        _wake(self._state)
        ends = list(self.certain(written))
        if self._single is not None and self._cover is not None:
            unread = bytes(written[self._cover.length - self._start : n_bytes])
            whole = _ending_heads(self._cover, unread)
            if len(whole) > 1 and any(math.isnan(head.log_weight) for head in whole):
                self._single.logprobs()  # bytes were drawn without a pass, which tells it
                whole = _ending_heads(self._cover, unread)
            if whole:
                best = max(whole, key=lambda head: head.log_weight)
                ends += self._between(best.stem, self._last)
        ends = [end for end in ends if end < n_bytes]
        return [*ends, n_bytes] if n_bytes else []

    def _between(self, stem: Stem, above: Stem | None) -> list[int]:
        """Ends of the tokens after `above` up to `stem`, without those of the prompt."""
        ends: list[int] = []
        walk: Stem | None = stem
        while walk is not None and walk is not above and walk.start > self._start:
            ends.append(walk.start - self._start)
            walk = walk.parent
        return ends[::-1]


def _ending_heads(cover: Cover, unread: bytes) -> list[Head]:
    """The heads that end with a text: that of a cover, and some bytes more."""
    if unread:
        cover = cover.fork()
        cover.push(unread)
    return [live.head for live in cover.live if live.head.start == cover.length]


def _first_with_tokens(state: ByteState) -> CoverState | None:
    """Of the models inside, those that sleep among them, the first that has tokens."""
    if isinstance(state, EnsembleState):
        return next(filter(None, map(_first_with_tokens, state.members)), None)
    return state if isinstance(state, CoverState) else None


def _wake(state: ByteState) -> None:
    if isinstance(state, LazyEnsembleState):
        state.wake()
    if isinstance(state, EnsembleState):
        for member in state.members:
            _wake(member)


def n_certain_tokens(state: ByteState, n_bytes: int) -> int:
    """Tokens that a state has for certain; bytes of a model that knows no tokens.

    Args:
        state: of any model; of several models inside, the first that has tokens.
        n_bytes: of its text.
    """
    for single in state.stands_on:
        if isinstance(single, CoverState) and single.cover.live:
            return trunk_of(live.head for live in single.cover.live).node.depth
    return n_bytes
