"""WAV files of speech, read within bounds and written whole, by the standard library.

Samples are whole numbers of 8, 16, 24 or 32 bits (PCM). Other forms are refused, and so are several
channels and sample rates that were not asked for: a signal is never resampled in passing.
"""

from __future__ import annotations

import io
import os
import wave

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_path, check_whole
from tokkit.errors import ArgumentError, FormatError, refused_by_system
from tokkit.files.reading import read_bounded
from tokkit.files.writing import whole_file
from tokkit.models.dm_codec.checks import as_signal
from tokkit.models.dm_codec.config import LEAST_RATE, MOST_RATE
from tokkit.report.media import wav

_MOST_SAMPLE_BYTES = 4
_ADVICE = "convert it, as by ffmpeg -i FILE -ac 1 -ar RATE -c:a pcm_s16le OUT.wav"


def read_wav(
    path: str | os.PathLike[str], *, sample_rate: int | None = None
) -> tuple[NDArray[np.float32], int]:
    """The signal of a file, float32 (samples,) from -1 to 1, and its samples a second.

    Args:
        path: of a WAV file of one channel.
        sample_rate: that it must have; None: any.

    Raises:
        ArgumentError: no path.
        FormatError: it cannot be read, is no WAV file of whole numbers, is cut off, or has no
            sample, several channels or another sample rate; its rate is below 4,000 or above
            192,000; the length of a part of it is wrong.
    """
    data = read_bounded(check_path(path, "path"))
    _check_chunks(data, path)
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, size, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            n = file.getnframes()
            samples = file.readframes(n)
    except (wave.Error, EOFError) as error:
        raise FormatError(
            f"{path}: no WAV file of whole numbers (PCM), or damaged "
            f"({str(error) or 'it ends within its header'}); {_ADVICE}"
        ) from error
    if size > _MOST_SAMPLE_BYTES:
        raise FormatError(
            f"{path}: samples of {8 * size} bits, expected at most {8 * _MOST_SAMPLE_BYTES}; "
            f"{_ADVICE}"
        )
    if channels != 1:
        raise FormatError(f"{path}: {channels} channels, expected one; {_ADVICE}")
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise FormatError(
            f"{path}: {rate:,} samples a second, expected {LEAST_RATE:,} to {MOST_RATE:,}; "
            f"{_ADVICE}"
        )
    if sample_rate is not None and rate != sample_rate:
        raise FormatError(f"{path}: {rate:,} samples a second, expected {sample_rate:,}; {_ADVICE}")
    if not n or len(samples) != n * size:
        raise FormatError(
            f"{path}: {len(samples):,} bytes of samples"
            + (f", expected {n * size:,}; the file is cut off" if n else "; the file is empty")
        )
    return _as_floats(samples, size), rate


def write_wav(path: str | os.PathLike[str], samples: NDArray[np.float32], rate: int) -> None:
    """Write a signal as a WAV file of 16 bits, whole; what is beyond full scale is clipped.

    Args:
        path: of the file.
        samples: float32 (samples,), 1 is full scale.
        rate: samples a second, from 4,000 to 192,000.

    Raises:
        ArgumentError: no signal, rate or path.
        FormatError: it cannot be written.
    """
    signal = as_signal(samples)
    check_whole("rate", rate, LEAST_RATE, MOST_RATE)
    if 2 * len(signal) >= (1 << 32) - 64:
        raise ArgumentError(f"{len(signal):,} samples are more than a WAV file holds; write parts")
    target = check_path(path, "path")
    with refused_by_system(f"write {str(target)!r}"), whole_file(target) as out:
        out.write(wav(signal, rate))


def _check_chunks(data: bytes, path: str | os.PathLike[str]) -> None:
    """Follow the chunks of a file to its end, so that wrong lengths do not hide samples.

    Raises:
        FormatError: samples that end within one, or bytes behind them that are no chunk.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return  # `wave` tells what is wrong
    place, block = 12, 1
    seen = False
    while place < len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        end = place + 8 + size
        printable = len(name) == 4 and all(32 <= each < 127 for each in name)
        if seen and (not printable or end > len(data)):
            if not any(data[place:]):
                return  # padding
            raise FormatError(
                f"{path}: {len(data) - place:,} bytes behind the samples are no part of a WAV "
                f"file, so the length that it gives for the samples is wrong; {_ADVICE}"
            )
        if name == b"fmt ":
            channels, bits = (
                int.from_bytes(data[place + at : place + at + 2], "little") for at in (10, 22)
            )
            block = channels * (-(-bits // 8)) or 1
        if name == b"data":
            if size % block and end <= len(data):
                raise FormatError(
                    f"{path}: {size:,} bytes of samples of {block} bytes each; the file is damaged"
                )
            seen = True
        place = end + size % 2


def _as_floats(samples: bytes, size: int) -> NDArray[np.float32]:
    """Samples of `size` bytes each; those of one byte have no sign, and 128 is 0."""
    if size == 1:
        return ((np.frombuffer(samples, np.uint8) - 128.0) / 128).astype(np.float32)
    low = np.zeros((len(samples) // size, _MOST_SAMPLE_BYTES), np.uint8)
    low[:, _MOST_SAMPLE_BYTES - size :] = np.frombuffer(samples, np.uint8).reshape(-1, size)
    return (low.view("<i4")[:, 0] / float(1 << 31)).astype(np.float32)
