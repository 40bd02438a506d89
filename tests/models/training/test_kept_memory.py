"""Memory that is freed stays for the next step, and goes back to the system in the end."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
from tokkit.models.training.kept_memory import freed_memory_kept

N_BYTES = 1 << 27


def held() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators keep memory")
def test_freed_memory_is_kept_and_then_given_back() -> None:
    before = held()
    with freed_memory_kept():
        large = np.ones(N_BYTES, dtype=np.uint8)
        del large
        assert held() - before > N_BYTES // 2
    assert held() - before < N_BYTES // 2
    large = np.ones(N_BYTES, dtype=np.uint8)
    del large
    assert held() - before < N_BYTES // 2
