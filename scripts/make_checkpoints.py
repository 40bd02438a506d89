"""Train the tokenizers that come with tokkit, and write them to `models/checkpoints`.

    PYTHONPATH=. python scripts/make_checkpoints.py flextok-mnist MNIST.npz
    PYTHONPATH=. python scripts/make_checkpoints.py vqgraph-cora CORA.npz
    PYTHONPATH=. python scripts/make_checkpoints.py dm-codec-english ASTERISK FSDD
        --sentence LIBRIVOX/NAME.wav

The recipes are the defaults of `tokkit train`, with the budgets that stand below. A training
is kept in `--keep`, and one that was interrupted goes on. What is written has half the bytes
(bfloat16), and is opened again: a tokenizer is the one that was rounded, bit for bit, or it is an
error. Each is at most 3 MB.

The speech is that of `benchmarks.fetch.speech`, whose docstring says where it comes from.
"""

from __future__ import annotations

import argparse
import copy
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.graphs.citation_graphs import draw
from tokkit.files.checkpoints import CHECKPOINTS
from tokkit.models import (
    DMCodec,
    DMCodecConfig,
    Pictures,
    Recordings,
    VQGraph,
    read_labelled_graph,
    read_pictures,
    read_recordings,
    read_wav,
    write_wav,
)
from tokkit.models.checkpoints.samples import SAMPLE
from tokkit.models.flextok.fitting import config_for as config_for_pictures
from tokkit.models.flextok.learning import training_options as options_for_pictures
from tokkit.models.flextok.model import FlexTok
from tokkit.models.training import TrainingOptions, TrainingResult, train
from tokkit.models.vqgraph.fitting import config_for as config_for_graphs
from tokkit.models.vqgraph.learning import training_options as options_for_graphs

TARGET = Path(__file__).parents[1] / "models" / "checkpoints"
KEEP = Path(__file__).parents[1] / ".cache" / "checkpoints"
MOST_BYTES = 3_000_000
N_PAPERS, N_GROUPS = 36, 3
Made = tuple[Any, Any, TrainingOptions]
"""A model, what it learns from, and how."""
Budget = Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """How a tokenizer is made.

    Attributes:
        make: of files and a budget.
        budget: of the training, options of `TrainingOptions`.
        sample: writes a signal to try it on; from the model, its data and files.
        readme: what it is, on what it was trained, and the licence of that.
    """

    make: Callable[[Sequence[Path], Budget], Made]
    budget: Budget
    sample: Callable[[Any, Any, Path, Path | None], None]
    readme: str


def pictures(files: Sequence[Path], budget: Budget) -> Made:
    """Of MNIST."""
    data = read_pictures(files[0])
    height, width, channels = data.images.shape[1:]
    model = FlexTok(config_for_pictures(height, width, channels))
    return model, data, options_for_pictures(**budget)


def digits(model: Any, data: Any, into: Path, _: Path | None) -> None:
    """One picture of each digit, of those that were held out."""
    del model
    given: Pictures = data
    assert given.labels is not None
    held_out = given.parts()[1]
    places = [next(k for k in held_out if given.labels[k] == digit) for digit in range(10)]
    np.savez_compressed(into / f"{SAMPLE}.npz", images=given.images[places])


def papers(files: Sequence[Path], budget: Budget) -> Made:
    """Of Cora, with 20 known labels a class, and 30 to validate."""
    data = read_labelled_graph(files[0])
    drawn = draw(data.labels, 0)
    data = replace(data, train=drawn.train, validation=drawn.validation)
    model = VQGraph(config_for_graphs(data.features.shape[1], int(data.labels.max()) + 1))
    return model, data, options_for_graphs(**budget)


