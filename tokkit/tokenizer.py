"""What a tokenizer of any modality is: a map from a signal to a sequence of ids, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Generic, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError

Modality = Literal["text", "image", "graph", "speech"]

SignalT = TypeVar("SignalT")


@dataclass(frozen=True, eq=False)
class Encoding:
    """Ids, and what part of the signal each of them stands for.

    A token covers `[starts[i], ends[i])` of the signal as it was given; the unit is the modality's
    (bytes of text, samples of speech). What lies between two tokens belongs to none (white space
    that a tokenizer drops), a token that stands for nothing in the signal has `starts[i] ==
    ends[i]`, and tokens may share a part that became several (`ﬁ` normalised to `fi`).

    Attributes:
        ids: int32 (n,).
        starts: int64 (n,).
        ends: int64 (n,), none below its start.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.ids.ndim != 1 or not self.ids.shape == self.starts.shape == self.ends.shape:
            raise ArgumentError(
                "ids, starts and ends must be 1-D and equally long; got shapes "
                f"{self.ids.shape}, {self.starts.shape} and {self.ends.shape}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """int64 (n, 2): start and end of each token."""
        return np.stack([self.starts, self.ends], axis=1)


class Tokenizer(ABC, Generic[SignalT]):
    """A signal as a sequence of ids in `range(vocab_size)`.

    Whether `decode` inverts `encode` is up to the tokenizer, and its docstring says so: text
    tokenizers are lossless unless they normalise, those of images and speech are lossy.
    """

    @property
    @abstractmethod
    def modality(self) -> Modality:
        """The kind of signal."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """Number of ids, holes included."""

    @abstractmethod
    def encode(self, x: SignalT, /, *, budget: int | None = None) -> Sequence[int]:
        """The ids of `x`.

        Args:
            x: the signal.
            budget: at most this many ids, for tokenizers of flexible length.

        Raises:
            ArgumentError: a budget, and the length is not flexible (see `refuse_budget`).
            EncodingError: the vocabulary cannot express `x`.
        """

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> SignalT:
        """The signal that `ids` stand for.

        Raises:
            EncodingError: an id outside the vocabulary.
        """

    @abstractmethod
    def save(self, directory: str | PathLike[str]) -> None:
        """Write all that `load` needs into `directory`, which is made when it is missing."""

    @classmethod
    @abstractmethod
    def load(cls, directory: str | PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            FormatError: the folder does not hold such a tokenizer.
        """


def refuse_budget(tokenizer: Tokenizer[Any], budget: int | None) -> None:
    """For tokenizers of fixed length: raise `ArgumentError` unless `budget` is None."""
    if budget is not None:
        raise ArgumentError(
            f"{type(tokenizer).__name__} has no flexible length, so it cannot keep to a budget of "
            f"{budget} ids; leave `budget` out"
        )
