"""`Encoding`: ids, and what part of the signal each of them stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError


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
