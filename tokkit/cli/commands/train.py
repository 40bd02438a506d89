"""`tokkit train`: networks that are trained, each under its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tokkit.cli.declarations import argument, option
from tokkit.cli.inputs import ModelArgument, read_text
from tokkit.cli.option_types import Choice, InputFile, OutputFolder, Real, Whole
from tokkit.cli.output import JsonFlag, html_option, print_json, refuse_two_on_stdout, save_text
from tokkit.cli.progress import Meter
from tokkit.errors import ArgumentError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.models.training import TrainingResult

EXAMPLES = (
    (
        "tokkit train hypernet smollm2 code.txt prose.txt --into net/ --minutes 90",
        "90 minutes of CPU; Ctrl-C keeps what was learned",
    ),
    (
        "tokkit train hypernet smollm2 a.txt --into net/ --minutes 90 --resume",
        "goes on with it",
    ),
)


_SUMMARY = (
    "{folder}: {steps:,} steps in {seconds:,.0f} CPU seconds, loss {first_loss:.4f} at first, "
    "{last_loss:.4f} at last"
)


def train(
    what: Annotated[
        str, argument("hypernet", Choice("hypernet"), "a network that predicts rows of tokens")
    ],
    model: ModelArgument,
    files: Annotated[
        list[str], argument("TEXT", InputFile(), "texts of the kinds that the model is for")
    ],
    into: Annotated[
        str, option("folder for checkpoints, records and the network", OutputFolder(), "FOLDER")
    ],
    minutes: Annotated[float, option("of CPU", Real(above=0), "M")] = 60.0,
    resume: Annotated[bool, option("go on with the training in the folder")] = False,
    rate: Annotated[float, option("learning rate at its peak", Real(above=0), "R")] = 2e-4,
    seed: Annotated[int, option("of whatever is drawn", Whole(0), "N")] = 0,
    html: Annotated[str | None, html_option("the curve of the loss as a page")] = None,
    as_json: JsonFlag = False,
) -> int:
    """Train a network for a model, or go on with it.

    A hypernet corrects the rows that a heuristic makes for other tokenizers, of MODEL and of
    what is tuned from it: tokkit transfer --hypernet FOLDER. It learns on tokenizers that are
    sampled from the texts. Give all options again to go on.
    """
    from tokkit.hypernets import train_hypernetwork
    from tokkit.hypernets.training_page import render_training_page
    from tokkit.models.training import TrainingOptions
    from tokkit.models.training.checkpoints import CHECKPOINT

    assert what == "hypernet"
    refuse_two_on_stdout(html=html, json="-" if as_json else None)
    begun = (Path(into) / CHECKPOINT).exists()
    if begun and not resume:
        raise ArgumentError(f"{into!r} holds a training; give --resume to go on with it")
    if resume and not begun:
        raise ArgumentError(f"{into!r} holds no training to go on with; leave --resume out")
    texts = [read_text(None, file) for file in files]
    options = TrainingOptions(
        seconds=60 * minutes, learning_rate=rate, weight_decay=0.01, seed=seed
    )
    with Meter() as meter:
        result = train_hypernetwork(model, texts, into, options, progress=meter).result
    figures = _figures(result, into)
    if html is not None:
        save_text(html, render_training_page(result, model=model))
    if as_json:
        print_json(figures)
    elif html != "-":
        save_text("-", visible(_SUMMARY.format(**figures)) + "\n")
    return 0


def _figures(result: TrainingResult, into: str) -> dict[str, Any]:
    """Of a tenth of the steps at each end, the mean loss."""
    losses = [record.loss for record in result.records if record.loss is not None]
    n = max(1, len(losses) // 10)
    return {
        "folder": into,
        "steps": result.step,
        "resumed_at": result.resumed_at,
        "seconds": result.seconds,
        "first_loss": sum(losses[:n]) / n,
        "last_loss": sum(losses[-n:]) / n,
    }
