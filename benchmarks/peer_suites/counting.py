"""How often a suite was made to compare, for the runner: a suite that never does proves nothing."""

from __future__ import annotations

from typing import Any

MARK = "compared with tokkit:"


class Checks:
    """Counts by name, printed at the end of a run."""

    def __init__(self, *names: str) -> None:
        self._counts = dict.fromkeys(names, 0)

    def count(self, name: str) -> None:
        """One more."""
        self._counts[name] += 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the counts; a plugin exports this as its hook."""
        found = ", ".join(f"{n:,} {name}" for name, n in self._counts.items())
        terminalreporter.write_line(f"{MARK} {found}")
