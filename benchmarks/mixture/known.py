r"""How close do inferred data mixtures come to known ones?

Tokenizers are trained on known random mixes (`mixes.py`), and the mixes inferred from
samples. Columns:

- `default`: `tokkit.mixture.estimation.estimator`; with the share of the true shares that its 90%
  intervals cover, and those of the fit alone (`inflation=1`, `floor=0`).
- `linear program`: the published objective on the same counts (`--lp N`, the first N merges).
- `classes`: the published baseline "token classification". Each token goes to the category whose
  sample holds it most often; shares are counts of tokens (here: of merges, when they are made).
- `efficiency`: the published baseline "tokenizer encoding efficiency". The log of a share is linear
  in the log of the bytes a token of the category's text, over those of a tokenizer of the same size
  trained on that text alone; the line is fitted to the other mixes. For five categories only.
- `uniform`: guessing equal shares.

Samples that the mixes do not name: `decoys` adds categories with no share to `disjoint`; `left out`
removes the one with the largest share (errors are then of the others, renormalised); `twins summed`
counts Portuguese of Portugal and of Brazil as one.

Seeds from 1000 on were used to choose the default estimator; evaluate with others.

    python -m benchmarks.fetch.mixture_texts --corpus .cache/mixture-texts --bibles BIBLES
    python -m benchmarks.mixture.known --corpus .cache/mixture-texts FOLDER --write-docs
    python -m benchmarks.mixture.known --corpus .cache/mixture-texts FOLDER --mixes 5 --lp 3000 \
        --settings languages-5 languages-10 --write-docs

FOLDER holds `code` and `man`, a text file for each programming language and language.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mixture.mixes import (
    MAX_TRAINING_BYTES,
    SETTINGS,
    TRAINING_PART,
    TWINS,
    VOCABULARY,
    Corpora,
    Floats,
    Mix,
    train,
)
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from tokkit.mixture.estimation.estimator import estimate
from tokkit.mixture.estimation.evidence import Evidence, gather_evidence
from tokkit.mixture.estimation.intervals import intervals
from tokkit.mixture.estimation.linear_program import solve_linear_program
from tokkit.mixture.merges.merge_list import MergeList, merge_list
from tokkit.mixture.samples.counting import count_texts
from tokkit.mixture.samples.word_counts import WordCounts, WordTable, make_table
from tokkit.mixture.samples.words import WordSplitter
from tokkit.text.tokenizer import TextTokenizer

PAGE = ROOT / "docs" / "concepts" / "mixture-estimators.md"
VARIANTS = ("same", "superset", "disjoint", "shifted", "twins summed", "decoys", "left out")
MOST_EFFICIENCIES = 5
"""More categories have no `efficiency`: each needs a tokenizer of its own."""


def words_of(tokenizer: TextTokenizer, texts: dict[str, str]) -> dict[str, WordCounts]:
    """The words of each text."""
    splitter = WordSplitter.of(tokenizer)
    return {
        name: count_texts(splitter, [text.encode()], 1 << 20).words for name, text in texts.items()
    }


def log_error(found: Floats, truth: Floats) -> float:
    """log10 of the mean squared error of shares, not below that of float64."""
    return float(np.log10(max(1e-32, float(np.mean((found - truth) ** 2)))))


def covered(bounds: Floats, truth: Floats) -> float:
    """The share of true values between bounds."""
    return float(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean())


def judge(evidence: Evidence, truth: Floats) -> Record:
    """The errors of the default estimator and of the baselines, coverage and time."""
    start = time.process_time()
    found = estimate(evidence)
    bounds = intervals(evidence, found)
    seconds = time.process_time() - start
    most = (evidence.merged / evidence.totals)[evidence.merged.any(axis=1)].argmax(axis=1)
    tokens = np.bincount(most, minlength=len(truth))
    record = {
        "default": log_error(found.weights, truth),
        "classes": log_error(tokens / tokens.sum(), truth),
        "uniform": log_error(np.full(len(truth), 1 / len(truth)), truth),
        "seconds": seconds,
        "coverage": covered(bounds, truth),
        "bare coverage": covered(intervals(evidence, found, inflation=1, floor=0), truth),
        "width": float(np.mean(bounds[:, 1] - bounds[:, 0])),
        "unexplained": found.unexplained,
        "merges used": found.n_used,
        "truth": truth.tolist(),
        "shares": found.weights.tolist(),
    }
    if (truth == 0).any():
        record["coverage of zero"] = covered(bounds[truth == 0], truth[truth == 0])
    return record


def bytes_a_token(evidence: Evidence) -> Floats:
    """float64 (c,), after all merges: each occurrence of a merged pair is one token less."""
    return evidence.n_bytes / (evidence.n_bytes - evidence.merged.sum(axis=0))


def relative_efficiency(evidence: Evidence, texts: list[str]) -> list[float]:
    """Bytes a token of each text, over those of a tokenizer of that text alone."""
    alone: list[float] = []
    for text in texts:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = train([text], Path(folder))
        table = make_table([*words_of(tokenizer, {"": text}).values()])
        own = gather_evidence(table, merge_list(tokenizer), snapshots=())
        alone.append(float(bytes_a_token(own)[0]))
    return (bytes_a_token(evidence) / np.array(alone)).tolist()


def solve_program(table: WordTable, evidence: Evidence, merges: MergeList, truth: Floats) -> Record:
    """The error of the linear program, and its time."""
    start = time.process_time()
    solution = solve_linear_program(table, merges)
    shares = evidence.bytes_from_pairs(solution.weights)
    return {
        "linear program": log_error(shares, truth),
        "lp seconds": time.process_time() - start,
        "lp status": solution.status,
        "lp objective": solution.objective,
        "lp rows": solution.n_rows,
        "lp shares": shares.tolist(),
    }


def rows(mix: Mix, lp: int) -> Iterator[tuple[str, Record]]:
    """The results of one mix, a record for each sample."""
    merges = merge_list(mix.tokenizer)
    words: dict[str, WordCounts] = {}
    for sample, texts in mix.samples.items():
        words = words_of(mix.tokenizer, texts)
        table = make_table([words[name] for name in mix.names])
        evidence = gather_evidence(table, merges)
        record = judge(evidence, mix.truth)
        if sample == "disjoint" and len(mix.names) <= MOST_EFFICIENCIES:
            chosen = [texts[name] for name in mix.names]
            record["efficiency"] = relative_efficiency(evidence, chosen)
        if lp:
            few = MergeList(merges.pairs[:lp], merges.units, merges.spellings)
            record |= solve_program(table, evidence, few, mix.truth)
        yield sample, record
        if sample == "disjoint" and set(TWINS) <= set(mix.names):
            shares = np.array(record["shares"])
            twins = [mix.names.index(name) for name in TWINS]
            error = log_error(summed(shares, twins), summed(mix.truth, twins))
            yield "twins summed", {"default": error}
    if "disjoint" not in mix.samples or lp:
        return
    if mix.decoys:  # `words` are those of the last sample, `disjoint`
        table = make_table([words[name] for name in mix.names + mix.decoys])
        truth = np.concatenate([mix.truth, np.zeros(len(mix.decoys))])
        yield "decoys", judge(gather_evidence(table, merges), truth)
    largest = int(mix.truth.argmax())
    rest = [words[name] for k, name in enumerate(mix.names) if k != largest]
    truth = np.delete(mix.truth, largest)
    record = judge(gather_evidence(make_table(rest), merges), truth / truth.sum())
    yield "left out", {**record, "left out": float(mix.truth[largest])}


def summed(shares: Floats, places: list[int]) -> Floats:
    """Shares, of which some are added up."""
    return np.append(np.delete(shares, places), shares[places].sum())


def efficiency_error(record: Record, others: list[Record]) -> float:
    """The error of the baseline, its line fitted to the other mixes."""
    x = np.log(np.concatenate([other["efficiency"] for other in others]))
    y = np.log(np.concatenate([other["truth"] for other in others]))
    slope, _ = np.polyfit(x, y, 1)
    guess = np.array(record["efficiency"]) ** slope
    return log_error(guess / guess.sum(), np.array(record["truth"]))


def summary(records: Records, lp: int) -> str:
    """The table of means over mixes."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault((record["setting"], record["variant"]), []).append(dict(record))
    errors = ["default", "linear program", "classes", "efficiency error", "uniform"]
    more = ["coverage", "bare coverage", "coverage of zero", "unexplained", "seconds"]
    if lp:
        errors, more = ["default", "linear program", "uniform"], ["seconds", "lp seconds"]
    else:
        errors.remove("linear program")
    head = ["mix", "sample", "mixes", *errors, *more]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for (setting, variant), found in sorted(groups.items(), key=order):
        for k, record in enumerate(found):
            if "efficiency" in record and len(found) > 1:
                others = found[:k] + found[k + 1 :]
                record["efficiency error"] = efficiency_error(record, others)
        cells = [setting, variant, str(len(found))]
        for column in [*errors, *more]:
            values = [record[column] for record in found if column in record]
            cells.append(f"{np.mean(values):.2f}" if values else "")
        lines.append("| " + " | ".join(cells) + " |")
    note = f"Linear program: the first {lp} merges.\n\n" if lp else ""
    return f"```text\n{records.header}\n```\n\n{note}" + "\n".join(lines)


