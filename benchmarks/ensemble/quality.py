"""Is an ensemble of two byte-level models better than the better of the two, and where?

Bits per byte of passages of English, Python and other languages, under each model (canonical
semantics, from the start of a text) and under the three combinations with equal weights. The
members' next-byte distributions are computed once for each passage and combined by `combine_rows`,
the function that `ByteEnsemble` itself steps with; on the first passage the sums are compared with
`ByteEnsemble.logprob`. Intervals are over passages. The reference is the model that is better on
that kind of text as a whole, which is known only afterwards.

Passages of all kinds are measured in turns, so that an interrupted run is balanced:

    python -m benchmarks.ensemble.quality --write-docs
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.shared.bootstrap import paired_interval, ratio_interval, shown
from benchmarks.shared.machine import run_description
from benchmarks.shared.passages import passages, sources
from benchmarks.shared.records import FOLDER, PAGE, Record, Records, replace_block
from benchmarks.shared.sample_texts import CORPUS
from tokkit.bytelm.ensemble import COMBINATIONS, Combine, combine_rows

CHECK_BYTES = 100
CHECK_NATS = 1e-3
"""float32 rows; a tree adds in another order than the pass that scored them."""


def ensemble_logprob(
    rows: NDArray[np.float64], data: bytes, log_weights: NDArray[np.float64], combine: Combine
) -> float:
    """Log-probability, nats, of `data` under an ensemble.

    Args:
        rows: float64 (n, len(data) + 1, 257), the members' next-byte log-probabilities, nats.
        data: the text.
        log_weights: float64 (n,).
        combine: how.
    """
    evidence = np.zeros(len(rows))
    total = 0.0
    for k, byte in enumerate(data):
        total += float(combine_rows(rows[:, k], log_weights, evidence, combine)[byte])
        evidence = evidence + rows[:, k, byte]
    return total


def measure(lms: Mapping[str, tokkit.ByteLM], data: bytes) -> dict[str, float]:
    """Bits for the whole of `data`, by model and by combination."""
    rows = np.stack([lm.byte_logprobs(data) for lm in lms.values()])
    nats = {name: float(rows[i, range(len(data)), list(data)].sum()) for i, name in enumerate(lms)}
    weights = np.full(len(lms), -math.log(len(lms)))
    for combine in COMBINATIONS:
        nats[combine] = ensemble_logprob(rows, data, weights, combine)
    return {name: -value / math.log(2) for name, value in nats.items()}


def check(lms: Mapping[str, tokkit.ByteLM], data: bytes) -> None:
    """Compare `measure` with the library's own models.

    Raises:
        SystemExit: they differ by more than float32 sums in another order do.
    """
    measured = measure(lms, data)
    members = list(lms.values())
    models: dict[str, tokkit.ByteLM | tokkit.ByteEnsemble] = dict(lms)
    models |= {how: tokkit.ByteEnsemble(members, combine=how) for how in COMBINATIONS}
    for name, model in models.items():
        gap = abs(model.logprob(data) + measured[name] * math.log(2))
        print(f"{name}: {gap:.2g} nats from the library's logprob", file=sys.stderr)
        if not gap <= CHECK_NATS:
            raise SystemExit(f"{name}: combined rows give {gap} nats more or less than logprob")


def table(records: list[Record], models: list[str]) -> str:
    """The page's tables, in Markdown."""
    kinds = list(dict.fromkeys(record["kind"] for record in records))
    rows = [
        "| text | passages, bytes | " + " | ".join([*models, *COMBINATIONS]) + " |",
        "|---|---|" + "---|" * (len(models) + len(COMBINATIONS)),
    ]
    paired = [
        "| text | the better model | " + " | ".join(COMBINATIONS) + " |",
        "|---|---|" + "---|" * len(COMBINATIONS),
    ]
    for kind in kinds:
        chosen = [record for record in records if record["kind"] == kind]
        sizes = [record["n_bytes"] for record in chosen]
        bits = {
            name: [record["bits"][name] for record in chosen] for name in [*models, *COMBINATIONS]
        }
        cells = [shown(ratio_interval(bits[name], sizes)) for name in bits]
        rows.append(f"| {kind} | {len(chosen)}, {sum(sizes):,} | " + " | ".join(cells) + " |")
        better = min(models, key=lambda name: sum(bits[name]))
        cells = [
            shown(paired_interval(bits[how], bits[better], sizes), sign="+") for how in COMBINATIONS
        ]
        paired.append(f"| {kind} | {better} | " + " | ".join(cells) + " |")
    return (
        "Bits per byte, with 95% intervals:\n\n"
        + "\n".join(rows)
        + "\n\nDifference to the better model in bits per byte, paired by passage (negative: the "
        "ensemble is better):\n\n" + "\n".join(paired)
    )


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--passages", type=int, default=30, help="of each kind of text")
    parser.add_argument("--bytes", type=int, default=300, help="in a passage")
    parser.add_argument("--records", type=Path, default=FOLDER / "ensemble.jsonl")
    parser.add_argument("--no-run", action="store_true", help="only show what has been measured")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"put the tables into {PAGE.name}"
    )
    options = parser.parse_args()
    found = sources(options.corpus)
    settings: Record = {
        "models": options.models,
        "bytes": options.bytes,
        "origins": {kind: source.origin for kind, source in found.items()},
    }
    header = run_description("torch", "transformers")
    records = Records(options.records, settings, header)
    texts = {
        kind: passages(source.texts, n=options.passages, n_bytes=options.bytes)
        for kind, source in found.items()
    }
    todo = [
        (f"{kind} {index}", kind, texts[kind][index])
        for index in range(options.passages)
        for kind in texts
        if index < len(texts[kind]) and f"{kind} {index}" not in records
    ]
    if todo and not options.no_run:
        lms = {name: tokkit.load_lm(name, threads=1) for name in options.models}
        check(lms, todo[0][2][:CHECK_BYTES])
        for key, kind, data in todo:
            records.add(key, {"kind": kind, "n_bytes": len(data), "bits": measure(lms, data)})
            print(key, file=sys.stderr, flush=True)
    tables = table(list(records), options.models)
    origins = "; ".join(f"{kind}: {source.origin}" for kind, source in found.items())
    print(f"{records.header}\n{origins}\n\n{tables}")
    if options.write_docs:
        replace_block(PAGE, "ensemble", f"```text\n{records.header}\n```\n\n{origins}.\n\n{tables}")


if __name__ == "__main__":
    main()
