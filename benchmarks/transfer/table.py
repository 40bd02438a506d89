"""What does each method of transfer cost, in bits per byte, time and memory?

SmolLM2 gets a code tokenizer (16,384 tokens, identifiers with a call's parenthesis and line breaks
with their indent whole), trained here on the standard library. The figures are of windows of some
1.5 kB of installed libraries' code, which neither the tokenizer, nor a fit, nor any choice has
seen. Bits are per byte of text, and what precedes a window is not scored. `control` is the old
model where the new tokenizer cuts; `closed` is the share of the gap between `mean` (FVT) and the
control that is closed. Seconds are of CPU, the figures of the transfer's own report included.

    python -m benchmarks.transfer.table [--windows N] [--methods NAME ...] [--write-docs]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.transfer.targets import python_tokenizer
from benchmarks.transfer.texts import library_text, library_windows, standard_library_text
from tokkit.hypernets.alignment import align
from tokkit.hypernets.bench import starting_ids
from tokkit.hypernets.methods import METHODS
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.transfer import transfer
from tokkit.hypernets.windows import read
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

PAGE = ROOT / "docs" / "transfer.md"
COLUMNS = ("method", "bits per byte", "closed", "seconds", "peak GB")


def score(model: Any, windows: Sequence[Sequence[int]], starts: Sequence[int]) -> float:
    """Bits of all windows."""
    return read(model, windows, starts=starts).bits()


def references(source: SourceModel, target: TextTokenizer, windows: list[bytes]) -> Record:
    """Bits per byte of the old model, with its own tokenizer and where the new one cuts."""
    n_bytes = sum(map(len, windows))
    starts = starting_ids(source)
    old = [source.tokenizer.encode(window) for window in windows]
    new = [target.encode(window) for window in windows]
    alignment = align(source.tokenizer, target)
    control = read(source.model, new, starts=starts, spelled=alignment.__getitem__)
    pieces = [piece for window in new for piece in window]
    return {
        "before": score(source.model, old, starts) / n_bytes,
        "control": control.bits() / n_bytes,
        "bytes a token before": n_bytes / sum(map(len, old)),
        "bytes a token after": n_bytes / len(pieces),
        "new tokens": float((~alignment.copied[pieces]).mean()),
    }


def row_of(
    source: SourceModel, target: Any, windows: list[bytes], method: str, text: str | None
) -> Record:
    """What one method gives."""
    before = time.process_time()
    result = transfer((source.model, source.tokenizer), target, method=method, text=text)
    seconds = time.process_time() - before
    made = SourceModel(result.model, result.exported.text, "made", source.layers)
    tokens = [made.tokenizer.encode(window) for window in windows]
    bits = score(made.model, tokens, starting_ids(made)) / sum(map(len, windows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"bits": bits, "seconds": seconds, "peak": peak, "notes": dict(result.report.notes)}


def table(records: Records) -> str:
    """The table, as Markdown."""
    rows = {record["key"]: record for record in records}
    given = rows.pop("references")
    fvt = rows.get("mean", {}).get("bits", float("nan"))
    gap = fvt - given["control"]
    lines = [
        "Before {before:.3f}, control {control:.3f} bits per byte; {bytes a token before:.2f} and "
        "{bytes a token after:.2f} bytes a token; {new tokens:.0%} of the text's tokens are "
        "new.".format(**given)
    ]
    lines += ["", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["bits"]):
        cells = (f"{row['bits']:.3f}", f"{(fvt - row['bits']) / gap:.0%}", f"{row['seconds']:.0f}")
        lines.append(f"| {' | '.join((name, *cells, format(row['peak'], '.1f')))} |")
    return "\n".join([*lines, "", "```", records.header, "```"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, or go on with, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=72)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args(arguments)
    records = Records(
        FOLDER / "transfer-python.jsonl",
        {"windows": options.windows},
        run_description("torch", "transformers", "tokenizers"),
    )
    target = python_tokenizer()
    source = load_source("smollm2")
    windows = library_windows(options.windows)
    if "references" not in records:
        records.add("references", references(source, load_tokenizer(target), windows))
    for method in options.methods:
        texts: dict[str, str | None] = {"": None}
        if METHODS[method].reads_text:
            texts[", with a text of the windows' kind"] = library_text()
            texts[", with a text of another kind"] = standard_library_text()
        for label, text in texts.items():
            if method + label not in records:
                records.add(method + label, row_of(source, target, windows, method, text))
                print(table(records), flush=True)
    if options.write_docs:
        replace_block(PAGE, "transfer-python", table(records))


if __name__ == "__main__":
    main()
