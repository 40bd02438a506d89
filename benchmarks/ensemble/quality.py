"""Is an ensemble of byte-level models better than the better of them, and where?

Bits per byte of passages of English, code, other languages and formats, and of all kinds in one
text, under each model (canonical semantics, from the start of a text) and under every combination
with equal weights. What the models say of a passage is computed once and kept
(`benchmarks/ensemble/rows.py`) and combined by the objects that `ByteEnsemble` itself steps with;
on the beginning of the first passage the sums are compared with `ByteEnsemble.logprob`. Intervals
are over passages. The reference is the model that is better on that kind of text as a whole, which
is known only afterwards.

Two columns more: `product` with exponents of both signs, the second model's 1.5 and the first one's
-0.5, without a cut, for a byte that is cut has no finite cost; and how many bytes of the text the
usual cut of 0.1 would have ruled out. A last table is about the second half of each passage alone:
without and with a third member, a byte n-gram model of its first half.

    python -m benchmarks.ensemble.quality --passages 3 --bytes 2000 --write-docs
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.ensemble.rows import (
    ENGLISH_AND_CODE,
    Passage,
    RecordedRows,
    add_arguments,
    choose_passages,
)
from benchmarks.shared.bootstrap import paired_interval, ratio_interval, shown
from benchmarks.shared.machine import run_description
from benchmarks.shared.records import Record, Records, run_parser, show_tables
from tokkit.bytelm.ensemble import COMBINATIONS
from tokkit.bytelm.ensembles.combination import Combination, Step
from tokkit.bytelm.ensembles.fixed import DEFAULT_CUT, Product
from tokkit.bytelm.ensembles.names import check_weights, resolve_combination
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

CHECK_BYTES = 100
CHECK_NATS = 1e-3
"""float32 rows; a tree adds in another order than the pass that scored them."""
SIGNED = "-0.5 and 1.5"
CUT = f"cut at {DEFAULT_CUT}, % of bytes"
TWO, THREE = "adaptive, two", "adaptive, and an n-gram model"
ORDER = 6

Rows = NDArray[np.float64]


def ensemble_steps(
    rows: Rows, data: bytes, combination: Combination, weights: list[float] | None = None
) -> Iterator[Step]:
    """What an ensemble expects at each byte of `data`.

    Args:
        rows: float64 (n, at least len(data), 257), the members' next-byte log-probabilities, nats.
        data: the text.
        combination: how.
        weights: equal if not given.
    """
    following = combination.follow(check_weights(weights, len(rows), combination))
    for k, byte in enumerate(data):
        step = following.expect(rows[:, k])
        yield step
        following.push(step, byte)


def ensemble_logprob(
    rows: Rows, data: bytes, combination: Combination, weights: list[float] | None = None
) -> float:
    """Log-probability, nats, of `data` under an ensemble; see `ensemble_steps`."""
    steps = ensemble_steps(rows, data, combination, weights)
    return sum(float(step.row[byte]) for step, byte in zip(steps, data, strict=True))


def n_cut(rows: Rows, data: bytes) -> int:
    """Bytes of `data` that are implausible to the last of two members, as the cut has it."""
    own = rows[-1, range(len(data)), list(data)]
    return int((own < rows[-1, : len(data)].max(axis=1) + math.log(DEFAULT_CUT)).sum())


def byte_ngram(text: bytes) -> tokkit.ByteLM:
    """An n-gram model of bytes, of one text."""
    tokens = (*(bytes([byte]) for byte in range(256)), b"")
    kinds = np.array([TokenKind.NORMAL] * 256 + [TokenKind.SPECIAL], dtype=np.uint8)
    spec = TokenizerSpec("bytes", "bytes", tokens, kinds, {"<end>": 256}, eos_ids=(256,))
    return tokkit.ByteLM(tokkit.NgramLM.train([text], TextTokenizer(spec), order=ORDER))


def measure(rows: Rows, models: list[str], data: bytes) -> dict[str, float]:
    """Bits for the whole of `data`, by model and by combination, and what else the tables need."""
    nats = {
        name: float(rows[i, range(len(data)), list(data)].sum()) for i, name in enumerate(models)
    }
    for combine in COMBINATIONS:
        nats[combine] = ensemble_logprob(rows, data, resolve_combination(combine))
    if len(rows) == 2:
        nats[SIGNED] = ensemble_logprob(rows, data, Product(cut=0.0), [-0.5, 1.5])
    half = len(data) // 2
    while half < len(data) and data[half] & 0xC0 == 0x80:
        half += 1
    ngram = byte_ngram(data[:half]).byte_logprobs(data[half:], prefix=data[:half])
    third = np.concatenate([rows[:, half:], ngram[None]])
    adaptive = resolve_combination("adaptive")
    nats[TWO] = ensemble_logprob(rows[:, half:], data[half:], adaptive)
    nats[THREE] = ensemble_logprob(third, data[half:], adaptive)
    bits = {name: -value / math.log(2) for name, value in nats.items()}
    return bits | {CUT: 100.0 * n_cut(rows, data), "half": float(len(data) - half)}


def check(models: list[str], passage: Passage, recorded: RecordedRows) -> None:
    """Compare `measure` with the library's own models.

    Raises:
        SystemExit: they differ by more than float32 sums in another order do.
    """
    data = passage.data[:CHECK_BYTES]
    rows = np.stack([recorded.of(name, passage) for name in models])[:, : len(data) + 1]
    members = [tokkit.load_lm(name, threads=1) for name in models]
    for combine in COMBINATIONS:
        ours = ensemble_logprob(rows, data, resolve_combination(combine))
        gap = abs(tokkit.ByteEnsemble(members, combine=combine).logprob(data) - ours)
        print(f"{combine}: {gap:.2g} nats from the library's logprob", file=sys.stderr)
        if not gap <= CHECK_NATS:
            raise SystemExit(f"{combine}: combined rows give {gap} nats more or less than logprob")


def grouped(records: list[Record]) -> dict[str, list[Record]]:
    """Records by kind of text, and of several kinds."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["kind"], []).append(record)
    some = [record for record in records if record["kind"] in ENGLISH_AND_CODE]
    return groups | {"English and code": some, "every kind": records}


