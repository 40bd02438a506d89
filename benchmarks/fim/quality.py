"""Filling in the middle: naive prompts beside `tokkit.infill`, on held-out Python files.

The model is the one that `benchmarks/fim/train.py` makes: SmolLM2-135M after a short fine-tuning on
the standard library, in which prefix, middle and suffix were cut at random characters and tokenized
apart. The files are those that it never saw in that (SmolLM2 itself surely has). A gap begins at a
random byte inside a line and ends with the line, or at a random byte before that. Every method is
greedy, and must write the middle and nothing else; a second table gives its size away:

- `naive tokens`: the prompt in the model's format, each part tokenized as it stands, then tokens.
- `infill, unhealed`: the same prompt, and exact bytes after it (`heal="none"`).
- `infill`: the default (`heal="prefix"`), by bytes.
- `infill, tokens`: the default, by tokens.
- `infill, both ends`: `heal="both"`, by tokens.
- `left to right`: the prefix alone, by bytes; nothing says where the middle ends. The fine-tuned
  model, and the one that it was made of.

Bits per byte of the middle: of its tokens, unmasked (`naive tokens`), or canonical by bytes;
without and with the end of the middle. `heal="both"` has only a bound (`Infilling.logprob`), which
is not shown.

    python -m benchmarks.fim.train --out .cache/smollm2-fim
    python -m benchmarks.fim.quality --model .cache/smollm2-fim --write-docs
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.shared.agreement import agreement, bits_of
from benchmarks.shared.bootstrap import paired_interval, ratio_interval, shown
from benchmarks.shared.cuts import Gap, common_prefix, line_gaps
from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.machine import run_description
from benchmarks.shared.records import Record, Records, run_parser, show_tables
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.completion.fim_frame import Heal
from tokkit.bytelm.completion.infilling import Infilling
from tokkit.bytelm.token_models.protocol import open_session

BASELINE = "naive tokens"
FILLING = (BASELINE, "infill, unhealed", "infill", "infill, tokens", "infill, both ends")
METHODS = (*FILLING, "left to right", "left to right, base")
SCORED = (BASELINE, "infill, unhealed", "infill", "left to right", "left to right, base")
WITH_END = (BASELINE, "infill, unhealed", "infill")
PREFIX_BYTES = 250
MAX_MIDDLE = 40
BASE = "smollm2"

Rows = NDArray[np.float64]


def load_model(folder: Path) -> tokkit.ByteLM:
    """The fine-tuned model; texts begin after the token that they began after in training."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return tokkit.load_lm(folder, threads=1, bos_ids=[config["bos_token_id"]])


def naive_tokens(gap: Infilling, middle: bytes) -> tuple[float, float, int]:
    """Bits of the tokens of the middle, bits of the end after them, and bytes that agree.

    The end of the middle counts as one more byte that agrees.
    """
    token_lm = gap.lm.token_lm
    tokenizer = token_lm.tokenizer
    ends = sorted({*gap.format.ids(tokenizer).ends, *token_lm.eos_ids})
    session = open_session(token_lm)
    node = session.root
    for token in gap.frame.ids:
        node = session.extend(node, token)
    ids = tokenizer.encode(middle, normalize=False)
    nodes = [node]
    for token in ids:
        nodes.append(session.extend(nodes[-1], token))
    rows = session.logprobs(nodes).astype(np.float64)
    bits = float(-rows[np.arange(len(ids)), ids].sum() / math.log(2))
    end_bits = float(-np.logaddexp.reduce(rows[-1, ends]) / math.log(2))
    text, row = b"", rows[0]
    while True:
        token = int(row.argmax())
        piece = tokenizer.token_bytes(token)
        if token in ends or not piece:
            return bits, end_bits, len(text) + (token in ends and text == middle)
        text += piece
        if not middle.startswith(text):
            return bits, end_bits, common_prefix(text, middle)
        node = session.extend(node, token)
        row = session.logprobs([node])[0]


def greedy_agreement(rows: Rows, middle: bytes) -> int:
    """How many bytes of `middle` the most probable bytes agree with, its end being one more.

    Args:
        rows: float64 (len(middle) + 1, 257), nats.
        middle: what is wanted.
    """
    right = rows.argmax(axis=1) == [*middle, END]
    return len(right) if right.all() else int(right.argmin())


