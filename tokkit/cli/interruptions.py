"""A Ctrl-C that is heeded wherever it falls: `heeded_interruptions`.

Python raises a `KeyboardInterrupt` wherever the main thread is. In a finaliser, in a callback from
C, or below code that drops whatever is raised, it is lost: compiled kernels have many finalisers
while they are loaded, and libraries drop errors of attributes that they look for. So each is an
object that is watched. While it is on its way, or is handled, something holds it. Once nothing
does, and the work goes on all the same, it was dropped, and another one follows.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_SOON = 0.01
"""Seconds; at once it would fall into the same place."""


class _Watched(KeyboardInterrupt):
    """One that can be watched: what Python raises by itself has no weak references."""


@contextmanager
def heeded_interruptions() -> Generator[None]:
    """Within it, what Ctrl-C raises comes again until it ends the block.

    Where Ctrl-C is ignored, or somebody else handles it, and outside the main thread, nothing
    changes.

    Raises:
        KeyboardInterrupt: one came.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    watch, before = _Watch(), sys.unraisablehook

    def hook(dropped: sys.UnraisableHookArgs) -> None:
        """Say nothing of one that comes again."""
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            before(dropped)
        elif not isinstance(dropped.exc_value, _Watched):
            watch.repeat()

    try:
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, watch.interrupt)
        yield
    finally:
        is_due = watch.close()
        sys.unraisablehook = before
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if is_due:
        raise KeyboardInterrupt


class _Watch:
    """The interruptions of one block."""

    def __init__(self) -> None:
        """None yet."""
        self._is_open = True
        self._raised: set[weakref.ref[_Watched]] = set()
        self._timers: list[threading.Timer] = []

    def interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """The handler of the signal."""
        error = _Watched()
        self._raised.add(weakref.ref(error, self._is_gone))
        try:
            raise error
        finally:
            del error  # its traceback holds this frame, which would hold it

    def repeat(self) -> None:
        """Interrupt again, soon."""
        timer = threading.Timer(_SOON, _interrupt)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def close(self) -> bool:
        """Watch no longer; whether an interruption is still to come."""
        self._is_open = False
        due = [timer for timer in self._timers if not timer.finished.is_set()]
        for timer in due:
            timer.cancel()
        return bool(due)

    def _is_gone(self, raised: weakref.ref[_Watched]) -> None:
        self._raised.discard(raised)
        if self._is_open:
            self.repeat()


def _interrupt() -> None:
    """Ctrl-C, from another thread."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # ends what the main thread waits for as well
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
