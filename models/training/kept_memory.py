"""What a step frees is kept for the next one, where glibc gives memory.

A step on a CPU allocates and frees the same large tensors again and again. By itself glibc hands
those back to the system, which clears and maps every page anew, for a good part of a step's time.
What is kept grows for as long as tensors of other sizes come between: `give_back_what_is_free`, now
and then, bounds it.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

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
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _OF_THE_USER):
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
                libc.malloc_trim(0)


def give_back_what_is_free() -> None:
    """Hand the pages that nothing lies on back to the system, where a context keeps them."""
    with _Open.lock:
        if _Open.count:
            ctypes.CDLL(None).malloc_trim(0)
