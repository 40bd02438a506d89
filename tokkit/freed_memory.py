"""Memory that was freed goes back to the system: `give_back_freed_memory`."""

from __future__ import annotations

import ctypes
import platform
from functools import cache


def give_back_freed_memory() -> None:
    """Hand pages that nothing lies on back to the system, where glibc keeps them.

    It keeps what is freed below anything that is still in use, so a process that allocates tensors
    of many sizes grows for hours although it holds no more.
    """
    if has_glibc():
        ctypes.CDLL(None).malloc_trim(0)


@cache
def has_glibc() -> bool:
    """Whether the C library is glibc."""
    return platform.libc_ver()[0] == "glibc"
