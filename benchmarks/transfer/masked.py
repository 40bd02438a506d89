"""What does another tokenizer cost a masked model?

The small multilingual encoder of `shared.small_encoder` (a vocabulary of 8,192 tokens for six
languages) gets one of as many tokens for German alone, which cuts German into fewer. The text is of
the ends of the German files, which neither the model nor a tokenizer has seen; `tokkit.transfer`
divides it, and its report has bits per byte of the part that nothing is fitted to: each token
masked once, an eighth of them at a time, and told from all others. *Before*, these are the tokens
of the old tokenizer, of which a word may have several that help each other, so that it is no
measure for the others. The *control* tells the pieces of the new tokenizer from each other, too,
but with the old rows, part by part; a model that tells them at once may be better.

    python -m benchmarks.transfer.masked --corpus FOLDER [--minutes M] [--write-docs]

The encoder is that of `benchmarks.dynamic.encoder`, if it was trained for as many minutes, or is
trained now.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import tokkit
from benchmarks.shared.byte_level_bpe import train_bpe
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.shared.sample_texts import CORPUS
from benchmarks.shared.small_encoder import N_TOKENS, SOURCES, SPECIAL, SmallEncoder

PAGE = ROOT / "docs" / "transfer.md"
LANGUAGE = "de"
COLUMNS = ("method", "bits per byte", "less mean (FVT)", "CPU seconds")
METHODS = ("mean", "first-last", "front-loaded", "shared-first")


def german(encoder: SmallEncoder, part: str, n_bytes: int | None = None) -> str:
    """The same share of each of the German files."""
    texts = [encoder.corpus.part(source, LANGUAGE, part) for source in SOURCES]
    if n_bytes is None:
        return "\n".join(texts)
    share = n_bytes // len(texts)
    return "\n".join(text.encode()[:share].decode(errors="ignore") for text in texts)


def measured(source: Any, target: Any, method: str, text: str) -> Record:
    """What one method gives."""
    start = time.process_time()
    report = tokkit.transfer(source, target, method=method, text=text).report
    bits = report.bits_per_byte
    assert bits is not None
    return {
        "bits": bits.after,
        "before": bits.before,
        "control": bits.control,
        "n_bytes": bits.n_bytes,
        "lengths": [bits.bytes_per_token_before, bits.bytes_per_token_after],
        "copied": report.n_copied,
        "tokens": report.n_tokens,
        "seconds": time.process_time() - start,
    }


def table(records: Records) -> str:
    """The table, as Markdown."""
    rows = {record["key"]: record for record in records}
    mean = rows["mean"]
    lines = [
        "Before {before:.3f}, control {control:.3f} bits per byte, of {n_bytes:,} bytes; "
        "{0:.2f} and {1:.2f} bytes a token; {copied:,} of {tokens:,} tokens are copied.".format(
            *mean["lengths"], **mean
        ),
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
    ]
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["bits"]):
        gap = row["bits"] - mean["bits"]
        cells = (name, f"{row['bits']:.3f}", f"{gap:+.3f}", f"{row['seconds']:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "```", records.header, "```"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, or go on with, the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--minutes", type=float, default=10.0, help="of CPU, for the encoder (10)")
    parser.add_argument("--as-it-is", action="store_true", help="an unfinished encoder")
    parser.add_argument("--text-bytes", type=int, default=90_000)
    parser.add_argument("--into", type=Path, default=FOLDER / "small-encoder")
    parser.add_argument("--records", type=Path, default=FOLDER / "transfer-masked.jsonl")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args(arguments)
    encoder = SmallEncoder(options.corpus, options.into)
    settings = {name: getattr(options, name) for name in ("minutes", "as_it_is", "text_bytes")}
    header = run_description("torch", "transformers", "tokenizers")
    records = Records(options.records, settings, header)
    model = encoder.masked_model(60 * options.minutes, as_it_is=options.as_it_is)
    source = model, encoder.tokenizer
    words = german(encoder, "training")
    target = train_bpe([words], n_tokens=N_TOKENS, special_tokens=SPECIAL)
    text = german(encoder, "figures", options.text_bytes)
    for method in METHODS:
        if method not in records:
            records.add(method, measured(source, target, method, text))
            print(table(records), flush=True)
    if options.write_docs:
        replace_block(PAGE, "transfer-masked", table(records))


if __name__ == "__main__":
    main()
