"""What do the adaptive combination, and a member that is of no use, cost?

The CPU-seconds that a text takes byte by byte, under ensembles of both models by their mean, by the
adaptive combination, and by that with a third member that has learned nothing: a transformer of the
first model's shape with random weights, without and with a tolerance. Rounds alternate, so that a
machine that slows down slows all alike; ratios are over rounds.

    python -m benchmarks.ensemble.cost [--models smollm2 gemma3] [--bytes 200] [--rounds 4]
"""

from __future__ import annotations

import argparse
from time import process_time
from typing import Any

import numpy as np
import torch

import tokkit
from benchmarks.ensemble.speed import TEXT, seconds
from benchmarks.shared.bootstrap import Interval, ratio_interval, shown
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import replace_block
from tokkit.bytelm.byte_model import ByteModel

PAGE = ROOT / "docs" / "benchmarks.md"
TOLERANCE = 0.01
MEAN, ADAPTIVE, THIRD = "mean", "adaptive", "adaptive, a third member"
ASLEEP = f"{THIRD}, tolerance {TOLERANCE}"


def untaught(name: str) -> ByteModel:
    """A model of the same shape and vocabulary, with random weights."""
    from transformers import AutoModelForCausalLM

    from tokkit.hypernets.plain_models.source_models import load_source

    source = load_source(name)
    torch.manual_seed(0)
    library: Any = AutoModelForCausalLM
    config: Any = source.model.config
    return tokkit.load_lm(library.from_config(config).eval(), source.tokenizer, threads=1)


def table(rounds: list[dict[str, float]], n_bytes: int) -> str:
    """Milliseconds a byte, and ratios over rounds."""
    lines = ["| ensemble | CPU-ms a byte | to its mean | to two members |", "|---|---|---|---|"]
    for name in rounds[0]:
        took = 1000 * float(np.mean([r[name] for r in rounds])) / n_bytes
        to_mean = _ratio(rounds, name, MEAN)
        to_two = shown(_ratio(rounds, name, ADAPTIVE)) if name in (THIRD, ASLEEP) else ""
        lines.append(f"| {name} | {took:.1f} | {shown(to_mean)} | {to_two} |")
    return "\n".join(lines)


def _ratio(rounds: list[dict[str, float]], name: str, other: str) -> Interval:
    return ratio_interval([r[name] for r in rounds], [r[other] for r in rounds])


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--bytes", type=int, default=200, help="of text a round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--write-docs", action="store_true", help=f"into {PAGE.name}")
    options = parser.parse_args()
    two = [tokkit.load_lm(name, threads=1) for name in options.models]
    three = [*two, untaught(options.models[0])]
    subjects = {
        MEAN: tokkit.ByteEnsemble(two, combine="mean"),
        ADAPTIVE: tokkit.ByteEnsemble(two, combine="adaptive"),
        THIRD: tokkit.ByteEnsemble(three, combine="adaptive"),
        ASLEEP: tokkit.ByteEnsemble(three, combine="adaptive", tolerance=TOLERANCE),
    }
    text = TEXT.read_bytes()[: options.bytes]
    for subject in subjects.values():
        seconds(subject, text[:20], process_time)
    rounds = [
        {n: seconds(s, text, process_time) for n, s in subjects.items()}
        for _ in range(options.rounds)
    ]
    header = run_description("torch", "transformers")
    found = table(rounds, len(text))
    print(f"{header}\n\n{found}")
    if options.write_docs:
        replace_block(PAGE, "ensemble-cost", f"```text\n{header}\n```\n\n{found}")


if __name__ == "__main__":
    main()
