"""What does it save that the members of an ensemble compute at the same time?

The seconds by the clock that a text takes byte by byte: under each member alone, and under an
ensemble of both. Rounds alternate, so that a machine that slows down slows all alike; the ratio is
that of the ensemble to the sum of its members, over rounds.

    python -m benchmarks.ensemble.speed [--models smollm2 gemma3] [--bytes 60] [--rounds 6]
"""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np

import tokkit
from benchmarks.shared.bootstrap import ratio_interval
from benchmarks.shared.machine import describe_run
from benchmarks.shared.places import ASSETS
from tokkit.bytelm.byte_model import ByteModel

TEXT = ASSETS / "english.txt"
TOGETHER = "the ensemble"


def seconds(model: ByteModel, text: bytes) -> float:
    """Time of asking for the next byte at every position, on the wall."""
    state = model.open()
    began = perf_counter()
    for k in range(len(text)):
        state.logprobs()
        state.push(text[k : k + 1])
    return perf_counter() - began


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="Members of an ensemble at the same time.")
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--bytes", type=int, default=60, help="of text a round (60)")
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    members = {name: tokkit.load_lm(name, threads=1) for name in arguments.models}
    subjects: dict[str, ByteModel] = {
        **members,
        TOGETHER: tokkit.ByteEnsemble(list(members.values()), combine="mixture"),
    }
    text = TEXT.read_bytes()[: arguments.bytes]
    for subject in subjects.values():
        seconds(subject, text)
    rounds = [{n: seconds(s, text) for n, s in subjects.items()} for _ in range(arguments.rounds)]
    describe_run("torch", "transformers")
    print("\n| who | ms a byte |\n|---|---|")
    for name in subjects:
        print(f"| {name} | {np.mean([r[name] for r in rounds]) / len(text) * 1000:.1f} |")
    alone = [sum(r[name] for name in members) for r in rounds]
    ratio = ratio_interval([r[TOGETHER] for r in rounds], alone)
    print(
        f"\nThe ensemble takes {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) of the time "
        "of its members one after the other."
    )


if __name__ == "__main__":
    main()
