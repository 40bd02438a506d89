"""Does a hypernetwork serve a fine-tuned model that it was not trained for?

SmolLM2 is tuned for some CPU minutes on modules of the standard library that are not held out, all
its weights, and then gets the code tokenizer of `table` from a network that was trained for SmolLM2
as it was (`benchmarks.transfer.hypernetwork`, or `tokkit train hypernet`), beside the mean (FVT)
and `shared-first`, none of them with a text, and without the one that `shared-first` has the model
write. The figures are bits per byte of held-out modules, of SmolLM2 and of the tuned model;
`control` is each model with its own rows where the new tokenizer cuts, and `further` the share of
the gap that `shared-first` leaves which the network closes.

    python -m benchmarks.transfer.fine_tune --hypernet FOLDER [--minutes M] [--windows N]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.transfer.hypernetwork import OPTIONS, judged
from benchmarks.transfer.targets import python_tokenizer
from benchmarks.transfer.training import training_text, unseen_windows
from tokkit.hypernets.bench import starting_ids
from tokkit.hypernets.hypernetwork.trained import TrainedHypernet
from tokkit.hypernets.hypernetwork.training import Trainer
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.windows import read
from tokkit.models.training import TrainingOptions, train
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

PAGE = ROOT / "docs" / "hypernetworks.md"
COLUMNS = ("model", "before", "control", "mean (FVT)", "shared-first", "hypernetwork", "further")
LENGTH = 256
BATCH = 2
TEXT_BYTES = 1_000_000


def tuned(source: SourceModel, text: bytes, seconds: float, folder: Path) -> SourceModel:
    """The same model after some CPU seconds of training on a text; or as far as a folder has it."""
    model = source.model.requires_grad_(requires_grad=True)
    ids = torch.tensor(source.tokenizer.encode(text))
    starts = torch.tensor(starting_ids(source)).expand(BATCH, -1)

    def loss(number: int) -> torch.Tensor:
        places = np.random.default_rng([4, number]).integers(len(ids) - LENGTH, size=BATCH)
        chunks = torch.stack([ids[place : place + LENGTH] for place in places.tolist()])
        given = torch.cat([starts, chunks], dim=1)
        return model(given, labels=given).loss

    def tell(_: str, done: int, total: int) -> None:
        print(f"tuning: {done} of {total} CPU seconds", flush=True)

    options = TrainingOptions(
        seconds=seconds, learning_rate=1e-4, autocast="bfloat16", evaluations=0
    )
    train(model, loss, options, folder=folder, progress=tell)
    return source


def figures(
    source: SourceModel, network: TrainedHypernet, target: TextTokenizer, windows: list[bytes]
) -> Record:
    """Bits per byte of one model.

    Raises:
        ModelError: the network is of a model with another vocabulary.
    """
    width = int(source.model.get_input_embeddings().weight.shape[1])
    network.check_fits(source.tokenizer.spec, width, tied=source.layers.tied)
    own = [source.tokenizer.encode(window) for window in windows]
    before = read(source.model, own, starts=starting_ids(source)).bits() / sum(map(len, windows))
    trainer = Trainer(source, OPTIONS, seed=0)
    trainer.network.load_state_dict(network.network.state_dict())
    return {"bits": [before, *judged(trainer, target, windows)]}


def table(records: Records) -> str:
    """The table, as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for row in records:
        _, control, _, shared, made = row["bits"]
        further = (shared - made) / (shared - control)
        cells = [row["key"], *(f"{bits:.3f}" for bits in row["bits"]), f"{further:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "```", records.header, "```"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, or go on with, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2", help="what the network was trained for")
    parser.add_argument("--hypernet", type=Path, required=True, help="folder of a trained network")
    parser.add_argument("--minutes", type=float, default=3.0, help="of CPU, for the tuning (3)")
    parser.add_argument("--windows", type=int, default=12)
    parser.add_argument("--into", type=Path, default=FOLDER / "fine-tune")
    parser.add_argument("--records", type=Path, default=FOLDER / "transfer-fine-tune.jsonl")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network = TrainedHypernet.load(options.hypernet)
    settings: Record = {name: getattr(options, name) for name in ("model", "minutes", "windows")}
    records = Records(options.records, settings, run_description("torch", "transformers"))
    target = load_tokenizer(python_tokenizer())
    windows = unseen_windows(options.windows)

    def add(name: str, source: Any) -> None:
        records.add(name, figures(source, network, target, windows))
        print(table(records), flush=True)

    if "as it was" not in records:
        add("as it was", load_source(options.model))
    if "tuned" not in records:
        text = training_text(TEXT_BYTES)
        add("tuned", tuned(load_source(options.model), text, 60 * options.minutes, options.into))
    if options.write_docs:
        replace_block(PAGE, "fine-tune", table(records))


if __name__ == "__main__":
    main()
