r"""Does the test of a missing category hold its level, and how often does it see one?

Tokenizers are trained on random mixes of known text (`mixes.py`), small ones, so that hundreds are
drawn in minutes: shares from Dirichlet(1), at most 3 MB to train on, a vocabulary of 4,000, three
quarters of each text to train on and the rest as its sample. Each mix is inferred with all of its
categories, and without each one that has a tenth or more. The table tells how many of the complete
mixes are rejected at 5%, which should be 5% at most, and how many of those that lack a category, by
its share; beside it what `fits` said of these, and how many intervals held the true shares of
the categories that were left (scaled to sum 1).

Seeds from 1000 on were used to choose the test's two constants; evaluate with others.

    python -m benchmarks.fetch.mixture_texts --corpus .cache/mixture-texts --bibles BIBLES
    python -m benchmarks.mixture.missing --corpus .cache/mixture-texts FOLDER --write-docs

FOLDER holds `lo` (or is not needed, where the first has it), `mw` and `code`, a text file for each
language or programming language. An interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.mixture.mixes import Corpora, Floats, Setting, cut, train
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from tokkit.mixture.estimation.estimator import estimate
from tokkit.mixture.estimation.evidence import Evidence, gather_evidence
from tokkit.mixture.estimation.intervals import intervals
from tokkit.mixture.judging.caveats import fits
from tokkit.mixture.merges.merge_list import merge_list
from tokkit.mixture.samples.counting import count_texts
from tokkit.mixture.samples.word_counts import make_table
from tokkit.mixture.samples.words import WordSplitter

PAGE = ROOT / "docs" / "concepts" / "mixture-estimators.md"
MOST_BYTES = 3e6
VOCABULARY = 4_000
TRAINING_PART = 0.75
LEAST = 0.1
"""Smaller categories are not left out."""
EDGES = (0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
SETTINGS = {
    "help-5": Setting("lo", 5),
    "help-10": Setting("lo", 10),
    "help-8-blocks": Setting("lo", 8, block=40),
    "messages-10": Setting("mw", 10, min_bytes=200_000),
    "code-5": Setting("code", 5),
    "code-10": Setting("code", 10),
    "code-8-blocks": Setting("code", 8, block=40),
}


def draw(corpora: Corpora, name: str, seed: int) -> tuple[Evidence, Floats]:
    """The counts of one mix in samples of all of its categories, and their true shares of bytes."""
    setting = SETTINGS[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    names = [str(each) for each in rng.permutation(corpora.names(setting))][: setting.size]
    texts = [corpora.read(setting.folder, each) for each in names]
    parts = [cut(text, rng, setting.block, TRAINING_PART) for text in texts]
    shares = rng.dirichlet(np.ones(setting.size))
    sizes = np.array([len(part.encode()) for part, _ in parts])
    budget = min(MOST_BYTES, float((sizes / shares).min()))
    training = [
        part.encode()[: int(share * budget)].decode(errors="ignore")
        for (part, _), share in zip(parts, shares, strict=True)
    ]
    trained = np.array([len(text.encode()) for text in training], dtype=np.float64)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = train(training, Path(folder), VOCABULARY)
    splitter = WordSplitter.of(tokenizer)
    words = [count_texts(splitter, [rest.encode()], 1 << 20).words for _, rest in parts]
    evidence = gather_evidence(make_table(words), merge_list(tokenizer))
    return evidence, trained / trained.sum()


def judge(evidence: Evidence, truth: Floats) -> Record:
    """The test, and what intervals and `fits` make of the same counts."""
    found = estimate(evidence)
    low, high = intervals(evidence, found).T
    return {
        "p": found.missing.p_value,
        "rejected": found.missing.is_rejected,
        "lacking": found.missing.n_lacking,
        "tested": found.missing.n_tested,
        "fits": fits(unsupported=found.unsupported, unexplained=found.unexplained),
        "unexplained": found.unexplained,
        "covered": float(((low <= truth) & (truth <= high)).mean()),
    }


def cases(evidence: Evidence, truth: Floats) -> Iterator[Record]:
    """The complete mix, and those without one of its larger categories."""
    yield {"left out": 0.0, **judge(evidence, truth)}
    for category in np.flatnonzero(truth >= LEAST).tolist():
        kept = np.arange(len(truth)) != category
        rest = truth[kept] / truth[kept].sum()
        yield {"left out": float(truth[category]), **judge(evidence.only(kept), rest)}


def row(label: str, found: list[Record]) -> str:
    """How often the test rejects, and what else is said of these mixes."""
    cells = [label, str(len(found))]
    for key, form in (("rejected", ".3f"), ("fits", ".2f"), ("covered", ".2f")):
        cells.append(format(float(np.mean([each[key] for each in found])), form))
    cells += [f"{np.median([each[key] for each in found]):.1%}" for key in ("unexplained",)]
    return "| " + " | ".join(cells) + " |"


def summary(records: Records) -> str:
    """Level by setting and in all, and power by the share that is left out."""
    every = [{**case, "setting": each["setting"]} for each in records for case in each["cases"]]
    complete = [each for each in every if not each["left out"]]
    head = ["mixes", "n", "rejected", "fits", "intervals right", "unexplained (median)"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines.append(row("**complete**", complete))
    for name in SETTINGS:
        chosen = [each for each in complete if each["setting"] == name]
        if chosen:
            lines.append(row(f"complete, {name}", chosen))
    for low, high in pairwise(EDGES):
        chosen = [each for each in every if low <= each["left out"] < high]
        if chosen:
            lines.append(row(f"**without {low:.0%} to {high:.0%}**", chosen))
    return f"```text\n{records.header}\n```\n\n" + "\n".join(lines)


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="folders of texts")
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--mixes", type=int, default=29, help="of each setting (29)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--records", type=Path, default=FOLDER / "mixture-missing.jsonl")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    corpora = Corpora(options.corpus)
    settings = {
        "vocabulary": VOCABULARY,
        "most bytes": MOST_BYTES,
        "training part": TRAINING_PART,
        "mixes": {each: asdict(setting) for each, setting in SETTINGS.items()},
    }
    records = Records(options.records, settings, run_description("tokenizers", "numpy", "scipy"))
    for seed in range(options.first_seed, options.first_seed + options.mixes):
        for name in options.settings:
            if f"{name} {seed}" not in records:
                found = list(cases(*draw(corpora, name, seed)))
                records.add(f"{name} {seed}", {"setting": name, "seed": seed, "cases": found})
                print(name, seed, *(f"{each['left out']:.2f}:{each['p']:.2g}" for each in found))
    text = summary(records)
    print(text, flush=True)
    if options.write_docs:
        replace_block(PAGE, "mixture-missing", text)


if __name__ == "__main__":
    main()
