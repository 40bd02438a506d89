"""Filling gaps without a format: plain models by Bayes' rule, beside a format that was learned.

Five kinds of gap: inside a line, a line, and three lines of Python files that the fine-tuned model
of `benchmarks/fim/train.py` never saw; inside a line and a line of English (`pydoc` topics). Every
method is greedy, or takes the most probable middle that it finds, and must find the end, too:

- one column for each plain model, and for their ensemble (`combine="adaptive"`): `infill` with
  `method="posterior"`;
- with `--model FOLDER`, on Python: `naive tokens` and `infill, both ends` as in
  `benchmarks/fim/quality.py`, and `format, ranked`: what the format gives (by its three ways of
  healing) among the candidates of the first plain model.

Shown are middles that are right to the byte, the similarity of middle and truth (twice the matching
bytes over all, `difflib`), how often the middle that was found is more probable to the model than
the truth, so that no better search would have helped, and CPU seconds a gap.

    python -m benchmarks.fim.posterior --gaps 20 --models smollm2
    python -m benchmarks.fim.posterior --model .cache/smollm2-fim --write-docs
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from time import process_time

import tokkit
from benchmarks.fim.quality import BASELINE, MAX_MIDDLE, PREFIX_BYTES, digest, load_model
from benchmarks.shared.bootstrap import ratio_interval, shown
from benchmarks.shared.cuts import FOLLOWING_BYTES, Gap, line_gaps
from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.machine import run_description
from benchmarks.shared.passages import pydoc_topics
from benchmarks.shared.records import FOLDER, PAGE, Record, Records, replace_block
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.fim_frame import HEALS
from tokkit.bytelm.completion.posterior import DEFAULT_BUDGET, SUFFIX_BYTES, search_middles

INSIDE = "inside the line"
ENSEMBLE, RANKED, BOTH_ENDS = "ensemble", "format, ranked", "infill, both ends"
LINE_BYTES = {1: 60, 3: 150}
"""The longest middle of so many lines."""

Fill = Callable[[Gap, int], tuple[bytes, float | None]]
"""A middle, and its log-probability with the suffix, if it is known."""


def whole_lines(texts: list[bytes], *, n: int, n_lines: int, kind: str, seed: int) -> list[Gap]:
    """Gaps of whole lines, none of them blank, each with its newline."""
    rng = random.Random(seed)
    places = [
        (index, start)
        for index, text in enumerate(texts)
        for start in (at + 1 for at, byte in enumerate(text) if byte == 0x0A)
        if start > PREFIX_BYTES
    ]
    gaps: list[Gap] = []
    for index, start in rng.sample(places, len(places)):
        text = texts[index]
        lines = text[start : start + LINE_BYTES[n_lines] + 1].splitlines(keepends=True)[:n_lines]
        middle = b"".join(lines)
        whole = len(lines) == n_lines and middle.endswith(b"\n")
        if not whole or len(middle) > LINE_BYTES[n_lines] or not all(map(bytes.strip, lines)):
            continue
        end = start + len(middle)
        prefix, suffix = text[start - PREFIX_BYTES : start], text[end : end + FOLLOWING_BYTES]
        if prefix.isascii() and suffix.strip():
            gaps.append(Gap(kind, prefix, middle, suffix))
        if len(gaps) == n:
            break
    return gaps


def all_gaps(n: int) -> list[Gap]:
    """`n` gaps of each kind, in turns."""
    python = [path.read_bytes() for path in python_sources() if held_out(path)]
    english = pydoc_topics()
    kinds: list[list[Gap]] = []
    for language, texts in (("Python", python), ("English", english)):
        inside = line_gaps(texts, n=2 * n, prefix_bytes=PREFIX_BYTES, max_middle=MAX_MIDDLE)
        chosen = [gap for gap in inside if gap.kind == INSIDE][:n]
        kinds.append([Gap(f"{language}, {INSIDE}", g.prefix, g.middle, g.suffix) for g in chosen])
        for n_lines, name in ((1, "a line"), (3, "three lines")):
            if language == "Python" or n_lines == 1:
                kind = f"{language}, {name}"
                kinds.append(whole_lines(texts, n=n, n_lines=n_lines, kind=kind, seed=n_lines))
    return [kind[k] for k in range(n) for kind in kinds if k < len(kind)]


def room(gap: Gap) -> int:
    """The longest middle that a method may write."""
    if gap.kind.endswith(INSIDE):
        return MAX_MIDDLE
    return LINE_BYTES[3 if "three" in gap.kind else 1]


def by_posterior(lm: ByteModel, budget: int) -> Fill:
    """The best middle that a search finds."""

    def fill(gap: Gap, max_bytes: int) -> tuple[bytes, float | None]:
        found = search_middles(
            lm, gap.prefix, gap.suffix, max_bytes=max_bytes, budget=budget, seed=0
        ).found[0]
        return found.data, found.logprob

    return fill


def by_format(tuned: tokkit.ByteLM) -> Fill:
    """`infill` with both ends healed."""

    def fill(gap: Gap, max_bytes: int) -> tuple[bytes, float | None]:
        middle = tokkit.infill(
            tuned,
            gap.prefix,
            gap.suffix,
            heal="both",
            unit="token",
            temperature=0,
            max_bytes=max_bytes,
        )
        return middle, None

    return fill


def naive(tuned: tokkit.ByteLM) -> Fill:
    """The prompt tokenized as it stands, and tokens after it."""

    def fill(gap: Gap, max_bytes: int) -> tuple[bytes, float | None]:
        opened = tokkit.Infilling(tuned, gap.prefix, gap.suffix, heal="none")
        drawn = opened.stream(max_bytes=max_bytes, unit="token", temperature=0)
        return b"".join(drawn), None

    return fill


def ranked(tuned: tokkit.ByteLM, lm: ByteModel, budget: int) -> Fill:
    """What the format gives, among the candidates of a plain model."""

    def fill(gap: Gap, max_bytes: int) -> tuple[bytes, float | None]:
        given = [
            tokkit.infill(
                tuned,
                gap.prefix,
                gap.suffix,
                heal=heal,
                unit="token",
                temperature=0,
                max_bytes=max_bytes,
            )
            for heal in HEALS
        ]
        found = search_middles(
            lm,
            gap.prefix,
            gap.suffix,
            max_bytes=max_bytes,
            budget=budget,
            candidates=given,
            seed=0,
        ).found[0]
        return found.data, found.logprob

    return fill


def measure(gap: Gap, methods: Mapping[str, Fill], models: Mapping[str, ByteModel]) -> Record:
    """Every method on one gap."""
    results: dict[str, Record] = {}
    for name, fill in methods.items():
        began = process_time()
        middle, logprob = fill(gap, room(gap))
        seconds = process_time() - began
        judge = models.get(name)
        likelier = 0.0
        if judge is not None and logprob is not None and middle != gap.middle:
            truth = judge.logprob(gap.middle + gap.suffix[:SUFFIX_BYTES], prefix=gap.prefix)
            likelier = float(logprob > truth)
        results[name] = {
            "exact": float(middle == gap.middle),
            "similar": SequenceMatcher(None, middle, gap.middle, autojunk=False).ratio(),
            "likelier": likelier,
            "seconds": seconds,
        }
    return {"kind": gap.kind, "n_bytes": len(gap.middle), "results": results}


def table(records: list[Record], key: str, *, scale: float, digits: int) -> str:
    """One figure of every method, by kind of gap."""
    names = list(dict.fromkeys(name for record in records for name in record["results"]))
    lines = ["| gaps | n | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for kind in dict.fromkeys(record["kind"] for record in records):
        chosen = [record["results"] for record in records if record["kind"] == kind]
        cells: list[str] = []
        for name in names:
            values = [scale * results[name][key] for results in chosen if name in results]
            shares = ratio_interval(values, [1.0] * len(values)) if values else None
            cells.append("" if shares is None else shown(shares, digits=digits))
        lines.append(f"| {kind} | {len(chosen)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(records: Records) -> str:
    """The page's section, in Markdown."""
    found = list(records)
    return (
        f"```text\n{records.header}\n```\n\nGaps filled exactly, per cent:\n\n"
        f"{table(found, 'exact', scale=100, digits=1)}\n\nSimilarity to the truth, per cent:\n\n"
        f"{table(found, 'similar', scale=100, digits=1)}\n\n"
        "Wrong, and more probable to the model than the truth, per cent:\n\n"
        f"{table(found, 'likelier', scale=100, digits=1)}\n\nCPU seconds a gap:\n\n"
        f"{table(found, 'seconds', scale=1, digits=1)}"
    )


