"""How near is a picture by its first ids, at equal bits, by the deterministic decoder?

Each id has 10 bits. A tenth of the pictures is the test, drawn once. All rows learn from the
others; nothing is chosen on the test.

    python -m benchmarks.images.distortion --mnist FILE --cifar FILE [--steps 10000] [--write-docs]
    python -m benchmarks.images.distortion --mnist FILE --quick        (two minutes, for a look)

Trainings and results are kept in --folder: the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.images.data_sets import BUDGETS, CONFIGS, DataSet, read_data
from benchmarks.images.residual import residual_psnr
from benchmarks.images.tokenizers import FOLDER, trained
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import Records, replace_block
from tokkit.models.flextok.model import FlexTok, psnr
from tokkit.quantize.usage import perplexity

PAGE = ROOT / "docs" / "learned-tokenizers.md"
QUICK_STEPS, QUICK_PICTURES, N_CODES = 150, 1500, 1024
K_MEANS = {"k-means": 0.0, "k-means shrunk": 2.0}
"""By how much their centres are shrunk: of 1, 2 and 6 the best on another draw of MNIST."""
_QUARTERS = ("simplest", "second", "third", "most complex")
_ENOUGH = 17.0
"""Decibels, of a single picture."""


def each_length(model: FlexTok, test: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The test by 1 to all of its ids."""
    ids = model.encode_many(test)
    return [model.decode_many(ids[:, :n]) for n in range(1, model.config.n_tokens + 1)]


def measure_nested(model: FlexTok, test: NDArray[np.uint8]) -> dict[str, Any]:
    """Decibels by each number of ids, use of the codes by place, and ids that a picture needs."""
    ids = model.encode_many(test)
    decoded = each_length(model, test)
    counts = [np.bincount(column, minlength=model.vocab_size) for column in ids.T]
    return {
        "psnr": [psnr(test, each) for each in decoded],
        "perplexity": [perplexity(each) for each in counts],
        "needed": ids_needed(test, decoded),
    }


def ids_needed(test: NDArray[np.uint8], decoded: Sequence[NDArray[np.uint8]]) -> list[float]:
    """Ids until a picture has 17 dB, on average over quarters of the pictures by complexity.

    Complexity is the size of a picture as zlib packs it. A picture that never has 17 dB counts with
    one more than all ids.
    """
    numbers = test.astype(np.float64)
    errors = np.array([np.square(numbers - each).mean((1, 2, 3)) for each in decoded]) / 255**2
    enough = errors <= 10 ** (-_ENOUGH / 10)
    needed = np.where(enough.any(0), enough.argmax(0), len(decoded)) + 1
    sizes = [len(zlib.compress(each.tobytes(), 9)) for each in test]
    order = np.argsort(sizes, kind="stable")
    return [float(needed[part].mean()) for part in np.array_split(order, len(_QUARTERS))]


def rows_of(data: DataSet, records: Records, options: argparse.Namespace) -> Mapping[str, Any]:
    """All rows of a data set; those that the records lack are measured first."""
    names = {**dict.fromkeys(K_MEANS), "nested": None, **{f"alone {n}": n for n in BUDGETS}}
    for name, budget in names.items():
        key = f"{data.name} {name}"
        if key in records:
            continue
        if name in K_MEANS:
            place = options.folder / f"{data.name}-{name.replace(' ', '-')}-{len(data.known)}"
            found: dict[str, Any] = {
                "psnr": residual_psnr(
                    data.known,
                    data.test,
                    depth=max(BUDGETS),
                    n_codes=N_CODES,
                    folder=place,
                    shrink=K_MEANS[name],
                )
            }
        else:
            model = trained(
                data, budget, steps=options.steps, folder=options.folder, flow=budget is None
            )
            if budget is None:
                found = measure_nested(model, data.test)
            else:
                found = {"psnr": [psnr(data.test, each_length(model, data.test)[-1])]}
        records.add(key, found)
        print(f"{key}: {[round(each, 2) for each in found['psnr']]}", flush=True)
    return {each["key"].removeprefix(f"{data.name} "): each for each in records}


def table(data: DataSet, rows: Mapping[str, Any]) -> str:
    """The rows of a data set, and what follows from them."""
    nested = rows["nested"]["psnr"]
    strongest = [max(rows[name]["psnr"][k] for name in K_MEANS) for k in range(len(nested))]
    heads = " | ".join(f"{n} ({10 * n} bits)" for n in BUDGETS)
    at = [n - 1 for n in BUDGETS]
    lines = [
        f"**{data.name}**, {len(data.test):,} test pictures, {len(data.known):,} learned from, dB:",
        "",
        f"| ids | {heads} |",
        "|---|" + "---|" * len(BUDGETS),
        _row("residual k-means", [rows["k-means"]["psnr"][k] for k in at]),
        _row("residual k-means, shrunk", [rows["k-means shrunk"]["psnr"][k] for k in at]),
        _row("FlexTok, any number of ids", [nested[k] for k in at]),
        _row("FlexTok, trained for each number", [rows[f"alone {n}"]["psnr"][0] for n in BUDGETS]),
        _row(
            "FlexTok more than the better k-means",
            [nested[k] - strongest[k] for k in at],
            sign="+",
        ),
    ]
    gains = np.diff(nested)
    told = [
        "What each further id adds, dB: " + " ".join(f"{each:+.2f}" for each in gains) + ".",
        "Perplexity of the codes by place: "
        + " ".join(f"{each:.0f}" for each in rows["nested"]["perplexity"])
        + ".",
        f"Ids until a picture has {_ENOUGH:.0f} dB: "
        + ", ".join(
            f"{each:.1f} ({name} quarter)"
            for name, each in zip(_QUARTERS, rows["nested"]["needed"], strict=True)
        )
        + ".",
    ]
    return "\n".join([*lines, "", *told])


def _row(title: str, values: Sequence[float], *, sign: str = "") -> str:
    return f"| {title} | " + " | ".join(f"{each:{sign}.2f}" for each in values) + " |"


def parse(about: str | None) -> argparse.Namespace:
    """The command line that the scripts of this folder share."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    for name in CONFIGS:
        parser.add_argument(f"--{name}", type=Path, help="folder, zip or npz of its pictures")
    parser.add_argument("--steps", type=int, default=10000, help="of each training")
    parser.add_argument("--quick", action="store_true", help="few steps on few pictures")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="keeps trainings and results")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    options.steps = QUICK_STEPS if options.quick else options.steps
    options.limit = QUICK_PICTURES if options.quick else None
    if not any(getattr(options, name) for name in CONFIGS):
        parser.error("no pictures; pass --mnist or --cifar")
    return options


def data_of(options: argparse.Namespace) -> list[DataSet]:
    """The data sets that were named."""
    given = {name: getattr(options, name) for name in CONFIGS}
    return [
        read_data(name, path, limit=options.limit)
        for name, path in given.items()
        if path is not None
    ]


def records_of(kind: str, data: DataSet, options: argparse.Namespace) -> Records:
    """Where the results of a data set are kept."""
    settings = {"steps": options.steps, "limit": options.limit}
    path = options.folder / f"{kind}-{data.name}-{options.steps}.jsonl"
    return Records(path, settings, run_description("torch", "numpy"))


def main() -> None:
    """Print the tables."""
    options = parse(__doc__)
    for data in data_of(options):
        records = records_of("distortion", data, options)
        text = f"```text\n{records.header}\n```\n\n{table(data, rows_of(data, records, options))}"
        print(text)
        if options.write_docs:
            replace_block(PAGE, f"images distortion {data.name}", text)


if __name__ == "__main__":
    main()
