"""`tokkit train`: networks that are trained, each under its name."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokkit.cli.declarations import argument, option
from tokkit.cli.inputs import DownloadFlag, read_text
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
from tokkit.cli.training.graphs import VQGRAPH, train_vqgraph
from tokkit.cli.training.pictures import FLEXTOK, train_flextok
from tokkit.cli.training.signals import SignalTraining
from tokkit.cli.training.speech import DM_CODEC, train_dm_codec
from tokkit.cli.training.text_models import (
    NOT_OF_HYPERNETS,
    OF_BYTEIFIED,
    TextTraining,
    train_byteified,
    train_text_model,
)
from tokkit.errors import ArgumentError, Interrupted, refused_by_system
from tokkit.models.kinds import KINDS
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.hypernets import HypernetOptions
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
        "tokkit train byteified smollm2 book.txt --into bytes/ --minutes 15",
        "a model of bytes on the backbone of a token model",
    ),
    (
        "tokkit train flextok pictures.zip --into tokenizer/ --minutes 20",
        "a tokenizer of pictures of one size: a folder, a zip or an npz of them",
    ),
    (
        "tokkit train vqgraph cora.npz --into nodes/",
        "a tokenizer of the nodes of a graph, with a network that needs no graph",
    ),
    (
        "tokkit train dm-codec recordings/ --into codec/ --minutes 60",
        "a tokenizer of speech: WAV files of one channel and one sample rate",
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
HYPERNET, BYTEIFIED = "hypernet", "byteified"
_OF_SIGNALS = {FLEXTOK: train_flextok, VQGRAPH: train_vqgraph, DM_CODEC: train_dm_codec}
_WHAT = (*KINDS, BYTEIFIED, *_OF_SIGNALS, HYPERNET)
_OF_A_MODEL = (BYTEIFIED, HYPERNET)
"""What takes a model first, then texts."""
_MINUTES, _RATE = 60.0, 2e-4

_SUMMARY = (
    "{folder}: {again}{steps:,} steps in {seconds:,.0f} CPU seconds, loss {first_loss:.4f} at "
    "first, {last_loss:.4f} at last"
)


class TrainingInput(OptionType):
    """A text to read; of `_OF_A_MODEL` the first is a model, of `_OF_SIGNALS` no text."""

    paths = "files"

    def check_among(self, value: Any, arguments: Mapping[str, Any]) -> None:
        """Whether it can be read, or is a model."""
        inputs = arguments["inputs"]
        what = arguments["what"]
        if what in (FLEXTOK, DM_CODEC) and Path(value).is_dir():
            return
        is_model = what in _OF_A_MODEL and value is inputs[0]
        if is_model:
            Source().check_among(value, arguments)
        elif value == "-":
            raise typer.BadParameter(
                "cannot read '-': trainings read files, which a resumed one reads again"
            )
        else:
            InputFile().check(value)
        if what in _OF_A_MODEL and len(inputs) < 2:
            raise typer.BadParameter(f"{what} takes MODEL TEXT…, got no text")


def train(
    what: Annotated[str, argument("KIND", Choice(*_WHAT), f"what is trained: {', '.join(_WHAT)}")],
    inputs: Annotated[
        list[str],
        argument(
            "DATA",
            TrainingInput(),
            "texts to learn from; for byteified and hypernet first a model; for flextok pictures: "
            "a folder, a zip or an npz; for vqgraph an npz of a graph; for dm-codec WAV files and "
            "folders of them",
        ),
    ],
    into: Annotated[
        str, option("folder for checkpoints, records and the network", OutputFolder(), "FOLDER")
    ],
    text_training: TextTraining,
    minutes: Annotated[
        float | None,
        option("of CPU (10; hypernet 60; vqgraph: 350 steps)", Real(above=0), "M"),
    ] = None,
    resume: Annotated[bool, option("go on with the training in the folder")] = False,
    rate: Annotated[
        float | None,
        option(
            "learning rate at its peak (0.002; hypernet 0.0002; vqgraph 0.01)",
            Real(above=0),
            "R",
        ),
    ] = None,
    seed: Annotated[int, option("of whatever is drawn", Whole(0), "N")] = 0,
    html: Annotated[str | None, html_option("the curves as a page")] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Train a network, or go on with it: give all options again, and --resume.

    byte, subword, spacebyte, hierarchical and word-pooled are language models that learn from
    texts; byteified MODEL TEXT… makes one over bytes on the backbone of MODEL. tokkit score and
    tokkit complete take their FOLDER.

    flextok is a tokenizer of pictures, vqgraph one of the nodes of a graph, dm-codec one of
    speech; of the options of models of text they have --set, --steps, --held-out and --device.

    hypernet MODEL TEXT… corrects the rows that a heuristic makes for other tokenizers, of MODEL and
    of what is tuned from it: tokkit transfer --hypernet FOLDER.
    """
    refuse_two_on_stdout(html=html, json="-" if as_json else None)
    _refuse_unless_as_said(into, resume=resume)
    if allow_download:
        _fetch(inputs[0] if what in _OF_A_MODEL else None, text_training.tokenizer)
    with _told_how_to_go_on(into):
        if (run := _OF_SIGNALS.get(what)) is not None:
            ask = SignalTraining(into, text_training, minutes, rate, seed, html, as_json)
            return run(inputs, ask)
        if what == BYTEIFIED:
            options = text_training.options(minutes, rate, seed)
            return train_byteified(
                inputs[0], inputs[1:], into, text_training, options, html, as_json
            )
        if what != HYPERNET:
            text_training.refuse("of byteified models", among=OF_BYTEIFIED)
            options = text_training.options(minutes, rate, seed)
            return train_text_model(what, inputs, into, text_training, options, html, as_json)
        text_training.refuse("of models of text", among=NOT_OF_HYPERNETS)
        options = _hypernet_options(minutes, rate, seed)
        network = _network_options(text_training.settings or ())
        return _train_hypernet(inputs[0], inputs[1:], into, options, network, html, as_json)