def run(records: Records, gaps: list[Gap], options: argparse.Namespace) -> None:
    """Measure what is missing."""
    todo = [index for index in range(len(gaps)) if str(index) not in records]
    if not todo:
        return
    models: dict[str, ByteModel] = {
        name: tokkit.load_lm(name, threads=1) for name in options.models
    }
    plain = next(iter(models.values()))
    if len(models) > 1:
        models[ENSEMBLE] = tokkit.ByteEnsemble(list(models.values()), combine="adaptive")
    methods = {name: by_posterior(lm, options.budget) for name, lm in models.items()}
    formats: dict[str, Fill] = {}
    if options.model is not None:
        tuned = load_model(options.model)
        formats = {BASELINE: naive(tuned), BOTH_ENDS: by_format(tuned)}
        formats[RANKED] = ranked(tuned, plain, options.budget)
    for index in todo:
        gap = gaps[index]
        more = formats if gap.kind.startswith("Python") else {}
        records.add(str(index), measure(gap, {**more, **methods}, models))
        print(index, file=sys.stderr, flush=True)


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--model", type=Path, help="a folder that train.py wrote")
    parser.add_argument("--gaps", type=int, default=40, help="of each kind")
    parser.add_argument("--budget", type=int, default=DEFAULT_BUDGET, help="passes a gap")
    parser.add_argument("--records", type=Path, default=FOLDER / "fim-posterior.jsonl")
    parser.add_argument("--no-run", action="store_true", help="only show what has been measured")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"put the tables into {PAGE.name}"
    )
    options = parser.parse_args()
    settings: Record = {
        "models": options.models,
        "weights": None if options.model is None else digest(options.model),
        "gaps": options.gaps,
        "budget": options.budget,
    }
    records = Records(options.records, settings, run_description("torch", "transformers"))
    if not options.no_run:
        run(records, all_gaps(options.gaps), options)
    text = report(records)
    print(text)
    if options.write_docs:
        replace_block(PAGE, "fim-posterior", text)


if __name__ == "__main__":
    main()