def better_bits(
    chosen: list[Record], everything: dict[str, list[Record]], models: list[str]
) -> list[float]:
    """For each record the bits of the model that is better on its kind of text."""
    best = {
        kind: min(models, key=lambda name: sum(record["bits"][name] for record in group))
        for kind, group in everything.items()
    }
    return [record["bits"][best[record["kind"]]] for record in chosen]


def table(records: list[Record], models: list[str]) -> str:
    """The page's tables, in Markdown."""
    groups = grouped(records)
    names = [*models, *COMBINATIONS, *([SIGNED] if SIGNED in records[0]["bits"] else [])]
    heads = [*names[len(models) :], CUT]
    rows = [
        "| text | passages, bytes | " + " | ".join(names) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    paired = ["| text | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    halves = [f"| text | {TWO} | {THREE} | difference |", "|---|---|---|---|"]
    for kind, chosen in groups.items():
        sizes = [float(record["n_bytes"]) for record in chosen]
        bits = {name: [record["bits"][name] for record in chosen] for name in chosen[0]["bits"]}
        cells = [shown(ratio_interval(bits[name], sizes)) for name in names]
        rows.append(f"| {kind} | {len(chosen)}, {sum(sizes):,.0f} | " + " | ".join(cells) + " |")
        better = better_bits(chosen, groups, models)
        changes = [_change(bits[name], better) for name in heads[:-1]]
        changes.append(shown(ratio_interval(bits[CUT], sizes), digits=1))
        paired.append(f"| {kind} | " + " | ".join(changes) + " |")
        n_half, two, three = bits["half"], bits[TWO], bits[THREE]
        cells = [shown(ratio_interval(two, n_half)), shown(ratio_interval(three, n_half))]
        cells.append(shown(paired_interval(three, two, n_half), sign="+"))
        halves.append(f"| {kind} | " + " | ".join(cells) + " |")
    return (
        "Bits per byte, with 95% intervals:\n\n"
        + "\n".join(rows)
        + "\n\nDifference to the better model of that kind of text in per cent of its bits, paired "
        "by passage (negative: the ensemble is better):\n\n"
        + "\n".join(paired)
        + "\n\nBits per byte of the second halves, beginning anew there:\n\n"
        + "\n".join(halves)
    )


def _change(bits: list[float], better: list[float]) -> str:
    percent = [100 * (ours - theirs) for ours, theirs in zip(bits, better, strict=True)]
    return shown(ratio_interval(percent, better), digits=1, sign="+")


def run(
    records: Records, todo: Mapping[str, Passage], models: list[str], recorded: RecordedRows
) -> None:
    """Measure what is missing."""
    for key, passage in todo.items():
        rows = np.stack([recorded.of(name, passage) for name in models])
        bits = measure(rows, models, passage.data)
        records.add(key, {"kind": passage.kind, "n_bytes": len(passage.data), "bits": bits})


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = run_parser(__doc__, "ensemble")
    add_arguments(parser, passages=3, n_bytes=2000)
    parser.add_argument("--development", action="store_true", help="passages to choose on")
    options = parser.parse_args()
    texts = choose_passages(
        options.corpus,
        n=options.passages,
        n_bytes=options.bytes,
        development=options.development,
    )
    settings: Record = {"models": options.models, "bytes": options.bytes, "kinds": list(texts)}
    header = run_description("torch", "transformers")
    records = Records(options.records, settings, header)
    todo = {f"{p.kind} {p.key}": p for chosen in texts.values() for p in chosen}
    todo = {key: passage for key, passage in todo.items() if key not in records}
    if todo and not options.no_run:
        recorded = RecordedRows()
        recorded.record(options.models, list(todo.values()))
        run(records, todo, options.models, recorded)
        check(options.models, next(iter(todo.values())), recorded)
    tables = table(list(records), options.models)
    show_tables(records, tables, "ensemble", write_docs=options.write_docs)


if __name__ == "__main__":
    main()
