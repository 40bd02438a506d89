"""What a step frees is kept for the next one, where glibc gives memory.

A step on a CPU allocates and frees the same large tensors again and again. By itself glibc hands
those back to the system, which clears and maps every page anew: up to two fifths of a step's time.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Generator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_MOST = 2**31 - 1
_AS_WITHOUT = {_TRIM_THRESHOLD: 1 << 17, _MMAP_MAX: 1 << 16}
"""What glibc begins with; see mallopt(3)."""


@contextmanager
def freed_memory_kept() -> Generator[None]:
    """Keep freed memory within the process while the context is open, then give it back."""
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_TRIM_THRESHOLD, _MOST)
    libc.mallopt(_MMAP_MAX, 0)
    try:
        yield
    finally:
        for option, value in _AS_WITHOUT.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)
