"""What is being done, on stderr, once it has taken longer than a second.

A bar with the time left where the total is known, a spinner with the time so far where it isn't.
Nothing where stderr is no terminal: a log wants results, not how they came. A terminal that cannot
move its cursor (`TERM=dumb`) gets a line a step.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Self

from tokkit.cli.terminal import console_of
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID, TextColumn

PROGRESS_DELAY = 1.0
"""Seconds after which a step says what it is doing."""
_BESIDE_NAME = 45
"""Columns that a bar and its figures may need."""


class Meter:
    """Shows the step that has begun, and how far it is. A context manager.

    Called as `meter(what)` or `meter(what, done, total)`, from any thread; a total of 0 is unknown.
    """

    def __init__(self, what: str = "") -> None:
        """Nothing is shown yet.

        Args:
            what: the first step.
        """
        self._start = time.monotonic()
        self._begun = self._start
        self._step: tuple[str, int, int] = (what, 0, 0)
        self._told: tuple[str, bool] = ("", False)  # the step that is shown, and if with a bar
        self._lock = threading.RLock()
        self._display: tuple[Progress, TaskID] | None = None
        self._console: Console | None = None
        self._open = False
        self._timer = threading.Timer(PROGRESS_DELAY, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._open = True
            self._timer.start()
        return self

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        """Say what is being done, how much is done, and how much there is."""
        if what != self._step[0]:
            self._begun = time.monotonic()
        self._step = (what, done, total)
        if self._open and time.monotonic() - self._start >= PROGRESS_DELAY:
            self._show()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:  # a timer that has fired already waits, and finds it closed
            self._open = False
            if self._display is not None:
                self._display[0].stop()

    def _show(self) -> None:
        with self._lock:
            if not self._open or not self._step[0]:
                return
            if self._console is None:
                self._console = console_of(sys.stderr)
            if self._console.is_dumb_terminal:
                self._tell()
            else:
                self._draw(self._console)

    def _tell(self) -> None:
        what = self._step[0]
        if what != self._told[0]:
            print(f"tokkit: {visible(what)} ...", file=sys.stderr, flush=True)
        self._told = (what, False)

    def _draw(self, console: Console) -> None:
        what, done, total = self._step
        known = total or None
        if self._display is None or (what, bool(total)) != self._told:
            if self._display is not None:
                self._display[0].stop()
            # A display of its own for each step: the time left is reckoned from this step's speed.
            progress = _bar(console) if known else _spinner(console)
            progress.start()
            name = _cut(visible(what), console.width - _BESIDE_NAME)
            self._display = (progress, progress.add_task(name, total=known))
            begun_ago = time.monotonic() - self._begun
            progress.tasks[0].start_time = progress.get_time() - begun_ago
        progress, task = self._display
        progress.update(task, completed=done, total=known)
        self._told = (what, bool(total))


def progress(what: str) -> Meter:
    """Show that something is being done which cannot say how far it is."""
    return Meter(what)


def counted(what: str, pieces: Iterable[bytes], total: int) -> Iterator[bytes]:
    """The pieces of a text of at most `total` bytes, shown as they come."""
    done = 0
    with Meter() as meter:
        meter(what, done, total)
        for piece in pieces:
            yield piece
            done += len(piece)
            meter(what, done, total)


def _spinner(console: Console) -> Progress:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), _description(), TimeElapsedColumn(), TextColumn("elapsed"))
    return Progress(*columns, console=console, transient=True)


def _bar(console: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (_description(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("left"), console=console, transient=True)


def _cut(name: str, columns: int) -> str:
    return name if len(name) <= columns else f"{name[: max(columns, 9) - 1]}…"


def _description() -> TextColumn:
    from rich.progress import TextColumn

    return TextColumn("{task.description}", markup=False)
