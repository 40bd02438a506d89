"""What a process holds: `Vitals`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple


class Vitals(NamedTuple):
    """What a process holds at a moment; of Linux alone.

    Attributes:
        mb: of memory that is resident.
        threads: of it.
        files: descriptors that are open.
    """

    mb: float
    threads: int
    files: int


def vitals_of(pid: int) -> Vitals:
    """What a process holds now."""
    folder = Path("/proc", str(pid))
    status = (folder / "status").read_text(encoding="utf-8")
    kilobytes = int(status.partition("VmRSS:")[2].split()[0])
    n_threads = sum(1 for _ in (folder / "task").iterdir())
    return Vitals(kilobytes / 1024, n_threads, sum(1 for _ in (folder / "fd").iterdir()))


def settled(pid: int, threads: int, files: int, seconds: float = 20) -> Vitals:
    """What a process holds once it has no more threads and files than some, or after a time."""
    end = time.monotonic() + seconds
    while True:
        now = vitals_of(pid)
        if (now.threads <= threads and now.files <= files) or time.monotonic() > end:
            return now
        time.sleep(0.2)
