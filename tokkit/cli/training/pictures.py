"""`tokkit train flextok`: a tokenizer of pictures, trained and told about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tokkit.cli.output import print_json, save_text
from tokkit.cli.progress import Meter
from tokkit.cli.training.text_models import TextTraining
from tokkit.errors import ArgumentError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.models import FlexTok, Pictures

FLEXTOK = "flextok"
_OF_TEXT = (
    "width", "layers", "heads", "ngrams", "gate", "tokenizer", "vocab_size", "start", "batch_bytes",
    "window_bytes", "lesson_bytes",
)  # fmt: skip
_MINUTES, _HELD_OUT = 10.0, 0.05


def train_flextok(
    inputs: Sequence[str],
    into: str,
    asked: TextTraining,
    minutes: float | None,
    rate: float | None,
    seed: int,
    html: str | None,
    as_json: bool,
) -> int:
    """Train a tokenizer of pictures, and tell how it went.

    Args:
        inputs: one folder, zip or npz of pictures.
        into: the folder of the training.
        asked: how; of its options `settings`, `steps`, `held_out`, `bf16` and `device`.
        minutes: of CPU time.
        rate: learning rate at its peak.
        seed: of whatever is drawn.
        html: where a page goes, if anywhere.
        as_json: whether to tell it as JSON.

    Returns:
        The exit code.
    """
    from tokkit.models import read_pictures
    from tokkit.models.flextok.learning import training_options
    from tokkit.models.flextok.training_page import (
        PictureTrainingFigures,
        render_picture_training,
    )
    from tokkit.models.training import train as train_model
    from tokkit.models.training.processes import is_first

    asked.refuse("of models of text", _OF_TEXT)
    if len(inputs) != 1:
        raise ArgumentError(f"flextok learns from one folder, zip or npz, got {len(inputs)}")
    if minutes is None and asked.steps is None:
        minutes = _MINUTES
    options = training_options(
        steps=asked.steps,
        seconds=None if minutes is None else 60 * minutes,
        clock="cpu" if asked.device is None else "wall",
        rate=rate,
        seed=seed,
        autocast="bfloat16" if asked.bf16 else None,
        device=asked.device,
    )
    with Meter("reading pictures") as meter:
        held_out = _HELD_OUT if asked.held_out is None else asked.held_out
        pictures = read_pictures(inputs[0], held_out=held_out)
        model = _new_model(pictures, asked.settings or (), seed)
        result = train_model(model, pictures, options, folder=into, progress=meter)
    if not is_first():  # of several processes the first tells
        return 0
    n_parameters = sum(each.numel() for each in model.parameters())
    figures = PictureTrainingFigures.of(result, n_parameters=n_parameters)
    if html is not None:
        save_text(html, render_picture_training(result, figures, name=into))
    if as_json:
        print_json({"folder": into, **asdict(figures)})
    elif html != "-":
        told = "; ".join(f"{value:.2f} dB by {n}" for n, value in figures.psnr.items())
        again = "finished before, nothing was learned; " if result.was_finished else ""
        line = (
            f"{into}: {again}{figures.steps:,} steps in {figures.seconds:,.0f} seconds, loss "
            f"{figures.loss:.4f}" + (told and f"; held out {told} ids")
        )
        save_text("-", visible(line) + "\n")
    return 0


def _new_model(pictures: Pictures, settings: Sequence[str], seed: int) -> FlexTok:
    import torch

    from tokkit.models import FlexTok
    from tokkit.models.flextok.fitting import config_for
    from tokkit.models.text_models.building import read_settings

    height, width, channels = pictures.images.shape[1:]
    config = config_for(height, width, channels, settings=read_settings(settings))
    torch.manual_seed(seed)
    return FlexTok(config)
