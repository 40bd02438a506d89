"""How loud each frequency is at each time, and a signal that is as loud.

What is coded are the cube roots of short-time amplitudes, four spectra a frame, because they are
spread as evenly as loudness is heard. Phases are not coded. They are found when a signal is made,
by the fast algorithm of Griffin and Lim ("A fast Griffin-Lim algorithm", Perraudin et al., 2013),
from a start that is always the same.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from tokkit.models.dm_codec.config import PARTS, DMCodecConfig

_MOMENTUM = 0.99
_CHIRP = 0.62
"""How the phases of the start differ from bin to bin, so that no moment is louder than others."""
_LEAST = 1e-8


class Spectra:
    """Signals to spectra and back, in float32; nothing is learned.

    Attributes:
        hop: samples of a frame.
        bins: frequencies of a spectrum.
        around: samples that are needed beside those of the frames, half of them before.
    """

    def __init__(self, config: DMCodecConfig) -> None:
        """The window of a configuration."""
        self.hop, self.bins = config.hop, config.bins
        self._window, self._step = config.window, config.hop // PARTS
        self._phase_steps = config.phase_steps
        self.around = self._window - self._step

    def analyse(self, signals: torch.Tensor) -> torch.Tensor:
        """Cube roots of amplitudes; a sine at full scale has 1.

        Args:
            signals: float32 (batch, frames x hop + `around`): the frames, and what stands before
                and after them.

        Returns:
            float32 (batch, frames, PARTS, bins).
        """
        shape = self._shape(signals.device)
        windows = signals.unfold(1, self._window, self._step) * shape
        amplitudes = torch.fft.rfft(windows).abs() * (2 / shape.sum())
        roots = amplitudes.pow(1 / 3)
        return roots.reshape(len(signals), -1, PARTS, self.bins)

    def synthesise(self, roots: torch.Tensor) -> torch.Tensor:
        """A signal with these spectra, as nearly as there is one.

        Args:
            roots: float32 (frames, PARTS, bins), cube roots of amplitudes.

        Returns:
            float32 (frames x hop,).
        """
        shape = self._shape(roots.device)
        amplitudes = roots.reshape(-1, self.bins).pow(3) * (shape.sum() / 2)
        phases = self._first_phases(len(amplitudes), roots.device)
        current = before = torch.polar(amplitudes, phases)
        for _ in range(self._phase_steps):
            signal = self._added_up(current, shape)
            found = torch.fft.rfft(signal.unfold(0, self._window, self._step) * shape)
            ahead = found + _MOMENTUM * (found - before)
            before = found
            current = amplitudes * ahead / ahead.abs().clamp(min=_LEAST)
        first = self.around // 2
        return self._added_up(current, shape)[first : first + len(roots) * self.hop]

    def _shape(self, device: torch.device) -> torch.Tensor:
        return torch.hann_window(self._window, device=device)

    def _first_phases(self, n: int, device: torch.device) -> torch.Tensor:
        """Those of sines that go on from spectrum to spectrum, float32 (n, bins)."""
        bins = torch.arange(self.bins, device=device)
        times = torch.arange(n, device=device) * self._step
        turns = (times[:, None] * bins % self._window).float() / self._window
        return 2 * math.pi * turns + _CHIRP * math.pi * bins.float().square()

    def _added_up(self, spectra: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        """The signal whose windows are nearest to complex spectra (n, bins), float (samples,)."""
        windows = torch.fft.irfft(spectra, n=self._window) * shape
        weights = shape.square().expand(len(windows), -1)
        total = _overlapped(torch.stack([windows, weights]), self._step)
        return total[0] / total[1].clamp(min=_LEAST)


def _overlapped(windows: torch.Tensor, step: int) -> torch.Tensor:
    """Sums of windows (k, n, size), each `step` after the one before; (k, samples)."""
    k, n, size = windows.shape
    length = (n - 1) * step + size
    added = functional.fold(
        windows.transpose(1, 2), (1, length), kernel_size=(1, size), stride=(1, step)
    )
    return added.reshape(k, length)


def mel_filters(bins: int, n_bands: int, sample_rate: int) -> torch.Tensor:
    """Triangles, evenly spaced in mel (O'Shaughnessy, 1987), each of sum 1; float (bins, n_bands).

    A band that is narrower than a bin takes the nearest one.
    """
    top = 2595 * math.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, n_bands + 2, dtype=torch.float64) / 2595) - 1)
    places = edges / (sample_rate / 2) * (bins - 1)
    low, middle, high = places[:-2], places[1:-1], places[2:]
    at = torch.arange(bins, dtype=torch.float64)[:, None]
    rising, falling = (at - low) / (middle - low), (high - at) / (high - middle)
    filters = torch.minimum(rising, falling).clamp(min=0)
    nearest = functional.one_hot(middle.round().long(), bins).T.double()
    filters = torch.where(filters.sum(0) > 0, filters, nearest)
    return (filters / filters.sum(0)).float()
