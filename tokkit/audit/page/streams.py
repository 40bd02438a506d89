"""Numbers for the page's scripts: one deflated block of named streams of bytes, as text.

The page unpacks it with `DecompressionStream("deflate-raw")`. Two of 91 characters stand for 13
bits, which takes 8% less room than base64 (basE91, J. Henke, without its 14-bit groups). Arrays
are little-endian. Integers are written as varints (seven bits a byte, the lowest first), or as
planes (all lowest bytes, then all second bytes, …), which is smaller for numbers without a pattern.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from itertools import chain, pairwise
from typing import Any, AnyStr

import numpy as np
from numpy.typing import NDArray

_DIGITS = bytes(byte for byte in range(0x21, 0x7F) if byte not in b"<>&")
_GROUP_BITS = 13


class Streams:
    """Collects streams; `pack` writes them."""

    def __init__(self) -> None:
        self._parts: dict[str, bytes] = {}

    def add_bytes(self, name: str, data: bytes) -> None:
        """Bytes as they are."""
        self._parts[name] = data

    def add_floats(self, name: str, values: NDArray[np.float64]) -> None:
        """float64 (n,), as float32 where nothing is lost; byte planes, the highest last."""
        single = values.astype(np.float32)
        exact = bool(np.array_equal(single.astype(np.float64), values))
        array: NDArray[Any] = single.astype("<f4") if exact else values.astype("<f8")
        planes = np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1).T
        self._parts[name] = planes.tobytes()

    def add_json(self, name: str, value: object) -> None:
        """Plain data, for what is too large to stand in the page undeflated."""
        self._parts[name] = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    def add_mapping(self, name: str, mapping: Mapping[str, str]) -> None:
        """Texts to texts, sorted; of each key what it does not share with the one before it."""
        keys = sorted(mapping)
        starts = [shared_length(*pair) for pair in pairwise(["", *keys])]
        self.add_varints(f"{name} shared", starts)
        rests = [key[start:] for key, start in zip(keys, starts, strict=True)]
        self.add_json(f"{name} rests", rests)
        self.add_json(f"{name} values", [mapping[key] for key in keys])

    def add_planes(self, name: str, values: NDArray[np.int64], *, width: int) -> None:
        """Integers from 0, `width` bytes each, as byte planes."""
        columns = [(values >> (8 * k) & 255).astype(np.uint8).tobytes() for k in range(width)]
        self._parts[name] = b"".join(columns)

    def add_varints(self, name: str, values: Iterable[int]) -> None:
        """Integers from 0."""
        self._parts[name] = varints(values)

    def add_differences(self, name: str, values: Iterable[int]) -> None:
        """Integers, each written as what it adds to the one before it, with its sign."""
        steps = (after - before for before, after in pairwise(chain([0], values)))
        self.add_varints(name, (2 * step if step >= 0 else -2 * step - 1 for step in steps))

    def pack(self) -> tuple[dict[str, list[int]], str]:
        """Where each stream lies in the block, as [start, length]; and the block as text."""
        places: dict[str, list[int]] = {}
        start = 0
        for name, part in self._parts.items():
            places[name] = [start, len(part)]
            start += len(part)
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        block = deflate.compress(b"".join(self._parts.values())) + deflate.flush()
        return places, to_text(block)


def to_text(data: bytes) -> str:
    """The number of bytes, a space, and the bytes in characters that HTML leaves alone."""
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
    padded = np.pad(bits, (0, -len(bits) % _GROUP_BITS)).reshape(-1, _GROUP_BITS)
    groups = padded.astype(np.int64) @ (1 << np.arange(_GROUP_BITS))
    digits = np.stack([groups % len(_DIGITS), groups // len(_DIGITS)], axis=1)
    return f"{len(data)} {np.frombuffer(_DIGITS, dtype=np.uint8)[digits].tobytes().decode('ascii')}"


def shared_length(a: AnyStr, b: AnyStr) -> int:
    """How many characters, or bytes, two strings begin with in common.

    >>> shared_length("token", "tokkit")
    3
    """
    limit = min(len(a), len(b))
    n = 0
    while n < limit and a[n] == b[n]:
        n += 1
    return n


def fnv1a(numbers: Iterable[int]) -> int:
    """A checksum of whole numbers (FNV-1a, 32 bits); the page computes the same."""
    value = 0x811C9DC5
    for each in numbers:
        value = (value ^ each) * 0x01000193 & 0xFFFFFFFF
    return value


def varints(values: Iterable[int]) -> bytes:
    r"""Seven bits a byte, the lowest first, the high bit set on all but the last.

    >>> varints([1, 300])
    b'\x01\xac\x02'
    """
    out = bytearray()
    for value in values:
        rest = value
        while rest > 127:
            out.append(rest & 127 | 128)
            rest >>= 7
        out.append(rest)
    return bytes(out)
