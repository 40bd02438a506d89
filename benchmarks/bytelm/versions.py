"""Has an earlier version of tokkit been faster? Scoring and streaming, the versions in turns.

Each version is a checkout, and a process of its own that loads SmolLM2. They take turns at each
task, so that a machine that is fast for a minute is so for all; told are medians, and the median of
the ratios within a turn. Linux alone (the peak of memory is read from `/proc`).

    git worktree add ../before COMMIT
    python -m benchmarks.bytelm.versions ../before [CHECKOUT ...] [--rounds 12] [--model smollm2]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.shared.machine import describe_run, peak_bytes
from benchmarks.shared.places import ASSETS, ROOT

TEXTS = ("english.txt", "python.txt")
WORKER = Path(__file__).with_name("version_worker.py")
WARM_UP = 2


class Version:
    """A checkout, as a process that answers."""

    def __init__(self, checkout: Path, model: str) -> None:
        """Begin to load; `tasks` waits for it."""
        self.name = checkout.resolve().name
        self._process = subprocess.Popen(
            [sys.executable, WORKER, model, *(ASSETS / name for name in TEXTS)],
            env=os.environ | {"PYTHONPATH": str(checkout.resolve()), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def tasks(self) -> list[str]:
        """What it can be asked."""
        return self._line().split(",")

    def measure(self, task: str) -> float:
        """CPU-seconds of a task."""
        assert self._process.stdin is not None
        print(task, file=self._process.stdin, flush=True)
        return float(self._line())

    def peak_bytes(self) -> int:
        """The most memory that it has held."""
        return peak_bytes(self._process.pid)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            sys.exit(f"{self.name}: the process ended; is its tokkit complete?")
        return line

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def main() -> None:
    """Print a row for each task."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkouts", type=Path, nargs="+", help="folders of earlier versions")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--model", default="smollm2")
    options = parser.parse_args()
    for each in options.checkouts:
        if not (each / "tokkit" / "__init__.py").exists():  # else what is installed would answer
            parser.error(f"{each}: no checkout of tokkit")
    describe_run("torch", "transformers")
    versions = [Version(each, options.model) for each in (*options.checkouts, ROOT)]
    try:
        tasks, *_ = [version.tasks() for version in versions]
        names = [f"{version.name}, CPU-s" for version in versions]
        ratios = [f"this to {version.name}" for version in versions[:-1]]
        print(f"\n| task | {' | '.join([*names, *ratios])} |\n|---|{'---|' * (2 * len(names) - 1)}")
        for task in tasks:
            print(_row(task, versions, options.rounds), flush=True)
        peaks = [version.peak_bytes() for version in versions]
        cells = [f"{peak / 1e9:.2f}" for peak in peaks]
        cells += [f"{peaks[-1] / peak:.2f}" for peak in peaks[:-1]]
        print(f"| peak memory, GB | {' | '.join(cells)} |")
    finally:
        for version in versions:
            version.close()


def _row(task: str, versions: list[Version], rounds: int) -> str:
    turns: list[list[float]] = []
    for number in range(WARM_UP + rounds):
        turn = [version.measure(task) for version in versions]
        if number >= WARM_UP:
            turns.append(turn)
    medians = [statistics.median(column) for column in zip(*turns, strict=True)]
    ratios = [
        statistics.median(turn[-1] / turn[k] for turn in turns) for k in range(len(versions) - 1)
    ]
    cells = [f"{each:.3f}" for each in medians] + [f"{each:.2f}" for each in ratios]
    return f"| {task} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
