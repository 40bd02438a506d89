"""A byte prefix under a model: the one interface that every byte-level model's state has.

Symbols are the 256 bytes and end of text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.side_by_side import Parts
from tokkit.errors import UnsupportedError

END = 256
"""The symbol for end of text."""
N_SYMBOLS = 257


def shortened(text: bytes) -> str:
    """A text for messages, of which the end matters most."""
    return repr(text) if len(text) <= 24 else f"{len(text):,} bytes that end with {text[-16:]!r}"


class Bounds(NamedTuple):
    """What is known of the next symbol without a model call.

    Attributes:
        masses: float64 (257,), that are certain.
        slack: what may come to any of them, or to several together, at most.
        log_unit: log of the unit of both, nats: in it they are probabilities of the text so far and
            the symbol. NaN where they are of the symbol given the text, whose own is not known.
    """

    masses: NDArray[np.float64]
    slack: float
    log_unit: float


@dataclass(slots=True)
class DrawProgress:
    """How texts were drawn from a state and from its forks, which share it.

    Attributes:
        n_bytes: drawn.
        n_passes: rounds of model calls, each one of every model behind the state.
        n_proposed: bytes that were evaluated before they were drawn.
        n_held: those of them that were drawn.
    """

    n_bytes: int = 0
    n_passes: int = 0
    n_proposed: int = 0
    n_held: int = 0

    @property
    def bytes_per_pass(self) -> float:
        """NaN where there was no pass."""
        return self.n_bytes / self.n_passes if self.n_passes else float("nan")

    @property
    def share_held(self) -> float:
        """Of the proposed bytes; NaN where there was none."""
        return self.n_held / self.n_proposed if self.n_proposed else float("nan")


class ByteState(ABC):
    """A byte prefix under a model: ask for the next byte, add bytes, branch off.

    Copied deeply it is forked; it is not pickled, for its caches belong to a process.
    """

    def __repr__(self) -> str:
        prefix = self.prefix_bytes
        after = "a prefix" if prefix is None else shortened(prefix)
        known = f", {self.prefix_logprob:.2f} nats" if self.is_evaluated else ""
        return f"{type(self).__name__}(after {after}{known})"

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.fork()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise UnsupportedError(
            f"a {type(self).__name__} holds caches of this process and is not pickled; pickle the "
            "model, and open the text again"
        )

    @abstractmethod
    def logprobs(self) -> NDArray[np.float64]:
        """float64 (257,), nats: the next byte; index 256 is end of text.

        All minus infinity if the model gives the prefix itself no mass.
        """

    @abstractmethod
    def push(self, data: str | bytes) -> None:
        """Add bytes to the prefix."""

    @abstractmethod
    def fork(self) -> Self:
        """An independent copy; what has been computed is shared."""

    @abstractmethod
    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """Push `data`, and say what was expected at every position on the way.

        Returns:
            float64 (len(data) + 1, 257), nats: row k is the next byte before `data[k]`.
        """

    @property
    @abstractmethod
    def prefix_logprob(self) -> float:
        """Log-probability, nats, that a text starts with the prefix."""

    @property
    def prefix_bytes(self) -> bytes | None:
        """The prefix itself; None where that is not known, or not all that the state follows."""
        return None

    @property
    def law(self) -> object | None:
        """What all states of one model have in common, compared by `==`; None: not known."""
        return None

    @property
    def is_evaluated(self) -> bool:
        """Whether `logprobs` and `prefix_logprob` are known to need no model call."""
        return False

    @property
    def stands_on(self) -> tuple[ByteState, ...]:
        """The states of single models that this one asks: itself, unless it combines others."""
        return (self,)

    @property
    def foretells(self) -> bool:
        """Whether `bounds` are mostly known before the models are asked."""
        return False

    def bounds(self) -> Bounds | None:
        """What is known of the next symbol without a model call; None where nothing is."""
        return None

    @property
    def shares(self) -> tuple[float, ...]:
        """What each of `stands_on` counts for at the next byte, as far as known: sums to 1."""
        return (1.0,)

    @property
    def progress(self) -> DrawProgress | None:
        """How texts were drawn from here; None where nobody counts."""
        return None

    @property
    def cache(self) -> object | None:
        """What states share that can be evaluated in one call; None where there is no such thing.

        Only states of one kind with the same cache are given to `evaluate_with`.
        """
        return None

    def evaluate_with(self, others: Sequence[Any]) -> None:  # noqa: B027  # optional
        """Evaluate what the next question to this state, and to others of its cache, needs.

        A matter of speed alone: what was not evaluated is when it is asked for.
        """

    def push_with(self, data: bytes, others: Sequence[tuple[Any, bytes]]) -> None:
        """`push`, to this state and to others of its law and caches, each its own text.

        A matter of speed alone, for states that ask their models on the way.
        """
        self.push(data)
        for state, text in others:
            state.push(text)

    def score_with(
        self, data: bytes, others: Sequence[tuple[Any, bytes]]
    ) -> list[NDArray[np.float64]]:
        """`score`, of this state and of others of its law and cache, each with its own text."""
        return [self.score(data), *(state.score(text) for state, text in others)]

    @property
    def parts(self) -> Parts | None:
        """What the state uses of its models; see `tokkit.bytelm.side_by_side`. None: not known."""
        return None
