"""What the codec must beat: residual k-means of plain frames, and a codec of the telephone.

`mdct` quantises the 160 numbers of a modified discrete cosine transform (Princen & Bradley, 1986)
of each 20 ms. `spectra` quantises the spectra that the codec itself sees, and makes a signal of
them as it does: the difference to the codec is what the networks add. Each layer has 1,024 centres
of k-means, of what the layers before leave, so it costs what a stream of the codec costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.speech.corpus import RATE, Floats, Spoken
from tokkit.models import DMCodec, DMCodecConfig
from tokkit.quantize.k_means import k_means, nearest

HOP = RATE // 50
N_CODES, N_LAYERS = 1024, 8
CODEC2 = {1: (700, "700C"), 2: (1200, "1200"), 4: (1600, "1600"), 8: (3200, "3200")}
"""Streams -> bits a second of the nearest mode, and its name."""
_DELAYS = range(0, 481, 40)


class Mdct:
    """Frames of 160 coefficients, and back exactly."""

    width = HOP

    def __init__(self) -> None:
        n = np.arange(2 * HOP)
        k = np.arange(HOP)
        self._shape = np.sin(np.pi * (n + 0.5) / (2 * HOP))
        turns = np.pi / HOP * np.outer(n + 0.5 + HOP / 2, k + 0.5)
        self._waves = np.cos(turns) * np.sqrt(2 / HOP) * self._shape[:, None]

    def frames(self, signal: Floats) -> Floats:
        """Float32 (frames + 1, 160): a frame more than the signal has, as halves overlap."""
        n_frames = -(-len(signal) // HOP)
        padded = np.zeros((n_frames + 2) * HOP)
        padded[HOP : HOP + len(signal)] = signal
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)[::HOP]
        return (windows @ self._waves).astype(np.float32)

    def signal(self, frames: Floats, n_samples: int) -> Floats:
        """The signal of frames."""
        windows = frames.astype(np.float64) @ self._waves.T
        total = np.zeros((len(frames) + 1) * HOP)
        for k, window in enumerate(windows):
            total[k * HOP : (k + 2) * HOP] += window
        return total[HOP : HOP + n_samples].astype(np.float32)


class CodecSpectra:
    """The spectra of the codec, four a frame."""

    def __init__(self) -> None:
        # The networks of it are not asked.
        small = DMCodecConfig(n_codes=1, depth=1, width=1, hidden=1, layers=1, kernel=1)
        self._codec = DMCodec(small)
        self.width = 4 * small.bins

    def frames(self, signal: Floats) -> Floats:
        """Float32 (frames, 4 x bins)."""
        roots = self._codec.analysed(self._codec.framed(signal)[None])[0]
        return roots.reshape(len(roots), -1).numpy()

    def signal(self, frames: Floats, n_samples: int) -> Floats:
        """A signal of frames."""
        roots = torch.from_numpy(frames).clamp(min=0).reshape(len(frames), 4, -1)
        return self._codec.spectra.synthesise(roots).clamp(-1, 1).numpy()[:n_samples]


FRAMES = {"mdct": Mdct, "spectra": CodecSpectra}


class ResidualKMeans:
    """Centres of frames, of what they leave, and so on."""

    def __init__(
        self, name: str, train: Sequence[Spoken], cache: Path, *, n_frames: int, n_codes: int
    ) -> None:
        """Find centres, or read those that were found before.

        Args:
            name: of the frames.
            train: what to find centres of.
            cache: a folder for them.
            n_frames: drawn from `train`, of which they are found.
            n_codes: of each layer.
        """
        self._frames: Any = FRAMES[name]()
        cache.mkdir(parents=True, exist_ok=True)
        rows: torch.Tensor | None = None
        self._layers: list[torch.Tensor] = []
        for layer in range(N_LAYERS):
            path = cache / f"{name}-{n_codes}-{n_frames}-{layer}.npy"
            if not path.exists():
                rows = self._left(self._drawn(train, n_frames)) if rows is None else rows
                torch.manual_seed(layer)
                part = path.with_suffix(".part.npy")
                np.save(part, k_means(rows, n_codes).numpy())
                part.replace(path)
                print(f"{name}: layer {layer + 1}", flush=True)
            self._layers.append(torch.from_numpy(np.load(path, allow_pickle=False)))
            if rows is not None:
                rows = rows - self._layers[-1][nearest(rows, self._layers[-1])]

    def _drawn(self, train: Sequence[Spoken], n_frames: int) -> torch.Tensor:
        random = np.random.default_rng(0)
        share = n_frames * HOP / sum(len(each.samples) for each in train)
        parts: list[Floats] = []
        for each in train:
            frames = self._frames.frames(each.samples)
            parts.append(frames[random.random(len(frames)) < share])
        return torch.from_numpy(np.concatenate(parts))

    def _left(self, rows: torch.Tensor) -> torch.Tensor:
        """What the layers so far leave."""
        for centres in self._layers:
            rows = rows - centres[nearest(rows, centres)]
        return rows

    def through(self, signal: Floats, depth: int) -> Floats:
        """A signal, by the first layers."""
        rows = torch.from_numpy(self._frames.frames(signal))
        left = rows
        for centres in self._layers[:depth]:
            left = left - centres[nearest(left, centres)]
        return self._frames.signal((rows - left).numpy(), len(signal))


class Codec2:
    """One mode of codec2 (LGPL-2.1, David Rowe), with its delay taken out."""

    def __init__(self, bits_per_second: int) -> None:
        """The mode of so many bits a second."""
        self._mode, self._delay = bits_per_second, 0

    def through(self, signal: Floats) -> Floats:
        """A signal, coded and decoded."""
        library: Any = import_module("pycodec2")
        codec: Any = library.Codec2(self._mode)
        size: int = codec.samples_per_frame()
        n = -(-(len(signal) + self._delay) // size) * size
        whole = np.zeros(n, np.int16)
        whole[: len(signal)] = np.rint(np.clip(signal, -1, 1) * 32767)
        parts: list[NDArray[np.int16]] = [
            codec.decode(codec.encode(frame)) for frame in whole.reshape(-1, size)
        ]
        decoded = (np.concatenate(parts) / 32768).astype(np.float32)
        return decoded[self._delay : self._delay + len(signal)]

    def find_delay(self, signals: Sequence[Floats], judge: Any) -> None:
        """Take the delay with which `judge(original, decoded)` is best on average."""
        scores: dict[int, float] = {}
        for delay in _DELAYS:
            self._delay = delay
            scores[delay] = float(np.mean([judge(each, self.through(each)) for each in signals]))
        self._delay = max(scores, key=lambda delay: scores[delay])
