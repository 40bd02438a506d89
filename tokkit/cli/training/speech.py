"""`tokkit train dm-codec`: a tokenizer of speech, trained and told about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tokkit.cli.training.signals import OF_TEXT, SignalTraining, train_signals

if TYPE_CHECKING:
    from tokkit.models import DMCodec, Recordings

DM_CODEC = "dm-codec"
_RATE = 2e-3


def train_dm_codec(inputs: Sequence[str], ask: SignalTraining) -> int:
    """Train a tokenizer of speech, and tell how it went.

    Args:
        inputs: WAV files, and folders of them.
        ask: how.

    Returns:
        The exit code.
    """
    from tokkit.models import DMCodecConfig
    from tokkit.models.dm_codec.speech_files import read_recordings
    from tokkit.models.dm_codec.training_story import STORY
    from tokkit.models.saving.configs import changed_config
    from tokkit.models.text_models.building import read_settings
    from tokkit.models.training import TrainingOptions

    ask.asked.refuse("of models of text", (*OF_TEXT, "bf16"))
    settings = read_settings(ask.asked.settings or ())
    changed_config(DMCodecConfig(), settings)  # a wrong setting is told before the work
    rate = _RATE if ask.rate is None else ask.rate
    options = TrainingOptions(learning_rate=rate, **ask.budget())

    def read() -> tuple[Recordings, DMCodec]:
        recordings = read_recordings(inputs, held_out=ask.held_out)
        rate = recordings.train[0].sample_rate
        return recordings, _new_model(rate, settings, ask.seed)

    return train_signals(ask, options, STORY, read)


def _new_model(sample_rate: int, settings: Mapping[str, Any], seed: int) -> DMCodec:
    import torch

    from tokkit.models import DMCodec, DMCodecConfig
    from tokkit.models.saving.configs import changed_config

    config = changed_config(DMCodecConfig(), {"sample_rate": sample_rate, **settings})
    torch.manual_seed(seed)
    return DMCodec(config)
