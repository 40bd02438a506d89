"""Filling gaps without a format: plain models by Bayes' rule, beside a format that was learned.

Five kinds of gap: inside a line, a line, and three lines of Python files that the fine-tuned model
of `benchmarks/fim/train.py` never saw (inside a line, those of `benchmarks/fim/quality.py`); inside
a line and a line of English (`pydoc` topics). Every method is greedy, or takes the most probable
middle that it finds, and must find the end, too:

- one column for each plain model, and for their ensemble (`combine="adaptive"`): `infill` with
  `method="posterior"`;
- with `--model FOLDER`, on Python: `naive tokens` and `infill, both ends` as in
  `benchmarks/fim/quality.py`, and `format, ranked`: what the format gives (by its three ways of
  healing) among the candidates of the first plain model.

The search was tuned on other gaps, which `--development` takes: of Python files that the
fine-tuning saw, and of the other half of the topics.

Shown are middles that are right to the byte, the similarity of middle and truth (twice the matching
bytes over all, `difflib`), how often the middle that was found is more probable to the model than
the truth, so that no better search would have helped, and CPU seconds a gap. A record is kept of
each method on each gap, so a run with more gaps, kinds or models goes on from the last one.

    python -m benchmarks.fim.posterior --gaps 20 --models smollm2 --kinds "inside the line"
    python -m benchmarks.fim.posterior --model .cache/smollm2-fim --write-docs
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
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
from benchmarks.shared.records import Record, Records, run_parser, show_tables
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


def all_gaps(n: int, *, development: bool = False) -> dict[str, list[Gap]]:
    """`n` gaps of each kind, by kind."""
    python = [path.read_bytes() for path in python_sources() if held_out(path) != development]
    topics = pydoc_topics()
    english = topics[: len(topics) // 2] if development else topics[len(topics) // 2 :]
    kinds: dict[str, list[Gap]] = {}
    for language, texts in (("Python", python), ("English", english)):
        inside = line_gaps(texts, n=2 * n, prefix_bytes=PREFIX_BYTES, max_middle=MAX_MIDDLE)
        name = f"{language}, {INSIDE}"
        kinds[name] = [Gap(name, g.prefix, g.middle, g.suffix) for g in inside if g.kind == INSIDE][
            :n
        ]
    for language, texts, n_lines, name in (
        ("Python", python, 1, "a line"),
        ("English", english, 1, "a line"),
        ("Python", python, 3, "three lines"),
    ):
        kind = f"{language}, {name}"
        kinds[kind] = whole_lines(texts, n=n, n_lines=n_lines, kind=kind, seed=n_lines)
    return kinds


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


def measure(gap: Gap, fill: Fill, judge: ByteModel | None) -> Record:
    """A method on one gap; `judge` tells how probable the truth is."""
    began = process_time()
    middle, logprob = fill(gap, room(gap))
    seconds = process_time() - began
    likelier = 0.0
    if judge is not None and logprob is not None and middle != gap.middle:
        truth = judge.logprob(gap.middle + gap.suffix[:SUFFIX_BYTES], prefix=gap.prefix)
        likelier = float(logprob > truth)
    return {
        "exact": float(middle == gap.middle),
        "similar": SequenceMatcher(None, middle, gap.middle, autojunk=False).ratio(),
        "likelier": likelier,
        "seconds": seconds,
    }


def table(records: list[Record], key: str, *, scale: float, digits: int) -> str:
    """One figure of every method, by kind of gap."""
    names = list(dict.fromkeys(record["method"] for record in records))
    lines = ["| gaps | n | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for kind in dict.fromkeys(record["kind"] for record in records):
        own = [record for record in records if record["kind"] == kind]
        values = {
            name: [scale * record[key] for record in own if record["method"] == name]
            for name in names
        }
        cells = [
            shown(ratio_interval(each, [1.0] * len(each)), digits=digits) if each else ""
            for each in values.values()
        ]
        sizes = dict.fromkeys(str(len(each)) for each in values.values() if each)
        lines.append(f"| {kind} | {', '.join(sizes)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(records: Records) -> str:
    """The page's section, in Markdown."""
    found = list(records)
    searched = [record for record in found if "weights" not in record]
    return (
        f"Gaps filled exactly, per cent:\n\n"
        f"{table(found, 'exact', scale=100, digits=1)}\n\nSimilarity to the truth, per cent:\n\n"
        f"{table(found, 'similar', scale=100, digits=1)}\n\n"
        "Wrong, and more probable to the model than the truth, per cent:\n\n"
        f"{table(searched, 'likelier', scale=100, digits=1)}\n\nCPU seconds a gap:\n\n"
        f"{table(found, 'seconds', scale=1, digits=1)}"
    )


def run(
    records: Records, gaps: dict[str, list[Gap]], names: list[str], tuned: Path | None, budget: int
) -> None:
    """Measure what is missing.

    Args:
        records: to add to.
        gaps: by kind.
        names: of the plain models.
        tuned: the folder of the fine-tuned model.
        budget: of each search.
    """
    n_most = max(map(len, gaps.values()))
    turns = [(kind, k) for k in range(n_most) for kind, own in gaps.items() if k < len(own)]
    wanted = [*names, *([ENSEMBLE] if len(names) > 1 else [])]
    of_format = [] if tuned is None else [BASELINE, BOTH_ENDS, RANKED]
    todo = [
        (kind, k, name)
        for kind, k in turns
        for name in [*wanted, *(of_format if kind.startswith("Python") else [])]
        if f"{kind} {k} {name}" not in records
    ]
    if not todo:
        return
    weights = None if tuned is None else digest(tuned)
    if {record["weights"] for record in records if record["method"] in of_format} - {weights}:
        raise SystemExit("the records are of another fine-tuned model; name another file")
    models: dict[str, ByteModel] = {name: tokkit.load_lm(name, threads=1) for name in names}
    if len(names) > 1:
        models[ENSEMBLE] = tokkit.ByteEnsemble(list(models.values()), combine="adaptive")
    methods = {name: by_posterior(lm, budget) for name, lm in models.items()}
    if tuned is not None:
        lm = load_model(tuned)
        methods |= {BASELINE: naive(lm), BOTH_ENDS: by_format(lm)}
        methods[RANKED] = ranked(lm, models[names[0]], budget)
    for kind, k, name in todo:
        result = measure(gaps[kind][k], methods[name], models.get(name))
        source = {"weights": weights} if name in of_format else {}
        records.add(f"{kind} {k} {name}", {"kind": kind, "method": name, **source, **result})
        print(kind, k, name, file=sys.stderr, flush=True)


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = run_parser(__doc__, "fim-posterior")
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--model", type=Path, help="a folder that train.py wrote")
    parser.add_argument("--gaps", type=int, default=40, help="of each kind")
    parser.add_argument(
        "--kinds", nargs="+", default=[""], help="those whose names have one of these"
    )
    parser.add_argument("--budget", type=int, default=DEFAULT_BUDGET, help="passes a gap")
    parser.add_argument("--development", action="store_true", help="gaps to choose on")
    options = parser.parse_args()
    settings: Record = {
        "budget": options.budget,
        "development": options.development,
    }
    records = Records(options.records, settings, run_description("torch", "transformers"))
    gaps = {
        kind: own
        for kind, own in all_gaps(options.gaps, development=options.development).items()
        if any(part in kind for part in options.kinds)
    }
    if not options.no_run:
        run(records, gaps, options.models, options.model, options.budget)
    show_tables(records, report(records), "fim-posterior", write_docs=options.write_docs)


if __name__ == "__main__":
    main()
