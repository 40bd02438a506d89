"""Does `tokkit score` take a file that is much longer than a model reads?

A file of English is scored in windows by the command, on a terminal, and interrupted after a while;
then the same command is run again. Told are: seconds of wall time to the first figure, whether
progress was shown with the time left, the most memory, how much was scored, and where the second
run went on.

    python -m benchmarks.bytelm.long_file [--model smollm2] [--megabytes 100] [--seconds 60]
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from benchmarks.shared.machine import peak_bytes, run_description
from benchmarks.shared.passages import pydoc_topics

_WINDOW = 2048
_INTERRUPTED = 130


@dataclass(frozen=True)
class Run:
    """One run of the command.

    Attributes:
        first_seconds: until the first record.
        ends: bytes that were scored, by the records of this run.
        peak_bytes: of memory.
        shows_time_left: whether the terminal was told of it.
        code: the command ended with.
    """

    first_seconds: float
    ends: tuple[int, ...]
    peak_bytes: int
    shows_time_left: bool
    code: int


def write_text(path: Path, n_bytes: int) -> None:
    """English of so many bytes; each repetition of the text bears its number."""
    data = b"\n".join(pydoc_topics())
    with path.open("wb") as stream:
        for number in range(n_bytes // len(data) + 1):
            stream.write((b"%d\n" % number + data)[: n_bytes - stream.tell()])


def run(words: Sequence[str], records: Path, seconds: float) -> Run:
    """Run the command, and interrupt it so long after its first record."""
    known = len(_ends(records))
    reader, terminal = pty.openpty()
    shown = bytearray()

    def listen() -> None:
        with suppress(OSError):  # the other end has gone
            while part := os.read(reader, 1 << 16):
                shown.extend(part)

    Thread(target=listen, daemon=True).start()
    begun = time.monotonic()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-m", "tokkit", *words], stdout=subprocess.DEVNULL, stderr=terminal,
        stdin=subprocess.DEVNULL, env=environment,
    ) as process:  # fmt: skip
        os.close(terminal)
        while len(_ends(records)) == known and process.poll() is None:
            time.sleep(0.2)
        first = time.monotonic() - begun
        time.sleep(seconds if process.poll() is None else 0)
        peak = _peak_bytes(process.pid)
        process.send_signal(signal.SIGINT)
        code = process.wait()
    return Run(first, tuple(_ends(records)[known:]), peak, b"left" in shown, code)


def _ends(records: Path) -> list[int]:
    """How far each whole record of the text says that it is scored."""
    lines = records.read_bytes().split(b"\n")[1:-1] if records.exists() else []
    return [each["end"] for each in map(json.loads, lines) if "end" in each]


def _peak_bytes(pid: int) -> int:
    with suppress(OSError, IndexError):  # it has ended
        return peak_bytes(pid)
    return 0


def main() -> None:
    """Run twice, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    print(run_description("torch", "transformers"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    with tempfile.TemporaryDirectory() as name:
        text, records = Path(name) / "text.txt", Path(name) / "records"
        write_text(text, int(given.megabytes * 1e6))
        words = ["score", given.model, str(text), "--window", str(_WINDOW)]
        words += ["--records", str(records)]
        runs = [run(words, records, given.seconds) for _ in range(2)]
        print(f"\ntext: {text.stat().st_size / 1e6:,.0f} MB\n")
    print("| run | first record, s | scored, kB | from byte | peak memory, GB | time left shown |")
    print("|---|---|---|---|---|---|")
    begin = 0
    for number, each in enumerate(runs, 1):
        assert each.code == _INTERRUPTED, f"the command ended with {each.code}"
        assert each.ends, "nothing was scored"
        assert each.ends[0] > begin, "the second run did not go on from the first"
        print(
            f"| {number} | {each.first_seconds:.0f} | {(each.ends[-1] - begin) / 1e3:.1f} "
            f"| {begin:,} | {each.peak_bytes / 1e9:.2f} | {each.shows_time_left} |"
        )
        begin = each.ends[-1]


if __name__ == "__main__":
    main()
