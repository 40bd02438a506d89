"""Recordings from WAV files, and from folders of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tokkit.arguments import check_path, check_real, refuse_single_text
from tokkit.errors import ArgumentError, FormatError, refused_by_system
from tokkit.models.dm_codec.recordings import Recording, Recordings
from tokkit.models.dm_codec.wav_files import read_wav

_MOST_SAMPLES = 1 << 29
"""Of all files together, 2 GiB: 18 hours at 8,000 samples a second."""


def read_recordings(
    sources: Sequence[str | os.PathLike[str]], *, held_out: float = 0.05
) -> Recordings:
    """Read WAV files of one sample rate.

    Args:
        sources: files, and folders whose files `*.wav` are read, however deep they lie.
        held_out: share of the recordings that is not learned from, spread evenly; at least one,
            unless it is zero; of a single recording its end.

    Raises:
        ArgumentError: no path, one where several are meant, no share, or one that leaves nothing.
        FormatError: a folder without a WAV file; a file that `read_wav` refuses, of another sample
            rate than the first, or too many samples.
    """
    refuse_single_text(sources, "sources")
    if not 0 <= check_real("held_out", held_out) < 1:
        raise ArgumentError(f"held_out must be from 0 to below 1, got {held_out!r}")
    found: list[Recording] = []
    rate: int | None = None
    n_samples = 0
    for path in [path for source in sources for path in wav_files(check_path(source, "sources"))]:
        samples, rate = read_wav(path, sample_rate=rate)
        n_samples += len(samples)
        if n_samples > _MOST_SAMPLES:
            raise FormatError(
                f"{path}: more than {_MOST_SAMPLES:,} samples by now; learn from fewer recordings"
            )
        found.append(Recording(samples, rate))
    if not found:
        raise ArgumentError("no recording to train on; give WAV files or a folder of them")
    return _parted(found, held_out)


def wav_files(source: Path) -> list[Path]:
    """A file, or those of a folder, however deep they lie.

    Raises:
        FormatError: a folder without one, or that cannot be read.
    """
    if not source.is_dir():
        return [source]
    with refused_by_system(f"read {str(source)!r}"):
        found = sorted(path for path in source.rglob("*") if path.suffix.lower() == ".wav")
    if not found:
        raise FormatError(f"{source}: no WAV file in it; convert recordings to .wav first")
    return found


def _parted(found: Sequence[Recording], held_out: float) -> Recordings:
    if len(found) == 1:
        whole = found[0]
        kept = round(len(whole.samples) * (1 - held_out))
        parts = [part for part in (whole.samples[:kept], whole.samples[kept:]) if len(part)]
        return Recordings(
            [Recording(parts[0], whole.sample_rate)],
            [Recording(part, whole.sample_rate) for part in parts[1:]],
        )
    n = min(max(round(held_out * len(found)), int(held_out > 0)), len(found) - 1)
    places = {int((k + 0.5) * len(found) / n) for k in range(n)}
    return Recordings(
        [each for k, each in enumerate(found) if k not in places],
        [each for k, each in enumerate(found) if k in places],
    )
