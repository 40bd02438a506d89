"""`Pictures`: what a `FlexTok` learns from, pictures of one size, some of which are held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array, check_real, check_whole
from tokkit.errors import ArgumentError
from tokkit.models.flextok.checks import as_pictures


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures to learn from.

    Attributes:
        images: uint8 (n, height, width, channels), of 1 or 3 channels.
        labels: int64 (n,), a class of each from 0; None where nothing is known. A `FlexTok` does
            not look at them.
        held_out: share of the pictures that are evaluated on and not learned from.
        seed: of that draw.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    held_out: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        """Check shapes and ranges.

        Raises:
            ArgumentError: something does not fit.
        """
        images = as_pictures(self.images, None)
        object.__setattr__(self, "images", images)
        if self.labels is not None:
            object.__setattr__(self, "labels", as_classes(self.labels, len(images)))
        n_held_out(self.held_out, len(images))
        check_whole("seed", self.seed, 0)

    @property
    def n_held_out(self) -> int:
        """How many are held out; at least one, unless the share is zero."""
        return n_held_out(self.held_out, len(self.images))

    def parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of the pictures that are learned from, and of those that are held out."""
        order = np.random.default_rng(self.seed).permutation(len(self.images))
        return order[self.n_held_out :], order[: self.n_held_out]

    def fingerprint(self) -> str:
        """Hexadecimal, of all that a training looks at."""
        digest = hashlib.sha256(f"{self.images.shape} {self.held_out} {self.seed}".encode())
        digest.update(np.ascontiguousarray(self.images).tobytes())
        if self.labels is not None:
            digest.update(self.labels.tobytes())
        return digest.hexdigest()


def as_classes(labels: Any, n: int) -> NDArray[np.int64]:
    """Classes of pictures, int64 (n,).

    Raises:
        ArgumentError: another shape or type, or a number below 0 or beyond int64.
    """
    array = as_array(labels, "labels")
    if array.shape != (n,) or array.dtype.kind not in "iu" or int(array.min()) < 0:
        raise ArgumentError(
            f"labels must be whole numbers ({n},), 0 or more, got {array.dtype} {array.shape}"
        )
    if (most := int(array.max())) > np.iinfo(np.int64).max:
        raise ArgumentError(f"a label is {most}, which is beyond int64")
    return array.astype(np.int64)


def n_held_out(share: Any, n: int) -> int:
    """How many of `n` pictures are held out; at least one, unless the share is zero.

    Raises:
        ArgumentError: no share, or none is left to learn from.
    """
    if not 0 <= check_real("held_out", share) < 1:
        raise ArgumentError(f"held_out must be from 0 to below 1, got {share!r}")
    found = max(round(share * n), int(share > 0))
    if found >= n:
        raise ArgumentError(f"of {n} pictures none is left to learn from")
    return found
