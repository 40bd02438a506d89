"""WAV files come back as they were written, and what is no such file is refused."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the hf extra")
from tokkit.errors import ArgumentError, FormatError
from tokkit.models import read_wav, write_wav


def wav(path: Path, size: int, samples: bytes, *, channels: int = 1, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(size)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def test_a_signal_comes_back_as_it_was_written(tmp_path: Path) -> None:
    signal = np.sin(np.arange(801)).astype(np.float32)
    write_wav(tmp_path / "a.wav", signal, 16_000)
    found, rate = read_wav(tmp_path / "a.wav", sample_rate=16_000)
    assert rate == 16_000 and found.dtype == np.float32
    assert np.allclose(found, signal, atol=1e-4)
    write_wav(tmp_path / "b.wav", 1.5 * signal, 16_000)
    assert float(np.abs(read_wav(tmp_path / "b.wav")[0]).max()) <= 1


@pytest.mark.parametrize(
    ("size", "samples"),
    [
        (1, bytes([0, 128, 192])),
        (2, struct.pack("<3h", -32768, 0, 16384)),
        (3, struct.pack("<i", -(1 << 31))[1:] + bytes(3) + struct.pack("<i", 1 << 30)[1:]),
        (4, struct.pack("<3i", -(1 << 31), 0, 1 << 30)),
    ],
)
def test_samples_of_any_size_mean_the_same(size: int, samples: bytes, tmp_path: Path) -> None:
    found, _ = read_wav(wav(tmp_path / "a.wav", size, samples))
    assert found.tolist() == [-1, 0, 0.5]


def test_what_is_no_mono_wav_file_is_one_clear_error(tmp_path: Path) -> None:
    good = wav(tmp_path / "good.wav", 2, bytes(2000))
    data = good.read_bytes()
    floats = data[:20] + struct.pack("<H", 3) + data[22:]
    damaged = {
        "float.wav": (floats, "PCM"),
        "cut.wav": (data[:-500], "cut off"),
        "wide.wav": (data[:32] + struct.pack("<HH", 5, 40) + data[36:], "40 bits"),
        "head.wav": (data[:30], "PCM"),
        "text.wav": (b"hello " * 20, "PCM"),
        "huge.wav": (data[:40] + b"\xff\xff\xff\x7f" + data[44:], "cut off"),
        "odd.wav": (data[:40] + struct.pack("<I", 1999) + data[44:], "1,999 bytes of samples of 2"),
        "short.wav": (data[:40] + struct.pack("<I", 1000) + b"\x01\x02" * 1000, "is wrong"),
        "still.wav": (data[:24] + bytes(4) + data[28:], "0 samples a second"),
        "fast.wav": (data[:24] + b"\xff\xff\xff\xff" + data[28:], "expected 4,000 to 192,000"),
        "begun.wav": (data[:6], r"\(it ends within its header\)"),
    }
    for name, (content, message) in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=message):
            read_wav(tmp_path / name)
    more = good.with_name("more.wav")
    more.write_bytes(data + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert len(read_wav(more)[0]) == 1000
    with pytest.raises(FormatError, match="2 channels"):
        read_wav(wav(tmp_path / "stereo.wav", 2, bytes(2000), channels=2))
    with pytest.raises(FormatError, match="8,000 samples a second, expected 16,000"):
        read_wav(good, sample_rate=16_000)
    with pytest.raises(FormatError, match="empty"):
        read_wav(wav(tmp_path / "none.wav", 2, b""))
    with pytest.raises(FormatError, match="cannot be read"):
        read_wav(tmp_path / "missing.wav")
    with pytest.raises(ArgumentError, match="not finite"):
        write_wav(tmp_path / "out.wav", np.full(3, np.nan, np.float32), 8000)
