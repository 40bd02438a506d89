"""`CanonicalAutomaton`: which sequences of tokens an encoder can produce, one token at a time.

A sequence is *canonical* when it is a prefix of `encode(y)` for some bytes y (without the
normaliser: y is text as the model sees it). What decides can depend on what comes later, so a state
is a set of *hypotheses*: the ways to read the tokens so far that some continuation confirms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.text.canonical.mask_cache import MaskCache
from tokkit.text.regex.boundaries import DEAD
from tokkit.text.regex.on_demand import States, memoized

H = TypeVar("H")


class CanonicalAutomaton(ABC, Generic[H]):
    """States are ints: `START` is the empty sequence, `DEAD` a sequence that is not canonical."""

    START = 0
    DEAD = DEAD

    def __init__(self, vocab_size: int, start: H) -> None:
        """Begin with one hypothesis about the empty sequence."""
        self._states = States(frozenset([start]))
        self._recent = MaskCache(vocab_size)

    @memoized
    def advance(self, state: int, token: int) -> int:
        """The state after one more token, or `DEAD`."""
        before = () if state == DEAD else self._states.keys[state]
        after = frozenset(new for old in before for new in self._successors(old, token))
        return self._states.number(after) if after else DEAD

    def run(self, ids: Iterable[int], state: int = START) -> int:
        """The state after several tokens."""
        for token in ids:
            state = self.advance(state, token)
        return state

    def mask(self, state: int) -> NDArray[np.bool_]:
        """Tokens that keep the sequence canonical, bool (V,); end of text is not among them.

        The masks of the states asked for last are kept.
        """
        known = self._recent.get(state)
        if known is None:
            known = self._mask(self._states.keys[state])
            self._recent.put(state, known)
        return known

    @memoized
    def may_end(self, state: int) -> bool:
        """Whether the sequence so far is all of `encode(y)` for some y."""
        return any(map(self._may_end, self._states.keys[state]))

    @abstractmethod
    def _successors(self, hypothesis: H, token: int) -> Iterable[H]:
        """The hypotheses after one more token that some continuation confirms."""

    @abstractmethod
    def _mask(self, hypotheses: frozenset[H]) -> NDArray[np.bool_]:
        """The tokens for which any of `hypotheses` has successors: bool (V,), a new array."""

    @abstractmethod
    def _may_end(self, hypothesis: H) -> bool:
        """Whether the text may end here."""
