"""Texts that may stand in a gap, drawn without replacement: `Proposals`, `explore`.

A trie of what has been drawn (Shi, Bieber and Sutton, "Incremental Sampling Without Replacement for
Sequence Models", ICML 2020, section 3): each place knows which share of its mass is left, so no
text is drawn twice, and where nothing is left the texts are all there are. Several walkers draw at
once; each goes on for as long as the next byte costs no call of the model, which for a model over
tokens is about a token, and what they then wait for is evaluated together. Two that are under way
at the same time may draw the same text.

A text can become no more probable as it goes on. So one that has fallen far below the most probable
beginning, the suffix's first byte with it, may be left there (`margin`), and more texts be begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, ByteState
from tokkit.bytelm.drawing.together import evaluate_together
from tokkit.bytelm.encodings.canonical_state import CoverState

_GIVEN_BYTES = 8
"""A proposal that has written so much of the suffix by itself goes no further."""
_PLACES_A_PASS = 16


class Place:
    """A beginning of a proposal.

    Attributes:
        data: its bytes.
        logprob: nats, where it was proposed.
        state: after it.
        left: the share of its mass that has not been drawn.
    """

    def __init__(
        self, data: bytes, logprob: float, state: ByteState, settled: dict[bytes, Place]
    ) -> None:
        """Nothing is drawn yet; enters itself in `settled` once the next byte is known."""
        self.data, self.logprob, self.state = data, logprob, state
        self._settled = settled
        self.left = 1.0
        self.row: NDArray[np.float64] | None = None
        self._children: dict[int, Place] = {}
        self._chances = np.empty(0)

    def look(self) -> NDArray[np.float64] | None:
        """float64 (257,), nats: the next byte; None where that takes a call of the model."""
        if self.row is None:
            for single in self.state.stands_on:
                if isinstance(single, CoverState):
                    single.drop_lightest()
            if self.state.is_evaluated:
                self.settle()
        return self.row

    def settle(self) -> None:
        """Ask for the next byte, at any cost."""
        self.row = self.state.logprobs()
        self._chances = np.exp(self.row)
        self._settled[self.data] = self
        self.count()

    def draw(self, rng: np.random.Generator) -> tuple[int, Place]:
        """A symbol, by what is left, and the place after it."""
        chances = self._left()
        symbol = int(rng.choice(len(chances), p=chances / chances.sum()))
        if symbol not in self._children:
            assert self.row is not None
            state, data = self.state, self.data
            if symbol != END:
                state, data = self.state.fork(), self.data + bytes([symbol])
                state.push(bytes([symbol]))
            logprob = self.logprob + float(self.row[symbol])
            self._children[symbol] = Place(data, logprob, state, self._settled)
        return symbol, self._children[symbol]

    def _left(self) -> NDArray[np.float64]:
        chances = self._chances.copy()
        for symbol, child in self._children.items():
            chances[symbol] *= child.left
        return chances

    def count(self) -> None:
        """Find out anew what is left."""
        self.left = float(self._left().sum())


class Proposals:
    """What is drawn after one context.

    Attributes:
        places: by their bytes, those whose next byte is known.
        stopped: whether a text was not followed though it went on.
    """

    def __init__(
        self,
        start: ByteState,
        suffix: bytes,
        max_bytes: int,
        rng: np.random.Generator,
        margin: float = np.inf,
    ) -> None:
        """Draw nothing yet.

        Args:
            start: where the gap begins; not changed.
            suffix: what stands after it.
            max_bytes: of a proposal.
            rng: what to draw with.
            margin: nats; a text is followed no further where it is so much less probable than the
                best of the beginnings with the suffix's first byte.
        """
        self.places: dict[bytes, Place] = {}
        self.stopped = False
        self._root = Place(b"", 0.0, start.fork(), self.places)
        self._head = suffix[:_GIVEN_BYTES] if len(suffix) >= _GIVEN_BYTES else None
        self._symbol = suffix[0] if suffix else END
        self._max_bytes = max_bytes
        self._rng = rng
        self._margin = margin
        self._best = -np.inf

    @property
    def exhausted(self) -> bool:
        """Whether all texts have been drawn."""
        return self._root.left == 0

    def scores(self) -> dict[bytes, float]:
        """Nats, by beginning: of it and the first byte of the suffix, or the end of the text."""
        return {data: self._score(place) for data, place in self.places.items()}

    def _score(self, place: Place) -> float:
        assert place.row is not None
        return place.logprob + float(place.row[self._symbol])

    def walk(self, n_places: int) -> Iterator[Place]:
        """One text after the other; yields the places that have to be settled on the way.

        Args:
            n_places: begins no text once so many are known.
        """
        while not self.exhausted and len(self.places) < n_places:
            path = [self._root]
            symbol = -1
            while symbol != END:
                place = path[-1]
                if place.logprob < self._best - self._margin:
                    self.stopped = True
                    break
                if place.look() is None:
                    yield place
                self._best = max(self._best, self._score(place))
                if place.left == 0 or self._is_last(place):  # another walker has been here
                    break
                symbol, child = place.draw(self._rng)
                path.append(child)
            path[-1].left = 0.0
            for place in reversed(path[:-1]):
                place.count()

    def _is_last(self, place: Place) -> bool:
        if self._head is not None and place.data.endswith(self._head):
            self.stopped = True
            return True
        return len(place.data) == self._max_bytes


def explore(
    sources: Sequence[Proposals],
    passes: int,
    n_walkers: int,
    ask: Callable[[Sequence[ByteState]], object] = evaluate_together,
) -> int:
    """Draw until so many places have been settled, or nothing is left.

    Args:
        sources: where to draw; each gets as many walkers.
        passes: places to settle, at most; at least one text is begun.
        n_walkers: for each source.
        ask: evaluates states together.

    Returns:
        How many were settled.
    """
    most = _PLACES_A_PASS * passes
    walkers = [source.walk(most) for source in sources for _ in range(n_walkers)]
    waiting = [next(walker, None) for walker in walkers]
    used = 0
    while any(waiting):
        places = list(dict.fromkeys(place for place in waiting if place is not None))
        places = places[: max(1, passes - used)]
        ask([place.state for place in places])
        for place in places:
            place.settle()
        used += len(places)
        if used >= passes:
            break
        waiting = [
            next(walker, None) if place is None or place.row is not None else place
            for walker, place in zip(walkers, waiting, strict=True)
        ]
    return used
