"""One row of the tables, in a process of its own, so that its time and memory are its own.

    python -m benchmarks.transfer.measuring JOB.json

prints the row as a line of JSON. `measured` starts such a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.shared.machine import peak_bytes
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import Record
from tokkit.hypernets.alignment import align
from tokkit.hypernets.bench import Bench, starting_ids
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.transfer import transfer
from tokkit.text.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Job:
    """What is to be measured.

    Attributes:
        source: the old model.
        target: the new tokenizer.
        windows: of text, a character a byte (Latin-1).
        made: a folder with a model that has it already; None: `method` makes one.
        method: of `METHODS`; None: the old model itself, for comparison.
        text: that it is given.
        donor: that it is given.
        k: that it is given.
    """

    source: str
    target: str
    windows: Sequence[str]
    made: str | None = None
    method: str | None = None
    text: str | None = None
    donor: str | None = None
    k: int | None = None


class Clock:
    """CPU seconds by step, as the progress of a transfer tells of them."""

    def __init__(self) -> None:
        """Start."""
        self._last = time.process_time()
        self._step = ""
        self._spent: dict[str, float] = {}

    def __call__(self, what: str, _done: int, _total: int) -> None:
        """Take note of a step."""
        now = time.process_time()
        self._spent[self._step] = self._spent.get(self._step, 0.0) + now - self._last
        self._last, self._step = now, what

    def seconds(self, *, without: str) -> float:
        """Of all steps so far, but those that begin with a word."""
        self("", 0, 0)
        return sum(spent for step, spent in self._spent.items() if not step.startswith(without))


def measured(job: Job) -> Record:
    """The row of a job, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(asdict(job)), encoding="utf-8")
        return run_module("benchmarks.transfer.measuring", str(path))


def run_module(name: str, *arguments: str, **environment: str) -> Record:
    """Run a module of `benchmarks`; what it prints last, a line of JSON.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", name, *arguments],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{name} failed: exit status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def row_of(job: Job) -> Record:
    """The row of a job, measured in this process."""
    source = load_source(job.source)
    windows = tuple(window.encode("latin-1") for window in job.windows)
    if job.method is not None:
        return _of_method(job, job.method, source, windows)
    if job.made is not None:
        import transformers

        model = transformers.AutoModelForCausalLM.from_pretrained(job.made).eval()
        return {"bits": _bench(source, job.target, windows).bits_after(model)}
    return _references(_bench(source, job.target, windows))


def _of_method(job: Job, method: str, source: SourceModel, windows: tuple[bytes, ...]) -> Record:
    """Bits per byte, CPU seconds of the transfer without its own report, peak gigabytes."""
    clock = Clock()
    result = transfer(
        (source.model, source.tokenizer),
        job.target,
        method=method,
        text=job.text,
        donor=job.donor,
        k=job.k,
        progress=clock,
    )
    seconds, peak = clock.seconds(without="scoring"), peak_bytes() / 1e9
    return {
        "bits": _bench(source, job.target, windows).bits_after(result.model),
        "seconds": seconds,
        "peak": peak,
        "notes": dict(result.report.notes),
    }


def _bench(source: SourceModel, target: str, windows: tuple[bytes, ...]) -> Bench:
    """A bench whose report is of all windows, which nothing is fitted to."""
    text = load_tokenizer(target)
    alignment = align(source.tokenizer, text)
    return Bench(source, text, alignment, starting_ids(source), reported=windows)


def _references(bench: Bench) -> Record:
    """Bits per byte of the old model, with its own tokenizer and where the new one cuts."""
    pieces = [piece for window in bench.pieces for piece in window]
    new = ~bench.alignment.copied[pieces]
    return asdict(bench.references) | {"new": float(new.mean())}


def main(arguments: Sequence[str]) -> None:
    """Measure one row."""
    document: dict[str, Any] = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    print(json.dumps(row_of(Job(**document))))


if __name__ == "__main__":
    main(sys.argv[1:])
