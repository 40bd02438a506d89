"""How often a suite was made to compare, for the runner: a suite that never does proves nothing."""

from __future__ import annotations

from typing import Any

MARK = "compared with tokkit:"


class Checks:
    """Counts by name, printed at the end of a run."""

    def __init__(self, *names: str) -> None:
        self._counts = dict.fromkeys(names, 0)
        self._reasons: dict[str, None] = {}

    def count(self, name: str, reason: str = "") -> None:
        """One more; the reason is printed once."""
        self._counts[name] += 1
        if reason:
            self._reasons[f"{name}: {reason}"] = None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the counts; a plugin exports this as its hook."""
        found = ", ".join(f"{n:,} {name}" for name, n in self._counts.items())
        terminalreporter.write_line(f"{MARK} {found}")
        for reason in self._reasons:
            terminalreporter.write_line(reason)
