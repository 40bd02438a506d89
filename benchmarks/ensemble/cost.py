"""What do the adaptive combination, and a member that is of no use, cost?

The CPU-seconds that a text takes byte by byte after a prompt, whose own are not counted, under
ensembles of both models by their mean, by the adaptive combination, and by that with a third member
that has learned nothing: a transformer of the first model's shape with random weights, without and
with tolerances. Of these also at how many bytes the third member slept, and by how much a row
differed at most (total variation) from that of all members. What sleepers catch up with when the
text is over is not timed.
Rounds alternate, so that a machine that slows down slows all alike; ratios are over rounds.

    python -m benchmarks.ensemble.cost [--prompt 300] [--bytes 100] [--rounds 3]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
import torch

import tokkit
from benchmarks.ensemble.speed import TEXT
from benchmarks.shared.bootstrap import Interval, ratio_interval, shown
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import BENCHMARKS_PAGE
from benchmarks.shared.records import replace_block
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensembles.lazy import LazyEnsembleState

TOLERANCES = (0.01, 0.1)
MEAN, ADAPTIVE, THIRD = "mean", "adaptive", "adaptive, a third member"


@dataclass(frozen=True)
class Run:
    """A text under an ensemble.

    Attributes:
        seconds: of the processor.
        asleep: the share of bytes at which the third member slept.
        change: see `LazyEnsembleState.largest_change`.
    """

    seconds: float
    asleep: float | None = None
    change: float | None = None


def timed(model: ByteModel, prompt: bytes, text: bytes) -> Run:
    """Ask for the next byte at every position of a text after a prompt."""
    state = model.open(prompt)
    state.logprobs()
    asleep = 0
    began = process_time()
    for k in range(len(text)):
        state.logprobs()
        state.push(text[k : k + 1])
        asleep += isinstance(state, LazyEnsembleState) and 2 in state.asleep
    took = process_time() - began
    if not isinstance(state, LazyEnsembleState):
        return Run(took)
    state.wake()
    return Run(took, asleep / len(text), state.largest_change)


def untaught(name: str) -> ByteModel:
    """A model of the same shape and vocabulary, with random weights."""
    from transformers import AutoModelForCausalLM

    from tokkit.hypernets.plain_models.source_models import load_source

    source = load_source(name)
    torch.manual_seed(0)
    library: Any = AutoModelForCausalLM
    config: Any = source.model.config
    return tokkit.load_lm(library.from_config(config).eval(), source.tokenizer, threads=1)


def table(rounds: list[dict[str, Run]], n_bytes: int) -> str:
    """Milliseconds a byte, ratios over rounds, and what the tolerance did."""
    lines = [
        "| ensemble | CPU-ms a byte | to its mean | to two members | asleep | largest change |",
        "|---" * 6 + "|",
    ]
    for name, first in rounds[0].items():
        took = 1000 * float(np.mean([each[name].seconds for each in rounds])) / n_bytes
        to_mean = shown(_ratio(rounds, name, MEAN))
        to_two = shown(_ratio(rounds, name, ADAPTIVE)) if name.startswith(THIRD) else ""
        asleep = "" if first.asleep is None else f"{first.asleep:.0%}"
        change = "" if first.change is None else f"{first.change:.3f}"
        lines.append(f"| {name} | {took:.1f} | {to_mean} | {to_two} | {asleep} | {change} |")
    return "\n".join(lines)


def _ratio(rounds: list[dict[str, Run]], name: str, other: str) -> Interval:
    pairs = [(each[name].seconds, each[other].seconds) for each in rounds]
    return ratio_interval([own for own, _ in pairs], [base for _, base in pairs])


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--prompt", type=int, default=300, help="bytes before the text")
    parser.add_argument("--bytes", type=int, default=100, help="of text a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write-docs", action="store_true", help=f"into {BENCHMARKS_PAGE.name}")
    options = parser.parse_args()
    two = [tokkit.load_lm(name, threads=1) for name in options.models]
    three = [*two, untaught(options.models[0])]
    subjects = {
        MEAN: tokkit.ByteEnsemble(two, combine="mean"),
        ADAPTIVE: tokkit.ByteEnsemble(two, combine="adaptive"),
        THIRD: tokkit.ByteEnsemble(three, combine="adaptive"),
    }
    for tolerance in TOLERANCES:
        name = f"{THIRD}, tolerance {tolerance}"
        subjects[name] = tokkit.ByteEnsemble(three, combine="adaptive", tolerance=tolerance)
    whole = TEXT.read_bytes()
    prompt, text = whole[: options.prompt], whole[options.prompt :][: options.bytes]
    timed(subjects[THIRD], prompt[:20], text[:10])
    rounds = [
        {n: timed(s, prompt, text) for n, s in subjects.items()} for _ in range(options.rounds)
    ]
    header = run_description("torch", "transformers")
    found = table(rounds, len(text))
    print(f"{header}\n\n{found}")
    if options.write_docs:
        replace_block(BENCHMARKS_PAGE, "ensemble-cost", f"```text\n{header}\n```\n\n{found}")


if __name__ == "__main__":
    main()