def _refuse_unless_as_said(into: str, *, resume: bool) -> None:
    """Refuse to go on with a training by accident, and to begin one in place of going on."""
    begun = _is_begun(into)
    if begun and not resume:
        raise ArgumentError(f"{into!r} holds a training; give --resume to go on with it")
    if resume and not begun:
        with refused_by_system(f"read {into!r}"):
            other = Path(into).is_dir() and any(Path(into).iterdir())
        remedy = "give a folder of its own, and leave --resume out" if other else "leave it out"
        raise ArgumentError(f"--resume: {into!r} holds no training to go on with; {remedy}")


def _fetch(model: str | None, tokenizer: str | None) -> None:
    """Bring what hub ids name into the local cache, where the work finds it."""
    from tokkit.files.sources import meaning_of
    from tokkit.text.loading import find_file

    if tokenizer is not None and meaning_of(tokenizer) == "hub":
        find_file(tokenizer, allow_download=True)
    if model is not None and meaning_of(model) == "hub":
        from tokkit.bytelm.token_models.transformers.loading import resolve_model

        resolve_model(model, allow_download=True)


def _is_begun(into: str) -> bool:
    """Whether a folder holds a checkpoint, or lessons that were made before one."""
    from tokkit.models.kinds import LESSONS
    from tokkit.models.training.checkpoints import CHECKPOINT

    return (Path(into) / CHECKPOINT).exists() or (Path(into) / LESSONS).exists()


@contextmanager
def _told_how_to_go_on(into: str) -> Generator[None]:
    """Say of an interruption what the same command needs to go on.

    Raises:
        Interrupted: there was one.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        done = str(error) or "stopped before the training began"
        how = "with --resume goes on" if _is_begun(into) else "begins anew"
        raise Interrupted(f"{done}; the same command {how}") from None


def _hypernet_options(minutes: float | None, rate: float | None, seed: int) -> TrainingOptions:
    """Budget and optimiser, with the defaults of a hypernetwork."""
    from tokkit.models.training import TrainingOptions

    return TrainingOptions(
        seconds=60 * (_MINUTES if minutes is None else minutes),
        learning_rate=_RATE if rate is None else rate,
        weight_decay=0.01,
        seed=seed,
    )


def _network_options(settings: Sequence[str]) -> HypernetOptions:
    """The default network, with some fields set to others."""
    from tokkit.hypernets import HypernetOptions
    from tokkit.models.saving.configs import changed_config
    from tokkit.models.text_models.building import read_settings

    return changed_config(HypernetOptions(), read_settings(settings))


def _train_hypernet(
    model: str,
    files: list[str],
    into: str,
    options: TrainingOptions,
    network: HypernetOptions,
    html: str | None,
    as_json: bool,
) -> int:
    from tokkit.hypernets import train_hypernetwork
    from tokkit.hypernets.telling.training_page import render_training_page

    texts = [read_text(None, file) for file in files]
    with Meter() as meter:
        training = train_hypernetwork(model, texts, into, options, options=network, progress=meter)
    result = training.result
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