def measure(lm: tokkit.ByteLM, base: tokkit.ByteLM, gap: Gap) -> Record:
    """All methods on one gap: bytes that agree, bits of the middle and of its end."""
    matched: dict[str, int] = {}
    bits: dict[str, float] = {}
    end_bits: dict[str, float] = {}
    heals: dict[str, Heal] = {"infill, unhealed": "none", "infill": "prefix"}
    for name, heal in heals.items():
        opened = Infilling(lm, gap.prefix, gap.suffix, heal=heal)
        rows = opened.lm.open_after(opened.frame.ids, opened.frame.begins).score(gap.middle)
        matched[name] = greedy_agreement(rows, gap.middle)
        bits[name] = bits_of(rows, gap.middle)
        end_bits[name] = float(-rows[-1, END] / math.log(2))
        if heal == "none":
            measured = naive_tokens(opened, gap.middle)
            bits[BASELINE], end_bits[BASELINE], matched[BASELINE] = measured
        else:
            stream = opened.stream(max_bytes=len(gap.middle) + 1, unit="token", temperature=0)
            matched["infill, tokens"] = agreement(stream, gap.middle)
    both = tokkit.infill(
        lm,
        gap.prefix,
        gap.suffix,
        heal="both",
        unit="token",
        temperature=0,
        max_bytes=MAX_MIDDLE,
    )
    matched["infill, both ends"] = common_prefix(both, gap.middle) + (both == gap.middle)
    for name, model in (("left to right", lm), ("left to right, base", base)):
        rows = model.open(gap.prefix).score(gap.middle)
        right = rows[:-1].argmax(axis=1) == list(gap.middle)
        matched[name] = len(right) if right.all() else int(right.argmin())
        bits[name] = bits_of(rows, gap.middle)
    return {
        "kind": gap.kind,
        "n_bytes": len(gap.middle),
        "matched": matched,
        "bits": bits,
        "end_bits": end_bits,
    }


def run(records: Records, gaps: list[Gap], folder: Path) -> None:
    """Measure what is missing."""
    todo = [index for index in range(len(gaps)) if str(index) not in records]
    if not todo:
        return
    lm = load_model(folder)
    base = tokkit.load_lm(BASE, threads=1)
    for index in todo:
        records.add(str(index), measure(lm, base, gaps[index]))
        print(index, file=sys.stderr, flush=True)


def match_table(groups: dict[str, list[Record]], *, with_end: bool) -> str:
    """Per cent of gaps whose middle is right, and the difference to the baseline."""
    methods = FILLING if with_end else METHODS
    lines = ["| gaps | n | " + " | ".join(methods) + " |", "|---|---|" + "---|" * len(methods)]
    for name, chosen in groups.items():
        hits = {
            method: [
                100.0 * (record["matched"][method] >= record["n_bytes"] + with_end)
                for record in chosen
            ]
            for method in methods
        }
        ones = [1.0] * len(chosen)
        cells = [cell(hits, method, ones, digits=1) for method in methods]
        lines.append(f"| {name} | {len(chosen)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def bits_table(groups: dict[str, list[Record]], *, with_end: bool) -> str:
    """Bits per byte of the middles, and the difference to the baseline."""
    methods = WITH_END if with_end else SCORED
    lines = ["| gaps | bytes | " + " | ".join(methods) + " |", "|---|---|" + "---|" * len(methods)]
    for name, chosen in groups.items():
        sizes = [float(record["n_bytes"]) for record in chosen]
        bits = {
            method: [
                record["bits"][method] + (record["end_bits"][method] if with_end else 0.0)
                for record in chosen
            ]
            for method in methods
        }
        cells = [cell(bits, method, sizes, digits=3) for method in methods]
        lines.append(f"| {name} | {sum(sizes):,.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(values: dict[str, list[float]], method: str, sizes: list[float], *, digits: int) -> str:
    """A figure with its interval, and under it the paired difference to the baseline."""
    text = shown(ratio_interval(values[method], sizes), digits=digits)
    if method == BASELINE:
        return text
    difference = paired_interval(values[method], values[BASELINE], sizes)
    return f"{text}<br>{shown(difference, digits=digits, sign='+')}"


def report(records: Records) -> str:
    """The page's section, in Markdown."""
    everything = list(records)
    groups = {"all": everything}
    for kind in dict.fromkeys(record["kind"] for record in everything):
        groups[kind] = [record for record in everything if record["kind"] == kind]
    return (
        "Gaps filled exactly, per cent; under it the paired difference to naive tokens:\n\n"
        f"{match_table(groups, with_end=True)}\n\n"
        "The same if the size of the middle is given away, so that it need not end by itself:\n\n"
        f"{match_table(groups, with_end=False)}\n\n"
        "Bits per byte of the middle, its end not included:\n\n"
        f"{bits_table(groups, with_end=False)}\n\nIts end included:\n\n"
        f"{bits_table(groups, with_end=True)}"
    )


def digest(folder: Path) -> str:
    """Of the weights, so that results of different ones are never mixed."""
    with (folder / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = run_parser(__doc__, "fim")
    parser.add_argument("--model", type=Path, required=True, help="a folder that train.py wrote")
    parser.add_argument("--gaps", type=int, default=150)
    options = parser.parse_args()
    settings: Record = {
        "weights": digest(options.model),
        "prefix_bytes": PREFIX_BYTES,
        "max_middle": MAX_MIDDLE,
    }
    records = Records(options.records, settings, run_description("torch", "transformers"))
    texts = [path.read_bytes() for path in python_sources() if held_out(path)]
    gaps = line_gaps(texts, n=options.gaps, prefix_bytes=PREFIX_BYTES, max_middle=MAX_MIDDLE)
    if not options.no_run:
        run(records, gaps, options.model)
    show_tables(records, report(records), "fim", write_docs=options.write_docs)


if __name__ == "__main__":
    main()
