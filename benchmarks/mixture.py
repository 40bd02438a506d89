"""How close do inferred data mixtures come to known ones?

Tokenizers are trained (by the `tokenizers` library) on random mixes, Dirichlet(1), of natural or
programming languages, and their mixes inferred from samples. The texts are cut into blocks of 40
lines, of which a random half is for training. `disjoint`: the other half is the sample. `overlap`:
the sample is the half that the training text is the beginning of. Settings:

- `default`: `tokkit.mixture.estimator`. With its coverage: the share of the true shares within the
  90% intervals, and with those of the fit alone (`inflation=1`).
- `linear program`: the published objective on the same counts (`--lp N`, the first N merges).
- `first merges`: a simple baseline, the same fit on 500 merges.
- `uniform`: guessing equal shares.

Variants: `decoys` adds three categories with no share; `left out` removes the category with the
largest share (errors are then of the others, renormalised). `lo`: LibreOffice help; `mw`: MediaWiki
messages; `code`: programming languages; `shifted`: trained on `lo`, sampled from `man`.

Seeds from 1000 on were used to choose the default estimator; evaluate with others.

    python benchmarks/mixture.py --corpus FOLDER --mixes 5 --write-docs
    python benchmarks/mixture.py --corpus FOLDER --mixes 2 --lp 1000 --write-docs
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import run_description
from numpy.typing import NDArray
from records import FOLDER, ROOT, Record, Records, replace_block
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tokkit.mixture.counting import count_texts
from tokkit.mixture.estimator import CurveFit, estimate
from tokkit.mixture.evidence import Evidence, gather_evidence
from tokkit.mixture.intervals import intervals
from tokkit.mixture.linear_program import solve_linear_program
from tokkit.mixture.merge_list import MergeList, merge_list
from tokkit.mixture.word_counts import WordTable, make_table
from tokkit.mixture.words import WordSplitter
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

PAGE = ROOT / "docs" / "concepts" / "mixture-estimators.md"
SETTINGS = ("lo-5", "lo-10", "lo-30", "code-5", "code-10", "mw-112", "shifted-5")
NEAR_ENGLISH = ("en-gb",)
BLOCK_LINES = 40
MIN_BYTES = 60_000
MAX_TRAINING_BYTES = 4e6
VOCABULARY = 30_000
N_DECOYS = 3

Floats = NDArray[np.float64]


def halves(text: str, seed: int) -> tuple[str, str]:
    """Two halves of a text, of blocks of lines at random."""
    lines = text.splitlines(keepends=True)
    blocks = ["".join(lines[k : k + BLOCK_LINES]) for k in range(0, len(lines), BLOCK_LINES)]
    order: list[int] = np.random.default_rng(seed).permutation(len(blocks)).tolist()
    middle = len(blocks) // 2
    first, second = order[:middle], order[middle:]
    return "".join(blocks[k] for k in first), "".join(blocks[k] for k in second)


def train(texts: list[str], folder: Path) -> TextTokenizer:
    """A byte-level BPE tokenizer trained on texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    tokenizer.train_from_iterator(lines, trainer)
    path = folder / "mixture-tokenizer.json"
    tokenizer.save(str(path))
    return load_tokenizer(path)


class Mix:
    """A random mix: names, true shares of bytes, the tokenizer, and the texts to sample from."""

    def __init__(self, corpus: Path, setting: str, seed: int, folder: Path) -> None:
        """Draw the categories and their shares, and train."""
        kind, size = setting.split("-")
        source = "lo" if kind == "shifted" else kind
        names = sorted(path.stem for path in (corpus / source).glob("*.txt"))
        names = [name for name in names if name not in NEAR_ENGLISH]
        if kind == "shifted":
            names = [name for name in names if (corpus / "man" / f"{name}.txt").exists()]
        names = [n for n in names if (corpus / source / f"{n}.txt").stat().st_size > MIN_BYTES]
        rng = np.random.default_rng([seed, SETTINGS.index(setting)])
        drawn = [str(name) for name in rng.permutation(names)[: int(size) + N_DECOYS]]
        self.names, self.decoys = drawn[: int(size)], drawn[int(size) :]
        parts = {n: halves((corpus / source / f"{n}.txt").read_text("utf-8"), seed) for n in drawn}
        shares = rng.dirichlet(np.ones(len(self.names)))
        room = min(
            len(parts[n][0].encode()) / share for n, share in zip(self.names, shares, strict=True)
        )
        budget = min(room, MAX_TRAINING_BYTES)
        texts = [
            parts[n][0].encode()[: int(share * budget)].decode(errors="ignore")
            for n, share in zip(self.names, shares, strict=True)
        ]
        sizes = np.array([len(text.encode()) for text in texts], dtype=np.float64)
        self.truth: Floats = sizes / sizes.sum()
        self.tokenizer = train(texts, folder)
        self.samples = {"overlap": {n: parts[n][0] for n in drawn}}
        self.samples["disjoint"] = {n: parts[n][1] for n in drawn}
        if kind == "shifted":
            man = {n: (corpus / "man" / f"{n}.txt").read_text("utf-8") for n in self.names}
            self.samples = {"shifted": man}


