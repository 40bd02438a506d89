"""Speech to learn from, and what teachers know of each frame of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array, check_kind, check_whole
from tokkit.errors import ArgumentError
from tokkit.models.dm_codec.checks import as_signal
from tokkit.models.dm_codec.config import FRAMES_PER_SECOND

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Recording:
    """One signal.

    A frame of a teacher stands for 20 ms, the first one for those at the beginning; there is one
    for each that begins within the signal.

    Attributes:
        samples: float32 (samples,), mono, 1 is full scale.
        sample_rate: of it, a multiple of 50.
        speech: float32 (frames, width), what a speech model makes of each frame; None: unknown.
        language: float32 (frames, width), what a language model makes of the word that is spoken in
            each frame; a row of NaN where there is none. None: unknown.
    """

    samples: Floats
    sample_rate: int
    speech: Floats | None = None
    language: Floats | None = None

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            ArgumentError: something does not fit.
        """
        object.__setattr__(self, "samples", as_signal(self.samples))
        check_whole("sample_rate", self.sample_rate, FRAMES_PER_SECOND)
        if self.sample_rate % FRAMES_PER_SECOND:
            raise ArgumentError(f"sample_rate must be a multiple of 50, got {self.sample_rate}")
        for name in ("speech", "language"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _teacher(value, self.n_frames, name))

    @property
    def n_frames(self) -> int:
        """How many frames begin within it."""
        return -(-len(self.samples) // (self.sample_rate // FRAMES_PER_SECOND))


@dataclass(frozen=True, eq=False)
class Recordings:
    """What a `DMCodec` learns from.

    Attributes:
        train: signals to learn from.
        validation: signals that the curves of a training are about; may be none.
    """

    train: Sequence[Recording]
    validation: Sequence[Recording] = ()

    def __post_init__(self) -> None:
        """Check the kinds.

        Raises:
            ArgumentError: no recording to train on, or something else.
        """
        for name in ("train", "validation"):
            each: Any = getattr(self, name)
            check_kind(each, Sequence, name, "pass a list of recordings")
            for recording in each:
                check_kind(recording, Recording, name)
            object.__setattr__(self, name, tuple(each))
        if not self.train:
            raise ArgumentError("no recording to train on; give one at least")

    def fingerprint(self) -> str:
        """Hexadecimal, of all that a training looks at."""
        digest = hashlib.sha256(f"{len(self.train)} {len(self.validation)}".encode())
        for recording in (*self.train, *self.validation):
            for part in (recording.samples, recording.speech, recording.language):
                digest.update(b"none" if part is None else str(part.shape).encode())
                if part is not None:
                    digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def _teacher(value: Any, n_frames: int, name: str) -> Floats:
    array = as_array(value, name)
    if array.dtype.kind != "f" or array.ndim != 2 or len(array) != n_frames:
        raise ArgumentError(
            f"{name} must be of a float type and the shape ({n_frames}, width), one row for each "
            f"20 ms, got {array.dtype} {array.shape}"
        )
    rows = array.astype(np.float32)
    unknown = np.isnan(rows)
    if np.isinf(rows).any() or (unknown.any(axis=1) != unknown.all(axis=1)).any():
        raise ArgumentError(
            f"{name} holds a number that is not finite; where a frame is unknown, all of its row "
            "is NaN"
        )
    return rows
