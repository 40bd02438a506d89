"""What do exact byte-level probabilities cost, beside the peers, and where does the time go?

Two texts of 400 bytes, SmolLM2-135M in float32 with the same weights for everybody, one thread,
each peer in a process of its own. Two questions to each: the probability of a known text (scoring:
only tokkit can do better than byte by byte), and the next byte at every position, all 257 of them,
before the byte is told (streaming). Counted: CPU-seconds, forward passes of the model, tokens in
them (padding included; for tokkit also without), CPU time outside the model's body and output
head, peak memory, bits a byte. What the bits are of differs between the peers; the table says it.

Each process warms up on another text. tokkit then takes each text once more than it is measured
without a remark: the first time it has not seen the text's tokens, and fills its tables of what may
follow them ("new text").

    python -m benchmarks.bytelm.speed [--only NAME ...] [--bytes N] [--jobs N] [--json FILE]
    BYTE_SAMPLER=/path/to/checkout python -m benchmarks.bytelm.speed
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

from benchmarks.bytelm.model_clock import ModelClock
from benchmarks.bytelm.peers import PEERS, MissingPeerError, Peer, open_peer
from benchmarks.shared.machine import describe_run, peak_bytes
from benchmarks.shared.places import ASSETS

WARM_UP = b"A dozen words, and some code to warm up with:\n    x = [1, 2]\n"
HEADER = (
    "| peer | text | mode | bytes/CPU-s | calls/B | tokens/B (asked) | outside, ms/B | bits/B "
    "| peak memory, GB | tokkit is faster by |"
)
UNAVAILABLE = 3
"""Exit status of a process whose peer cannot run."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        seconds: CPU time of all, and inside the model.
        n_tokens: in forward passes, padding included; `n_asked` without it, if known.
        bits_per_byte: None stands for infinite.
        peak_bytes: of the process so far.
    """

    peer: str
    semantics: str
    text: str
    mode: str
    n_bytes: int
    seconds: float
    model_seconds: float
    n_passes: int
    n_tokens: int
    n_asked: int | None
    bits_per_byte: float | None
    peak_bytes: int

    @property
    def outside_ms(self) -> float:
        """CPU time outside the model, ms a byte."""
        return (self.seconds - self.model_seconds) / self.n_bytes * 1000


def measure(name: str, peer: Peer, clock: ModelClock, text: str, mode: str, data: bytes) -> Row:
    """One text, one mode."""
    run: Callable[[bytes], float] = peer.score if mode.startswith("scoring") else peer.stream
    clock.reset()
    began = process_time()
    logprob = run(data)
    seconds = process_time() - began
    return Row(
        peer=name,
        semantics=peer.semantics,
        text=text,
        mode=mode,
        n_bytes=len(data),
        seconds=seconds,
        model_seconds=clock.seconds,
        n_passes=clock.n_passes,
        n_tokens=clock.n_tokens,
        n_asked=peer.n_asked(),
        bits_per_byte=-logprob / len(data) / math.log(2) if math.isfinite(logprob) else None,
        peak_bytes=peak_bytes(),
    )


def run_peer(name: str, n_bytes: int) -> None:
    """In the peer's process: print a line of JSON for each measurement."""
    peer, model = open_peer(name)
    clock = ModelClock(model)
    peer.stream(WARM_UP)
    peer.score(WARM_UP)
    for text in ("english", "python"):
        data = (ASSETS / f"{text}.txt").read_bytes()[:n_bytes]
        for mode in peer.modes:
            print(json.dumps(asdict(measure(name, peer, clock, text, mode, data))), flush=True)


def rows_of(name: str, n_bytes: int) -> list[Row]:
    """The measurements of a peer, from a process of its own; none, with a note, if it is missing.

    Raises:
        SystemExit: the process failed.
    """
    command = [
        sys.executable,
        "-m",
        "benchmarks.bytelm.speed",
        "--run",
        name,
        "--bytes",
        str(n_bytes),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == UNAVAILABLE:
        print(f"{name}: left out: {done.stderr.strip().splitlines()[-1]}", flush=True)
        return []
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return [Row(**json.loads(line)) for line in lines]


def table(rows: list[Row]) -> str:
    """The measurements as Markdown, with the ratio of speeds to tokkit in the same mode."""
    speed = {(r.peer, r.text, r.mode): r.n_bytes / r.seconds for r in rows}
    lines = [HEADER, "|" + "---|" * HEADER.count(" |")]
    for row in rows:
        ours = {m: speed.get(("tokkit", row.text, m)) for m in ("scoring", "streaming")}
        theirs = row.n_bytes / row.seconds
        ratios = [f"{v / theirs:.1f} ({m})" for m, v in ours.items() if v]
        asked = "" if row.n_asked is None else f" ({row.n_asked / row.n_bytes:.2f})"
        bits = "infinite" if row.bits_per_byte is None else f"{row.bits_per_byte:.4f}"
        lines.append(
            f"| {row.peer} | {row.text} | {row.mode} | {theirs:.1f} "
            f"| {row.n_passes / row.n_bytes:.2f} | {row.n_tokens / row.n_bytes:.2f}{asked} "
            f"| {row.outside_ms:.2f} | {bits} | {row.peak_bytes / 1e9:.2f} "
            f"| {'' if row.peer.startswith('tokkit') else ', '.join(ratios)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="Exact byte-level probabilities beside the peers.")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=PEERS, metavar="NAME")
    parser.add_argument("--bytes", type=int, default=400, help="of each text (400)")
    parser.add_argument("--jobs", type=int, default=1, help="peers at a time (1)")
    parser.add_argument("--json", type=Path, help="write the measurements here, too")
    parser.add_argument("--run", choices=PEERS, help="used inside: measure one, in this process")
    arguments = parser.parse_args()
    if arguments.run:
        try:
            run_peer(arguments.run, arguments.bytes)
        except MissingPeerError as reason:
            print(reason, file=sys.stderr)
            raise SystemExit(UNAVAILABLE) from None
        return
    describe_run("torch", "transformers", "tokenizers", "numba", "genlm-bytes", "genlm-backend")
    with ThreadPoolExecutor(arguments.jobs) as pool:
        names: list[str] = list(arguments.only)
        results = pool.map(rows_of, names, [arguments.bytes] * len(names))
        rows = [row for result in results for row in result]
    print("\nWhat the bits are of:")
    for name, semantics in {row.peer: row.semantics for row in rows}.items():
        print(f"- {name}: {semantics}")
    print("\n" + table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
