"""What a step frees is kept for the next one, where glibc gives memory.

A step on a CPU allocates and frees the same large tensors again and again. By itself glibc hands
those back to the system, which clears and maps every page anew, for a good part of a step's time.
What is kept grows for as long as tensors of other sizes come between, unless it is given back now
and then (`tokkit.freed_memory`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

from tokkit.freed_memory import give_back_freed_memory, has_glibc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_WITHIN = {_TRIM_THRESHOLD: 2**31 - 1, _MMAP_MAX: 0}
_AFTERWARDS = {_MMAP_MAX: 1 << 16, _MMAP_THRESHOLD: 1 << 25, _TRIM_THRESHOLD: 1 << 26}
"""See mallopt(3). Once an option is set, glibc no longer raises its thresholds by itself; so these
are where a program that has freed large tensors has them: its later passes must not map anew."""
_OF_THE_USER = (
    "GLIBC_TUNABLES",
    "MALLOC_MMAP_MAX_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
)
"""Environment variables; what they set stays."""


class _Open:
    """How many contexts are open, in all threads: the options are those of the process."""

    lock = Lock()
    count = 0


@contextmanager
def freed_memory_kept() -> Generator[None]:
    """Keep freed memory within the process while a context is open, then give it back."""
    if not has_glibc() or any(name in os.environ for name in _OF_THE_USER):
        yield
        return
    libc = ctypes.CDLL(None)
    try:
        with _Open.lock:
            _Open.count += 1
            for option, value in _WITHIN.items():
                libc.mallopt(option, value)
        yield
    finally:
        with _Open.lock:
            _Open.count -= 1
            if not _Open.count:
                for option, value in _AFTERWARDS.items():
                    libc.mallopt(option, value)
                give_back_freed_memory()
