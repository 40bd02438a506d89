"""Do pictures look real that are drawn by ids, and those of a class that a generator writes?

A classifier that is trained here judges: how often it sees the class that is there, and the Fréchet
distance of its features to those of the pictures that were learned from. That of as many pictures
of the test is what real ones have: the distance grows as there are fewer, and would be smaller
between pictures and what their own ids are drawn to.

    python -m benchmarks.images.generation --mnist FILE --cifar FILE [--steps 10000] [--write-docs]
    python -m benchmarks.images.generation --mnist FILE --quick        (two minutes, for a look)

Tokenizers are those of `benchmarks.images.distortion`, and one that was trained for 16 ids alone.
The same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.images.data_sets import BUDGETS, DataSet
from benchmarks.images.distortion import PAGE, data_of, parse, records_of
from benchmarks.images.judge import Judge, frechet, trained_judge
from benchmarks.images.sheet import sheet
from benchmarks.images.tokenizers import trained
from benchmarks.shared.records import Records, replace_block
from tokkit.models import GeneratorConfig, LabelledIds, PictureGenerator
from tokkit.models.flextok.model import FlexTok, psnr
from tokkit.models.training import TrainingOptions, train

JUDGE_STEPS, WRITER_STEPS, N_WRITTEN = 2000, 1200, 1000
QUICK_JUDGE_STEPS, QUICK_WRITER_STEPS, QUICK_WRITTEN = 100, 60, 40
_GUIDANCE = 1.5
Floats = NDArray[np.float64]
PICTURES = PAGE.parent / "images" / "learned"
_KINDS = {"any": None, "fixed": max(BUDGETS)}
"""Tokenizer -> the number of ids that it was trained for alone."""


def realism(
    model: FlexTok, judge: Judge, data: DataSet, real: Floats, ids: NDArray[np.int64]
) -> dict[str, float]:
    """Of the first test pictures by their ids, expected and drawn.

    Args:
        model: the tokenizer.
        judge: the classifier.
        data: whose test pictures these are.
        real: features of real pictures.
        ids: int64 (pictures, n), those that are kept.
    """
    pictures, labels = data.test[: len(ids)], data.test_labels[: len(ids)]
    found: dict[str, float] = {}
    for name, seeds in (("expected", None), ("drawn", range(len(ids)))):
        decoded = model.decode_many(ids, seeds=seeds)
        features, classes = judge.seen(decoded)
        found[f"{name}_psnr"] = psnr(pictures, decoded)
        found[f"{name}_distance"] = frechet(features, real)
        found[f"{name}_accuracy"] = float((classes == labels).mean())
    return found


def written(
    model: FlexTok,
    writer: PictureGenerator,
    judge: Judge,
    real: Floats,
    budgets: Sequence[int],
    n: int,
) -> dict[str, dict[str, float]]:
    """Of `n` pictures of all classes, by numbers of first ids that a generator writes."""
    classes = np.arange(n) % writer.config.n_classes
    ids = writer.generate(classes, seeds=range(n), guidance=_GUIDANCE)
    found: dict[str, dict[str, float]] = {}
    for budget in budgets:
        features, seen = judge.seen(model.decode_many(ids[:, :budget], seeds=range(n)))
        found[str(budget)] = {
            "accuracy": float((seen == classes).mean()),
            "distance": frechet(features, real),
        }
    return found


def trained_writer(
    data: DataSet, model: FlexTok, name: str, options: argparse.Namespace
) -> PictureGenerator:
    """A generator of the ids of a tokenizer; an interrupted training goes on."""
    steps = QUICK_WRITER_STEPS if options.quick else WRITER_STEPS
    torch.manual_seed(2)
    config = GeneratorConfig(
        n_classes=data.n_classes,
        n_tokens=model.config.n_tokens,
        vocab_size=model.vocab_size,
        levels=model.config.levels,
    )
    writer = PictureGenerator(config)
    ids = LabelledIds(model.encode_many(data.known, search=False), data.known_labels)
    train(
        writer,
        ids,
        TrainingOptions(steps=steps, learning_rate=1e-3, weight_decay=0.1),
        folder=options.folder / f"{data.name}-writer-{name}-{options.steps}-{steps}",
    )
    return writer.eval()


def rows_of(data: DataSet, records: Records, options: argparse.Namespace) -> Mapping[str, Any]:
    """All rows of a data set; those that the records lack are measured first."""
    judge_steps = QUICK_JUDGE_STEPS if options.quick else JUDGE_STEPS
    n = QUICK_WRITTEN if options.quick else N_WRITTEN
    judge = trained_judge(data, steps=judge_steps, folder=options.folder)
    known, _ = judge.seen(data.known)
    if "real" not in records:
        features, seen = judge.seen(data.test)
        records.add(
            "real",
            {
                "accuracy": float((seen == data.test_labels).mean()),
                "distance": frechet(features[:n], known),
            },
        )
    for name, budget in _KINDS.items():
        model = trained(data, budget, steps=options.steps, folder=options.folder, flow=True)
        budgets = BUDGETS if budget is None else (budget,)
        lacking = [each for each in budgets if f"{name} decoded {each}" not in records]
        ids = model.encode_many(data.test[:n]) if lacking else np.zeros((0, 0), np.int64)
        for each in lacking:
            key = f"{name} decoded {each}"
            records.add(key, realism(model, judge, data, known, ids[:, :each]))
            print(f"{data.name} {key}", flush=True)
        key = f"{name} written"
        if key not in records:
            writer = trained_writer(data, model, name, options)
            records.add(key, {"rows": written(model, writer, judge, known, budgets, n)})
            print(f"{data.name} {key}", flush=True)
    return {each["key"]: each for each in records}


def written_sheet(data: DataSet, options: argparse.Namespace) -> bytes:
    """A PNG of what the generator of any number of ids writes: a class a column, a budget a row."""
    model = trained(data, None, steps=options.steps, folder=options.folder, flow=True)
    writer = trained_writer(data, model, "any", options)
    seeds = range(data.n_classes)
    ids = writer.generate(range(data.n_classes), seeds=seeds, guidance=_GUIDANCE)
    rows = [model.decode_many(ids[:, :budget], seeds=seeds) for budget in BUDGETS]
    return sheet(np.stack(rows), scale=2)


def table(data: DataSet, rows: Mapping[str, Any]) -> str:
    """The rows of a data set."""
    real = rows["real"]
    lines = [
        f"**{data.name}**: the classifier is right about {real['accuracy']:.1%} of the test.",
        f"Pictures of the test are {real['distance']:.1f} away from those that it was trained on.",
        "",
        "| pictures by their ids | ids | dB | distance | class is seen |",
        "|---|---|---|---|---|",
    ]
    titles = {"any": "any number of ids", "fixed": "fixed number of ids"}
    decoded = [key for key in rows if " decoded " in key]
    for how in ("expected", "drawn"):
        for key in decoded:
            kind, _, n = key.split(" ")
            row = rows[key]
            lines.append(
                f"| {how}, {titles[kind]} | {n} | {row[f'{how}_psnr']:.2f} | "
                f"{row[f'{how}_distance']:.1f} | {row[f'{how}_accuracy']:.1%} |"
            )
    lines += [
        "",
        "| pictures that a generator writes, drawn | ids | distance | class is seen |",
        "|---|---|---|---|",
    ]
    for kind in _KINDS:
        for n, row in rows[f"{kind} written"]["rows"].items():
            lines.append(
                f"| {titles[kind]} | {n} | {row['distance']:.1f} | {row['accuracy']:.1%} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    options = parse(__doc__)
    for data in data_of(options):
        records = records_of("generation", data, options)
        text = f"```text\n{records.header}\n```\n\n{table(data, rows_of(data, records, options))}"
        print(text)
        if options.write_docs:
            replace_block(PAGE, f"images generation {data.name}", text)
            (PICTURES / f"written-{data.name}.png").write_bytes(written_sheet(data, options))


if __name__ == "__main__":
    main()
