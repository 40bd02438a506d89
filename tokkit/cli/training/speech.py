"""`tokkit train dm-codec`: a tokenizer of speech, trained and told about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tokkit.cli.output import print_json, save_text
from tokkit.cli.progress import Meter
from tokkit.cli.training.text_models import TextTraining
from tokkit.errors import ArgumentError, FormatError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.models import DMCodec

DM_CODEC = "dm-codec"
_OF_TEXT = (
    "width", "layers", "heads", "ngrams", "gate", "tokenizer", "vocab_size", "start", "batch_bytes",
    "window_bytes", "lesson_bytes", "bf16",
)  # fmt: skip
_MINUTES, _RATE, _HELD_OUT = 10.0, 2e-3, 0.05


def train_dm_codec(
    inputs: Sequence[str],
    into: str,
    asked: TextTraining,
    minutes: float | None,
    rate: float | None,
    seed: int,
    html: str | None,
    as_json: bool,
) -> int:
    """Train a tokenizer of speech, and tell how it went.

    Args:
        inputs: WAV files, and folders of them.
        into: the folder of the training.
        asked: how; of its options `settings`, `steps`, `held_out` and `device`.
        minutes: of CPU time.
        rate: learning rate at its peak.
        seed: of whatever is drawn.
        html: where a page goes, if anywhere.
        as_json: whether to tell it as JSON.

    Returns:
        The exit code.
    """
    from tokkit.models.dm_codec.speech_files import read_recordings
    from tokkit.models.dm_codec.training_page import SpeechTrainingFigures, render_speech_training
    from tokkit.models.training import TrainingOptions
    from tokkit.models.training import train as train_model

    asked.refuse("of models of text", _OF_TEXT)
    if minutes is None and asked.steps is None:
        minutes = _MINUTES
    options = TrainingOptions(
        steps=asked.steps,
        seconds=None if minutes is None else 60 * minutes,
        clock="cpu" if asked.device is None else "wall",
        learning_rate=_RATE if rate is None else rate,
        seed=seed,
        device=asked.device,
    )
    with Meter("reading recordings") as meter:
        held_out = _HELD_OUT if asked.held_out is None else asked.held_out
        recordings = read_recordings(inputs, held_out=held_out)
        model = _new_model(recordings.train[0].sample_rate, asked.settings or (), seed)
        result = train_model(model, recordings, options, folder=into, progress=meter)
    n_parameters = sum(each.numel() for each in model.parameters())
    figures = SpeechTrainingFigures.of(result, n_parameters=n_parameters)
    if html is not None:
        save_text(html, render_speech_training(result, figures, name=into))
    if as_json:
        print_json({"folder": into, **asdict(figures)})
    elif html != "-":
        told = ", ".join(f"{value:.4f} with {n}" for n, value in figures.errors.items())
        again = "finished before, nothing was learned; " if result.was_finished else ""
        line = (
            f"{into}: {again}{figures.steps:,} steps in {figures.seconds:,.0f} seconds, loss "
            f"{figures.loss:.4f}" + (told and f"; held-out spectra differ by {told} streams")
        )
        save_text("-", visible(line) + "\n")
    return 0


def _new_model(sample_rate: int, settings: Sequence[str], seed: int) -> DMCodec:
    import torch

    from tokkit.models import DMCodec, DMCodecConfig
    from tokkit.models.saving.configs import config_from_dict, config_to_dict, merged
    from tokkit.models.text_models.building import read_settings

    values = {**config_to_dict(DMCodecConfig()), "sample_rate": sample_rate}
    try:
        config = config_from_dict(
            DMCodecConfig, merged(values, read_settings(settings)), "the configuration"
        )
    except FormatError as error:
        raise ArgumentError(str(error)) from error
    torch.manual_seed(seed)
    return DMCodec(config)
