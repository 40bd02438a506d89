"""`tokkit train`: networks that are trained, each under its name."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokkit.cli.declarations import argument, option
from tokkit.cli.inputs import read_text
from tokkit.cli.option_types import (
    Choice,
    InputFile,
    OptionType,
    OutputFolder,
    Real,
    Source,
    Whole,
)
from tokkit.cli.output import JsonFlag, html_option, print_json, refuse_two_on_stdout, save_text
from tokkit.cli.progress import Meter
from tokkit.cli.training.pictures import FLEXTOK, train_flextok
from tokkit.cli.training.text_models import TextTraining, train_text_model
from tokkit.errors import ArgumentError, Interrupted
from tokkit.models.kinds import KINDS
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.models.training import TrainingOptions, TrainingResult

EXAMPLES = (
    (
        "tokkit train byte book.txt --into small/ --minutes 2",
        "a model of bytes; then: tokkit complete small/ --prompt 'Once'",
    ),
    (
        "tokkit train subword a.txt b.txt --into bpe/ --ngrams --html a.html",
        "one over the tokens of a tokenizer that is trained first, with a page",
    ),
    (
        "tokkit train byte german.txt --into both/ --from small/ --minutes 8",
        "goes on from a trained model with another text",
    ),
    (
        "tokkit train flextok pictures.zip --into tokenizer/ --minutes 20",
        "a tokenizer of pictures of one size: a folder, a zip or an npz of them",
    ),
    (
        "tokkit train hypernet smollm2 code.txt prose.txt --into net/ --minutes 90",
        "a network that predicts rows of tokens, for a model",
    ),
    (
        "tokkit train byte book.txt --into small/ --minutes 2 --resume",
        "goes on with an interrupted training; Ctrl-C keeps what was learned",
    ),
)
HYPERNET = "hypernet"
_WHAT = (*KINDS, FLEXTOK, HYPERNET)
_MINUTES, _RATE = 60.0, 2e-4

_SUMMARY = (
    "{folder}: {again}{steps:,} steps in {seconds:,.0f} CPU seconds, loss {first_loss:.4f} at "
    "first, {last_loss:.4f} at last"
)


class TrainingInput(OptionType):
    """A text to read; for a hypernetwork the first is the model, for flextok it is pictures."""

    paths = "files"

    def check_among(self, value: Any, arguments: Mapping[str, Any]) -> None:
        """Whether it can be read, or is a model."""
        inputs = arguments["inputs"]
        if arguments["what"] == FLEXTOK and Path(value).is_dir():
            return
        is_model = arguments["what"] == HYPERNET and value is inputs[0]
        (Source() if is_model else InputFile()).check(value)
        if arguments["what"] == HYPERNET and len(inputs) < 2:
            raise typer.BadParameter("a hypernet takes MODEL TEXT…, got no text")


def train(
    what: Annotated[str, argument("|".join(_WHAT), Choice(*_WHAT), "what is trained")],
    inputs: Annotated[
        list[str],
        argument(
            "DATA",
            TrainingInput(),
            "texts to learn from; for hypernet first a model; for flextok pictures: a folder, a "
            "zip or an npz",
        ),
    ],
    into: Annotated[
        str, option("folder for checkpoints, records and the network", OutputFolder(), "FOLDER")
    ],
    text_training: TextTraining,
    minutes: Annotated[
        float | None, option("of CPU (10; for hypernet 60)", Real(above=0), "M")
    ] = None,
    resume: Annotated[bool, option("go on with the training in the folder")] = False,
    rate: Annotated[
        float | None,
        option("learning rate at its peak (0.002; for hypernet 0.0002)", Real(above=0), "R"),
    ] = None,
    seed: Annotated[int, option("of whatever is drawn", Whole(0), "N")] = 0,
    html: Annotated[str | None, html_option("the curves as a page")] = None,
    as_json: JsonFlag = False,
) -> int:
    """Train a network, or go on with it.

    All but two are language models that learn from texts: tokkit score and tokkit complete take
    their FOLDER. A flextok is a tokenizer of pictures; it has the options set, steps, held-out,
    bf16 and device of models of text. A hypernet (hypernet MODEL TEXT…) corrects the rows that a
    heuristic makes for other tokenizers, of MODEL and of what is tuned from it: tokkit transfer
    --hypernet FOLDER. Give all options again to go on.
    """
    from tokkit.models.training import TrainingOptions
    from tokkit.models.training.checkpoints import CHECKPOINT

    refuse_two_on_stdout(html=html, json="-" if as_json else None)
    begun = (Path(into) / CHECKPOINT).exists()
    if begun and not resume:
        raise ArgumentError(f"{into!r} holds a training; give --resume to go on with it")
    if resume and not begun:
        raise ArgumentError(f"{into!r} holds no training to go on with; leave --resume out")
    with _told_how_to_go_on(into):
        if what == FLEXTOK:
            return train_flextok(inputs, into, text_training, minutes, rate, seed, html, as_json)
        if what != HYPERNET:
            options = text_training.options(minutes, rate, seed)
            return train_text_model(what, inputs, into, text_training, options, html, as_json)
        text_training.refuse("of models of text")
        options = TrainingOptions(
            seconds=60 * (_MINUTES if minutes is None else minutes),
            learning_rate=_RATE if rate is None else rate,
            weight_decay=0.01,
            seed=seed,
        )
        return _train_hypernet(inputs[0], inputs[1:], into, options, html, as_json)


@contextmanager
def _told_how_to_go_on(into: str) -> Generator[None]:
    """Say of an interruption what the same command needs to go on.

    Raises:
        Interrupted: there was one.
    """
    from tokkit.models.training.checkpoints import CHECKPOINT

    try:
        yield
    except KeyboardInterrupt as error:
        done = str(error) or "stopped before the training began"
        begun = (Path(into) / CHECKPOINT).exists()
        how = "with --resume goes on" if begun else "begins anew"
        raise Interrupted(f"{done}; the same command {how}") from None


def _train_hypernet(
    model: str,
    files: list[str],
    into: str,
    options: TrainingOptions,
    html: str | None,
    as_json: bool,
) -> int:
    from tokkit.hypernets import train_hypernetwork
    from tokkit.hypernets.training_page import render_training_page

    texts = [read_text(None, file) for file in files]
    with Meter() as meter:
        result = train_hypernetwork(model, texts, into, options, progress=meter).result
    figures = _figures(result, into)
    if html is not None:
        save_text(html, render_training_page(result, model=model))
    if as_json:
        print_json(figures)
    elif html != "-":
        again = "finished before, nothing was learned; " if result.was_finished else ""
        save_text("-", visible(_SUMMARY.format(again=again, **figures)) + "\n")
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
