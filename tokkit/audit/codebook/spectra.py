"""Power spectra of speech in decibels, which a codec that does not keep phases can match."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FRAME_SECONDS = 0.032
_FLOOR = 1e-6
"""Of the power in a bin: what is below some -60 dB of the loudest that a file can hold is silence,
so that how silent it is does not count."""


def _frame_samples(sample_rate: int | None) -> int:
    """Of a frame of 32 ms; of 256 samples where the rate is not known."""
    return 256 if sample_rate is None else max(2, round(_FRAME_SECONDS * sample_rate))


def spectra_shape(n_samples: int, sample_rate: int | None) -> tuple[int, int]:
    """Frames and bins of `log_spectra`."""
    n = _frame_samples(sample_rate)
    return 1 + max(n_samples - n, 0) // (n // 2), n // 2 + 1


def log_spectra(samples: Any, sample_rate: int | None) -> Floats:
    """Decibels of each frame, half of which overlaps with the next.

    Args:
        samples: float (n,), n at least 1; fewer than a frame has are continued by silence.
        sample_rate: samples a second.

    Returns:
        float64 (frames, bins).
    """
    n = _frame_samples(sample_rate)
    x = np.asarray(samples, np.float64)
    x = np.pad(x, (0, max(n - len(x), 0)))
    frames = sliding_window_view(x, n)[:: n // 2] * np.hanning(n)
    return 10 * np.log10(np.square(np.abs(np.fft.rfft(frames))) / n + _FLOOR)


def log_spectral_distance(one: Any, two: Any, sample_rate: int | None) -> float:
    """Decibels: the root of the mean square over bins, averaged over frames.

    "Distance measures for speech processing" (Gray & Markel, 1976).

    Args:
        one: float (n,).
        two: likewise; the longer one is cut.
        sample_rate: samples a second.
    """
    n = min(len(one), len(two))
    differences = log_spectra(one[:n], sample_rate) - log_spectra(two[:n], sample_rate)
    return float(np.sqrt(np.square(differences).mean(1)).mean())
