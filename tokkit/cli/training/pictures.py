"""`tokkit train flextok`: a tokenizer of pictures, trained and told about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tokkit.cli.training.signals import OF_TEXT, SignalTraining, train_signals
from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from tokkit.models import FlexTok, Pictures

FLEXTOK = "flextok"


def train_flextok(inputs: Sequence[str], ask: SignalTraining) -> int:
    """Train a tokenizer of pictures, and tell how it went.

    Args:
        inputs: one folder, zip or npz of pictures.
        ask: how.

    Returns:
        The exit code.
    """
    from tokkit.models.flextok.config import FlexTokConfig
    from tokkit.models.flextok.learning import training_options
    from tokkit.models.flextok.picture_files import read_pictures
    from tokkit.models.flextok.training_story import STORY
    from tokkit.models.saving.configs import check_fields
    from tokkit.models.text_models.building import read_settings

    ask.asked.refuse("of models of text", OF_TEXT)
    if len(inputs) != 1:
        raise ArgumentError(f"flextok learns from one folder, zip or npz, got {len(inputs)}")
    settings = read_settings(ask.asked.settings or ())
    check_fields(FlexTokConfig, settings)  # a wrong setting is told before the work
    autocast = "bfloat16" if ask.asked.bf16 else None
    options = training_options(rate=ask.rate, autocast=autocast, **ask.budget())

    def read() -> tuple[Pictures, FlexTok]:
        pictures = read_pictures(inputs[0], held_out=ask.held_out)
        return pictures, _new_model(pictures, settings, ask.seed)

    return train_signals(ask, options, STORY, read)


def _new_model(pictures: Pictures, settings: Mapping[str, Any], seed: int) -> FlexTok:
    import torch

    from tokkit.models import FlexTok
    from tokkit.models.flextok.fitting import config_for

    height, width, channels = pictures.images.shape[1:]
    config = config_for(height, width, channels, settings=settings)
    torch.manual_seed(seed)
    return FlexTok(config)
