"""A small reader of the protobuf wire format: fields of a message, bounded by its bytes.

Source: protobuf.dev/programming-guides/encoding. It knows no schema and builds no objects: it
yields (field number, value), the value an int for varints and a slice for the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tokkit.errors import FormatError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FLOAT = struct.Struct("<f")


def fields(data: bytes, where: str) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield (field number, wire type, value) for each field of the message `data`.

    Raises:
        FormatError: a length or a number runs past the end, or a wire type is unknown.
    """
    position, end = 0, len(data)
    while position < end:
        key, position = _varint(data, position, where)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise FormatError(f"{where}: field number 0 at offset {position}; not a protobuf file")
        if wire == VARINT:
            value, position = _varint(data, position, where)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, position = _varint(data, position, where)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise FormatError(f"{where}: wire type {wire} at offset {position}; not protobuf")
        if length > end - position:
            raise FormatError(
                f"{where}: a field of {length:,} bytes at offset {position:,}, but only "
                f"{end - position:,} are left; the file is truncated or damaged"
            )
        yield number, wire, data[position : position + length]
        position += length


def _varint(data: bytes, position: int, where: str) -> tuple[int, int]:
    result = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise FormatError(f"{where}: it ends within a number; the file is truncated")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
    raise FormatError(f"{where}: a number longer than 10 bytes at offset {position:,}")


def signed(value: int) -> int:
    """A varint read as a 64-bit signed number (protobuf int32 and int64)."""
    return value - (1 << 64) if value >= 1 << 63 else value


def float32(value: bytes) -> float:
    """A 4-byte field as a float."""
    return float(_FLOAT.unpack(value)[0])
