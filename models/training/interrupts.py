"""An interruption that waits for the end of a step, so that what is saved then is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def delayed_interrupt() -> Generator[Callable[[], bool]]:
    """Within it, the first SIGINT is only noted; a second one interrupts at once.

    Where SIGINT does not reach (outside the main thread), or is ignored, nothing changes.

    Yields:
        Tells whether one came.

    Raises:
        KeyboardInterrupt: one came, and the block has ended.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            before(number, frame)
        came = True

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