def made_papers(model: Any, data: Any, into: Path, _: Path | None) -> None:
    """A made graph: words that the codes of three classes stand for, citations within a group."""
    random = np.random.default_rng(0)
    codes: VQGraph = model
    ids = codes.encode(data.features, context=data.edges)
    classes = codes.classify_codes(ids).argmax(1)
    rows = [
        codes.decode(random.choice(ids[classes == group], N_PAPERS // N_GROUPS))
        for group in range(N_GROUPS)
    ]
    likely = np.clip(np.concatenate(rows), 0, None)
    likely *= 18 / likely.sum(1, keepdims=True)  # words a paper, about as in Cora
    groups = np.repeat(np.arange(N_GROUPS), N_PAPERS // N_GROUPS)
    near = np.where(groups[:, None] == groups, 0.25, 0.01)
    edges = np.stack(np.nonzero(np.triu(random.random((N_PAPERS, N_PAPERS)) < near, 1)))
    drawn = random.random((N_PAPERS, codes.config.n_features))
    features: NDArray[np.uint8] = (drawn < likely).astype(np.uint8)
    np.savez_compressed(into / f"{SAMPLE}.npz", features=features, edges=edges)


def speech(files: Sequence[Path], budget: Budget) -> Made:
    """Of English prompts and digits."""
    data: Recordings = read_recordings(files)
    config = DMCodecConfig(sample_rate=data.train[0].sample_rate)
    return DMCodec(config), data, TrainingOptions(**budget, learning_rate=2e-3)


def sentence(model: Any, data: Any, into: Path, source: Path | None) -> None:
    """A recording of somebody else."""
    del data
    if source is None:
        raise SystemExit("give --sentence FILE.wav, of 8,000 samples a second")
    samples, rate = read_wav(source, sample_rate=model.sample_rate)
    write_wav(into / f"{SAMPLE}.wav", samples, rate)


RECIPES = {
    "flextok-mnist": Recipe(
        pictures,
        {"steps": 10_000},
        digits,
        "MNIST: 9,500 of the digits of Yann LeCun and Corinna Cortes, derived from data of NIST, "
        "which they make\navailable under CC-BY-SA-3.0. The weights and `sample.npz`, ten other "
        "digits of it, are under the same terms.",
    ),
    "vqgraph-cora": Recipe(
        papers,
        {"steps": 350},
        made_papers,
        "Cora (McCallum et al., 2000; Sen et al., 2008), in the form of gnn-benchmark (Shchur et "
        "al., 2018; MIT licence),\nwith 20 known labels a class. No paper of it is in the "
        "weights; those of `sample.npz` are made: words that the\ncodes stand for, drawn.",
    ),
    "dm-codec-english": Recipe(
        speech,
        {"seconds": 25 * 60.0},
        sentence,
        "Prompts of Asterisk by Allison Smith (Debian's asterisk-core-sounds-en-wav, CC-BY-SA-3.0) "
        "and digits of the\nFree Spoken Digit Dataset by Zohar Jackson and others (CC-BY-SA-4.0). "
        "The weights are under CC-BY-SA-4.0, with\nthese names. `sample.wav` is a sentence of "
        "Sense and Sensibility, read for LibriVox, and in the public domain.",
    ),
}


def write_small(model: FlexTok | VQGraph | DMCodec, into: Path) -> FlexTok | VQGraph | DMCodec:
    """Write a tokenizer in bfloat16, and read it again.

    Raises:
        SystemExit: it is too large, or another one.
    """
    rounded = copy.deepcopy(model).to(torch.bfloat16)
    rounded.save(into)
    found = type(model).load(into)
    n_bytes = sum(each.stat().st_size for each in into.iterdir())
    if n_bytes > MOST_BYTES:
        raise SystemExit(f"{into}: {n_bytes:,} bytes, expected at most {MOST_BYTES:,}")
    if found.fingerprint != rounded.float().fingerprint:
        raise SystemExit(f"{into}: opened again, it is another tokenizer")
    print(f"{into}: {n_bytes / 1e6:.2f} MB")
    return found


def figures(model: Any, data: Any) -> Mapping[str, float]:
    """Of what was held out."""
    model.eval()
    evaluate = model.training_task(data, seed=0).evaluate
    assert evaluate is not None
    with torch.no_grad():
        return evaluate()


def readme(
    name: str, recipe: Recipe, result: TrainingResult, asked: str, found: Mapping[str, float]
) -> str:
    """What stands beside the weights."""
    told = "\n".join(f"| {key} | {value:.4g} |" for key, value in found.items())
    return (
        f"# {name}\n\nA tokenizer of {CHECKPOINTS[name]}.\nMade by `scripts/make_checkpoints.py "
        f"{name}` with a budget of {asked}, in {result.step:,} steps.\n\n"
        f"## Trained on\n\n{recipe.readme}\n\n## Held out\n\n"
        f"| | |\n|---|---|\n{told}\n"
    )


def main() -> None:
    """Train one, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--sentence", type=Path, help="a WAV file, of dm-codec-english")
    parser.add_argument("--steps", type=int, help="in place of the budget of the recipe")
    parser.add_argument("--minutes", type=float, help="of CPU, likewise")
    parser.add_argument("--keep", type=Path, default=KEEP, help="folder of trainings")
    parser.add_argument("--into", type=Path, default=TARGET)
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    budget = recipe.budget
    if options.steps is not None:
        budget = {"steps": options.steps}
    elif options.minutes is not None:
        budget = {"seconds": 60 * options.minutes}
    torch.manual_seed(0)
    model, data, how = recipe.make(options.data, budget)

    said = -1

    def told(_: str, done: int, of: int) -> None:
        nonlocal said
        if (share := 20 * done // of) != said:
            said = share
            print(f"{options.name}: {share / 20:.0%}", flush=True)

    (kind, amount), *_ = budget.items()
    keep = options.keep / f"{options.name}-{amount:g}-{kind}"
    result = train(model, data, how, folder=keep, progress=told)
    into = options.into / options.name
    shutil.rmtree(into, ignore_errors=True)
    small = write_small(model.eval(), into)
    found = figures(small, data)
    for key, value in figures(model, data).items():
        print(f"{key}: {value:.4f} before it was rounded, {found[key]:.4f} after")
    recipe.sample(small, data, into, options.sentence)
    told_of = readme(options.name, recipe, result, f"{amount:g} {kind}", found)
    (into / "README.md").write_text(told_of, encoding="utf-8")


if __name__ == "__main__":
    main()
