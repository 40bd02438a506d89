"""Pictures and sounds as the bytes of files: PNG and WAV, by the standard library."""

from __future__ import annotations

import io
import struct
import wave
import zlib

import numpy as np
from numpy.typing import NDArray


def png(picture: NDArray[np.uint8]) -> bytes:
    """A PNG file.

    Args:
        picture: uint8 (height, width, channels), of 1 channel (grey) or 3 (red, green, blue).
    """
    height, width, channels = picture.shape
    assert channels in (1, 3), channels
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with its filter, none
    rows[:, 1:] = picture.reshape(height, -1)
    colour = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def wav(samples: NDArray[np.float32], rate: int) -> bytes:
    """A WAV file of 16 bits and one channel; what is beyond full scale is clipped.

    Args:
        samples: float32 (samples,), 1 is full scale.
        rate: samples a second.
    """
    whole = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())
    return stream.getvalue()
