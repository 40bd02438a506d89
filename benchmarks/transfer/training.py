"""What do minutes of training add to the heuristic, and which loss uses them best?

SmolLM2 gets the code tokenizer of `table`, with modules of the standard library as the text. The
rows of `shared-first` are fitted once, and each method that trains begins with them and has the
same CPU time for its updates (loading, the fit and figures come on top). The figures are bits per
byte of windows of the standard library's modules that neither the tokenizer nor the text has: code
of the text's kind, which nothing was fitted to, trained on or chosen by. `closed` is the share of
the gap between `mean` (FVT) and the control that is closed.

    python -m benchmarks.transfer.training [--minutes M] [--windows N] [--text-bytes N]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.transfer.fitting import Fit
from benchmarks.transfer.targets import python_texts, python_tokenizer
from tokkit.hypernets.distillation.distilling import bits_per_byte
from tokkit.hypernets.distillation.lessons import lessons_of
from tokkit.hypernets.heuristics.subtokens import mean
from tokkit.hypernets.methods import METHODS
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.windows import WINDOW_BYTES, cut_windows, read

PAGE = ROOT / "docs" / "transfer.md"
COLUMNS = ("method", "bits per byte", "closed", "steps", "CPU seconds")
TRAINED = [name for name, method in METHODS.items() if method.distillation is not None]


def unseen_windows(n: int) -> list[bytes]:
    """Windows of the standard library's held-out modules, at most one a module."""
    paths = [path for path in python_sources() if held_out(path)]
    generator = np.random.default_rng(0)
    windows: list[bytes] = []
    order: list[int] = generator.permutation(len(paths)).tolist()
    for place in order:
        found = [w for w in cut_windows(paths[place].read_bytes()) if len(w) > WINDOW_BYTES // 2]
        if found and len(windows) < n:
            windows.append(found[int(generator.integers(len(found)))])
    return windows


def training_text(n_bytes: int) -> bytes:
    """Modules of the standard library that are not held out, in random order."""
    texts = python_texts()
    order: list[int] = np.random.default_rng(1).permutation(len(texts)).tolist()
    return "\n".join(texts[place] for place in order).encode()[:n_bytes]


class Comparison:
    """Windows that nothing has seen, and what models with other rows make of them."""

    def __init__(self, fit: Fit, windows: Sequence[bytes]) -> None:
        """Take the fit as the beginning of every training."""
        self._fit = fit
        self._windows = windows
        self._lessons = lessons_of(windows, fit.source.tokenizer, fit.target, n_bytes=WINDOW_BYTES)

    def bits(self, rows: Rows) -> float:
        """Bits per byte with these rows, layers in float32."""
        return bits_per_byte(self._fit.student(rows), self._lessons)

    def references(self) -> Record:
        """Bits per byte of the old model with its own tokenizer, and where the new one cuts."""
        source, bench = self._fit.source, self._fit.bench
        n_bytes = sum(map(len, self._windows))
        old = [source.tokenizer.encode(window) for window in self._windows]
        new = [bench.target.encode(window) for window in self._windows]
        control = read(source.model, new, starts=bench.starts, spelled=bench.alignment.__getitem__)
        before = read(source.model, old, starts=bench.starts)
        return {"before": before.bits() / n_bytes, "control": control.bits() / n_bytes}

    def trained(self, method: str, seconds: float) -> Record:
        """What a method makes of the fitted rows."""
        rows, curve = self._fit.trained(method, seconds)
        return {
            "bits": self.bits(rows),
            "steps": rows.notes["steps of training"],
            "seconds": rows.notes["seconds of training"],
            "curve": list(curve.bits_per_byte),
        }


def table(records: Records) -> str:
    """The table, as Markdown."""
    rows = {record["key"]: record for record in records}
    given = rows.pop("references")
    gap = rows["mean"]["bits"] - given["control"]
    lines = ["Before {before:.3f}, control {control:.3f} bits per byte.".format(**given)]
    lines += ["", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["bits"]):
        closed = (rows["mean"]["bits"] - row["bits"]) / gap
        steps = f"{row['steps']:.0f}" if "steps" in row else ""
        cells = (name, f"{row['bits']:.3f}", f"{closed:.0%}", steps, f"{row['seconds']:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "```", records.header, "```"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, or go on with, the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--windows", type=int, default=48)
    parser.add_argument("--text-bytes", type=int, default=600_000)
    parser.add_argument("--methods", nargs="+", default=TRAINED, choices=TRAINED)
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args(arguments)
    records = Records(
        FOLDER / "transfer-training.jsonl",
        {name: getattr(options, name) for name in ("minutes", "windows", "text_bytes")},
        run_description("torch", "transformers"),
    )
    fit = Fit(python_tokenizer(), training_text(options.text_bytes))
    made = Comparison(fit, unseen_windows(options.windows))
    if "references" not in records:
        records.add("references", made.references())
        records.add("mean", {"bits": made.bits(mean(fit.task)), "seconds": 0.0})
        fitted = {"bits": made.bits(fit.rows), "seconds": fit.seconds}
        records.add("shared-first, with the text", fitted)
        print(table(records), flush=True)
    for method in options.methods:
        if method not in records:
            records.add(method, made.trained(method, 60 * options.minutes))
            print(table(records), flush=True)
    if options.write_docs:
        replace_block(PAGE, "transfer-training", table(records))


if __name__ == "__main__":
    main()