def order(group: tuple[tuple[str, str], list[dict[str, Any]]]) -> tuple[int, int]:
    """Groups in the order of settings and samples."""
    setting, variant = group[0]
    return list(SETTINGS).index(setting), VARIANTS.index(variant)


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="folders of texts")
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--mixes", type=int, help="of each setting; default: 5, or 10 if cheap")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--lp", type=int, default=0, help="merges of the linear program; 0: none")
    parser.add_argument("--records", type=Path)
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    corpora = Corpora(options.corpus)
    name = "mixture-lp" if options.lp else "mixture"
    path = options.records or FOLDER / f"{name}.jsonl"
    settings = {
        "lp": options.lp,
        "vocabulary": VOCABULARY,
        "most bytes": MAX_TRAINING_BYTES,
        "training part": TRAINING_PART,
        "mixes": {each: asdict(setting) for each, setting in SETTINGS.items()},
    }
    records = Records(path, settings, run_description("tokenizers", "numpy", "scipy"))
    for setting in options.settings:
        mixes = options.mixes or SETTINGS[setting].mixes
        for seed in range(options.first_seed, options.first_seed + mixes):
            if f"{setting} {seed}" in records:
                continue
            found = [
                {"setting": setting, "seed": seed, "variant": variant, **record}
                for variant, record in rows(Mix(corpora, setting, seed), options.lp)
            ]
            for row in found[::-1]:  # the first one is written last: all are there
                key = f"{setting} {seed}"
                records.add(key if row is found[0] else f"{key} {row['variant']}", row)
                print(json.dumps(row), flush=True)
    text = summary(records, options.lp)
    print(text)
    if options.write_docs:
        replace_block(PAGE, name, text)


if __name__ == "__main__":
    main()
