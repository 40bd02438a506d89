"""What a checkpoint says of the data that it learned from: `hashed`."""

from __future__ import annotations

import hashlib


def hashed(*parts: bytes | memoryview) -> str:
    """Hexadecimal, of parts in order and of the length of each: equal for equal parts alone.

    >>> hashed(b"ab", b"c") == hashed(b"a", b"bc")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        size = part.nbytes if isinstance(part, memoryview) else len(part)
        digest.update(size.to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
