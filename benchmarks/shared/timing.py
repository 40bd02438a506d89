"""How long something takes here."""

from __future__ import annotations

import time
from collections.abc import Callable


def cpu_seconds(run: Callable[[], object], *, runs: int) -> float:
    """CPU-seconds of the fastest of several runs; the first of them warms up."""
    spent: list[float] = []
    for _ in range(runs):
        begun = time.process_time()
        run()
        spent.append(time.process_time() - begun)
    return min(spent)