def table_of(mix: Mix, sample: str, names: list[str]) -> WordTable:
    """The words of some categories' samples."""
    splitter = WordSplitter.of(mix.tokenizer)
    texts = mix.samples[sample]
    return make_table(
        [count_texts(splitter, [texts[name].encode()], 1 << 20).words for name in names]
    )


def log_error(found: Floats, truth: Floats) -> float:
    """log10 of the mean squared error of shares."""
    return float(np.log10(np.mean((found - truth) ** 2)))


def judge(evidence: Evidence, truth: Floats) -> Record:
    """The default estimator's error, coverage and time."""
    start = time.process_time()
    found = estimate(evidence)
    bounds = intervals(evidence, found)
    seconds = time.process_time() - start
    bare = intervals(evidence, found, inflation=1)
    return {
        "default": log_error(found.weights, truth),
        "uniform": log_error(np.full(len(truth), 1 / len(truth)), truth),
        "seconds": seconds,
        "coverage": float(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean()),
        "bare coverage": float(((bare[:, 0] <= truth) & (truth <= bare[:, 1])).mean()),
        "unexplained": found.unexplained,
    }


def first_merges(evidence: Evidence) -> Floats:
    """A simple baseline: a fit of 500 merges without doubling."""
    n_used = min(500, len(evidence.merged))
    fit = CurveFit(evidence, n_used, np.full(evidence.n_categories, 1 / evidence.n_categories))
    fit.run(40)
    return evidence.bytes_from_pairs(fit.weights)


def rows(mix: Mix, lp: int, merges: MergeList) -> Iterator[tuple[str, Record]]:
    """The results of one mix."""
    for sample in mix.samples:
        table = table_of(mix, sample, mix.names)
        evidence = gather_evidence(table, merges)
        record = judge(evidence, mix.truth)
        record["first merges"] = log_error(first_merges(evidence), mix.truth)
        if lp:
            start = time.process_time()
            few = MergeList(merges.pairs[:lp], merges.units, merges.spellings)
            solution = solve_linear_program(table, few)
            record["linear program"] = log_error(
                evidence.bytes_from_pairs(solution.weights), mix.truth
            )
            record["lp seconds"] = time.process_time() - start
        yield sample, record
    if "disjoint" not in mix.samples:
        return
    names = mix.names + mix.decoys
    truth = np.concatenate([mix.truth, np.zeros(len(mix.decoys))])
    yield "decoys", judge(gather_evidence(table_of(mix, "disjoint", names), merges), truth)
    largest = int(mix.truth.argmax())
    rest = [name for k, name in enumerate(mix.names) if k != largest]
    truth = np.delete(mix.truth, largest)
    evidence = gather_evidence(table_of(mix, "disjoint", rest), merges)
    record = judge(evidence, truth / truth.sum())
    yield "left out", {**record, "left out": float(mix.truth[largest])}


def summary(records: Records, lp: int) -> str:
    """The table of means over mixes."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault((record["setting"], record["variant"]), []).append(record)
    columns = ["default", "linear program", "first merges", "uniform"]
    head = ["mix", "sample", "mixes", *columns, "coverage", "bare coverage", "unexplained", "CPU s"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for (setting, variant), found in groups.items():
        cells = [setting, variant, str(len(found))]
        for column in [*columns, "coverage", "bare coverage", "unexplained", "seconds"]:
            values = [r[column] for r in found if column in r]
            cells.append(f"{np.mean(values):.2f}" if values else "")
        lines.append("| " + " | ".join(cells) + " |")
    note = f"Linear program: the first {lp} merges.\n\n" if lp else ""
    return f"```text\n{records.header}\n```\n\n{note}" + "\n".join(lines)


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with lo, mw, code, man")
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--mixes", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--lp", type=int, default=0, help="merges of the linear program; 0: none")
    parser.add_argument("--records", type=Path)
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    if not (options.corpus / "lo").is_dir():
        raise SystemExit(
            f"{options.corpus} has no folder lo; expected folders lo, mw, code and man with a "
            ".txt file for each category"
        )
    name = "mixture-lp" if options.lp else "mixture"
    path = options.records or FOLDER / f"{name}.jsonl"
    settings = {"lp": options.lp, "vocabulary": VOCABULARY}
    records = Records(path, settings, run_description("tokenizers", "numpy", "scipy"))
    for seed in range(options.first_seed, options.first_seed + options.mixes):
        for setting in options.settings:
            # The last variant is written last, so that its presence means that all are there.
            last = "shifted" if setting.startswith("shifted") else "left out"
            if f"{setting} {seed} {last}" in records:
                continue
            with tempfile.TemporaryDirectory() as folder:
                mix = Mix(options.corpus, setting, seed, Path(folder))
            for variant, found in rows(mix, options.lp, merge_list(mix.tokenizer)):
                row = {"setting": setting, "seed": seed, "variant": variant, **found}
                if f"{setting} {seed} {variant}" not in records:
                    records.add(f"{setting} {seed} {variant}", row)
                    print(json.dumps(row), flush=True)
    text = summary(records, options.lp)
    print(text)
    if options.write_docs:
        replace_block(PAGE, name, text)


if __name__ == "__main__":
    main()
