"""What does each method of transfer cost, in bits per byte, time and memory?

For each pair of `pairs`: a model, a tokenizer, and windows of text that neither a tokenizer, nor a
fit, nor any choice has seen. Bits are per byte of text, and what precedes a window is not scored.
`control` is the old model where the new tokenizer cuts; `closed` is the share of the gap between
`mean` (FVT) and the control that is closed. Seconds are of CPU, without the transfer's own
report. Each row is made in a process of its own; memory is the most that it held.

    python -m benchmarks.transfer.table [--pair NAME ...] [--windows N] [--methods NAME ...]
        [--mergekit FOLDER] [--write-docs]
    python -m benchmarks.transfer.table --as-recorded --write-docs

What was measured stands in `benchmarks/transfer/records`, a file for each pair and number of
windows, and is committed. A run goes on where it was, and adds rows; the tables of the
documentation are those of the files with the most rows, and `--as-recorded` measures nothing.
With `--mergekit`, rows of mergekit's tokensurgeon stand beside ours (see `tokensurgeon`). A pair
whose text is not there is left out, with the reason.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import Records, replace_block, written
from benchmarks.transfer import tokensurgeon
from benchmarks.transfer.measuring import Job, measured
from benchmarks.transfer.pairs import PAIRS, Pair
from benchmarks.transfer.rendering import REFERENCES, pair_table, summary
from tokkit.hypernets.methods import METHODS

DEFAULT = [name for name, method in METHODS.items() if not method.wants_hypernet]
PAGE = ROOT / "docs" / "transfer.md"
RECORDS = Path(__file__).with_name("records")


def jobs(pair: Pair, base: Job, methods: Sequence[str]) -> Iterator[tuple[str, Job]]:
    """The rows of a pair: what each is called, and what is to be measured."""
    for name in methods:
        method = METHODS[name]
        if method.wants_donor and pair.donor is None:
            continue
        labels: list[str | None] = [] if method.wants_text else [None]
        if method.wants_text or method.reads_text:
            labels += pair.texts
        for label in labels:
            text = None if label is None else pair.texts[label]()
            donor = pair.donor if method.wants_donor else None
            for k in (None, *pair.more_k) if method.has_k else (None,):
                notes = (label, None if k is None else f"k = {k}")
                row = replace(base, method=name, text=text, donor=donor, k=k)
                yield ", ".join((name, *filter(None, notes))), row


def measure(name: str, options: argparse.Namespace) -> Records | None:
    """The results of a pair; None where it cannot be done here."""
    pair = PAIRS[name]
    if reason := pair.missing():
        print(f"{name}: left out: {reason}", file=sys.stderr)
        return None
    records = Records(
        RECORDS / f"{name}-{options.windows}.jsonl",
        {"windows": options.windows},
        run_description("torch", "transformers", "tokenizers"),
    )
    with tempfile.TemporaryDirectory() as folder:
        windows = [window.decode("latin-1") for window in pair.windows(options.windows)]
        base = Job(pair.source, pair.target(Path(folder)), windows)
        if REFERENCES not in records:
            records.add(REFERENCES, measured(base))
        for label, job in jobs(pair, base, options.methods):
            if label not in records:
                records.add(label, measured(job))
                print(f"{name}\n{pair_table(records)}\n", flush=True)
        if options.mergekit is not None:
            tokensurgeon.add_rows(records, pair, base, options.mergekit)
    print(f"{name}\n{pair_table(records)}\n", flush=True)
    return records


def recorded() -> dict[str, Records]:
    """Pair -> its results, of the file with the most rows; only where there is more than none."""
    found: dict[str, Records] = {}
    for name in PAIRS:
        some = [
            written(path)
            for path in sorted(RECORDS.glob(f"{name}-*.jsonl"))
            if path.stem.removeprefix(f"{name}-").isdecimal()
        ]
        most = max(some, key=lambda each: len(list(each)), default=None)
        if most is not None and len(list(most)) > 1:
            found[name] = most
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, or go on with, the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", nargs="+", default=list(PAIRS), choices=PAIRS)
    parser.add_argument("--windows", type=int, default=72)
    parser.add_argument("--methods", nargs="+", default=DEFAULT, choices=METHODS)
    parser.add_argument("--mergekit", type=Path)
    parser.add_argument("--write-docs", action="store_true")
    parser.add_argument("--as-recorded", action="store_true", help="measure nothing")
    options = parser.parse_args(arguments)
    for name in () if options.as_recorded else options.pair:
        measure(name, options)
    done = recorded()
    print(summary(done))
    if options.write_docs:
        for name, records in done.items():
            replace_block(PAGE, f"transfer-{name}", pair_table(records))
        replace_block(PAGE, "transfer-summary", summary(done))


if __name__ == "__main__":
    main()
