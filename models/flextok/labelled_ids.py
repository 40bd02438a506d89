"""`LabelledIds`: ids of pictures with their classes, from which a generator learns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array, check_whole
from tokkit.errors import ArgumentError
from tokkit.models.flextok.pictures import as_classes, n_held_out


@dataclass(frozen=True, eq=False)
class LabelledIds:
    """Ids of pictures, and their classes.

    Attributes:
        ids: int64 (n, n_tokens), of `FlexTok.encode_many`.
        labels: int64 (n,), a class from 0.
        held_out: share of the pictures that are evaluated on and not learned from; at least one,
            unless it is zero.
        seed: of the draw of those.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    held_out: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        """Check shapes and ranges.

        Raises:
            ArgumentError: something does not fit.
        """
        ids = as_array(self.ids, "ids")
        if ids.ndim != 2 or not ids.size or ids.dtype.kind not in "iu" or int(ids.min()) < 0:
            raise ArgumentError(
                "ids must be whole numbers (n, n_tokens), 0 or more and none absent, got "
                f"{ids.dtype} {ids.shape}"
            )
        if (most := int(ids.max())) > np.iinfo(np.int64).max:
            raise ArgumentError(f"an id is {most}, which is beyond int64")
        n_held_out(self.held_out, len(ids))
        check_whole("seed", self.seed, 0)
        object.__setattr__(self, "ids", ids.astype(np.int64))
        object.__setattr__(self, "labels", as_classes(self.labels, len(ids)))

    def parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of the pictures that are learned from, and of those that are held out."""
        order = np.random.default_rng(self.seed).permutation(len(self.ids))
        n = n_held_out(self.held_out, len(order))
        return order[n:], order[:n]

    def fingerprint(self) -> str:
        """Hexadecimal, of all that a training looks at."""
        digest = hashlib.sha256(f"{self.ids.shape} {self.held_out} {self.seed}".encode())
        digest.update(np.ascontiguousarray(self.ids).tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()
