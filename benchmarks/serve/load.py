"""Whether `tokkit serve` holds on to anything under a mixed load.

    python -m benchmarks.serve.load [--seconds 600] [--model smollm2]

Clients of every dialect ask at once; some leave before they are answered or in mid-stream, and
some send what is no request. A first round, which is not counted, fills the cache, which is small,
and what Python and the model's library keep for good. After each further one the server must be
idle, and is left alone until it has given back what it has freed: no text is drawn or waits, and it
has no more open files than after the first round, and no more threads but those that asyncio keeps
in its pool. The most memory that it held after a round of the second half is compared with the most
of the first half: what a full cache holds goes up and down.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

from benchmarks.serve.mixed_requests import BROKEN, MixedLoad
from benchmarks.serve.starting import started
from benchmarks.serve.vitals import Vitals, settled, vitals_of
from benchmarks.shared.machine import run_description
from tokkit.serve.engine import TIDY_SECONDS

ROUNDS = 6
"""With the first one, which is not counted."""

POOL = min(32, (os.cpu_count() or 1) + 4)
"""Threads that asyncio starts as they are needed, at most, and keeps."""
_NAMES = {0: "left", BROKEN: "broken off"}


def load_of(url: str) -> tuple[int, int]:
    """Texts that are drawn and that wait, as the server tells."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    told = dict(line.rsplit(maxsplit=1) for line in lines if not line.startswith("#"))
    return int(float(told["tokkit_running"])), int(float(told["tokkit_waiting"]))


def becomes_idle(url: str, seconds: float = 30) -> bool:
    """Whether nothing is drawn, nor waits, soon."""
    end = time.monotonic() + seconds
    while load_of(url) != (0, 0):
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def faults(url: str, held: list[Vitals], spare_mb: float) -> list[str]:
    """What a server holds on to, in words.

    Args:
        url: of the server.
        held: by it, after each round.
        spare_mb: by which its memory may have grown.
    """
    first, *later = held
    found = [] if becomes_idle(url) else ["texts are still drawn, or wait"]
    for name, spare in (("threads", POOL), ("files", 0)):
        most = max(getattr(each, name) for each in later)
        if most > getattr(first, name) + spare:
            found.append(f"{name}: {getattr(first, name)} after the first round, then {most}")
    half = len(held) // 2
    grown = max(each.mb for each in held[half:]) - max(each.mb for each in held[:half])
    if grown > spare_mb:
        found.append(f"memory grew by {grown:.0f} MB")
    return found


def main() -> int:
    """Print what is held after each round; 1 if anything is held on to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--seconds", type=float, default=600, help="of all rounds")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--tokens", type=int, default=8, help="of a text, at most")
    parser.add_argument("--cache-tokens", type=int, default=2048)
    parser.add_argument("--spare-mb", type=float, default=64)
    options = parser.parse_args()
    limits = ["--cache-tokens", str(options.cache_tokens), "--max-running", "4", "--max-queue", "5"]
    held: list[Vitals] = []
    answered: Counter[tuple[str, int]] = Counter()
    with started(options.model, limits) as server:
        for number in range(ROUNDS):
            load = MixedLoad(server.url, number, options.tokens)
            load.run(options.seconds / ROUNDS, options.clients)
            becomes_idle(server.url)
            time.sleep(TIDY_SECONDS + 5)  # it gives back what it has freed
            now = vitals_of(server.pid)
            held.append(settled(server.pid, held[0].threads + POOL, held[0].files) if held else now)
            answered += load.answered
            print(number, *(f"{name} {value:.0f}" for name, value in held[-1]._asdict().items()))
        found = faults(server.url, held, options.spare_mb)
    print(run_description("transformers", "torch"))
    for (kind, status), n in sorted(answered.items()):
        print(f"{kind}: {_NAMES.get(status, status)} {n} times")
    bad = {kind for kind, status in answered if status == BROKEN or status >= 500}
    found += [f"a fault of the server at {kind}" for kind in sorted(bad)]
    print("\n".join(found) or "nothing is held on to")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
