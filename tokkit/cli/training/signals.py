"""What trainings of tokenizers of signals share: how they run, and how they are told about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tokkit.cli.output import print_json, save_text
from tokkit.cli.progress import Meter
from tokkit.cli.training.text_models import TextTraining
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.models.training import TrainingOptions
    from tokkit.models.training.telling.signal_story import SignalStory

OF_TEXT = (
    "width", "layers", "heads", "ngrams", "gate", "tokenizer", "vocab_size", "start", "batch_bytes",
    "window_bytes", "lesson_bytes",
)  # fmt: skip
"""Options that have no effect on any of them."""
HELD_OUT = 0.05
"""Share of the signals, by default."""
_MINUTES = 10.0


class SignalTraining(NamedTuple):
    """What `tokkit train` is asked of a tokenizer of signals.

    Attributes:
        into: the folder of the training.
        asked: how; of its options `settings`, `steps`, `held_out`, `device` and `bf16`.
        minutes: of CPU time.
        rate: learning rate at its peak.
        seed: of whatever is drawn.
        html: where a page goes, if anywhere.
        as_json: whether to tell it as JSON.
    """

    into: str
    asked: TextTraining
    minutes: float | None
    rate: float | None
    seed: int
    html: str | None
    as_json: bool

    @property
    def held_out(self) -> float:
        """Share of the signals that nothing is learned from."""
        return HELD_OUT if self.asked.held_out is None else self.asked.held_out

    def budget(self, *, steps: int | None = None) -> dict[str, Any]:
        """Options of the training that all kinds share.

        Args:
            steps: of a kind that has a number of them, where none is asked for; None: ten minutes.
        """
        asked, minutes = self.asked, self.minutes
        if minutes is None and asked.steps is None and steps is None:
            minutes = _MINUTES
        return {
            "steps": steps if asked.steps is None and minutes is None else asked.steps,
            "seconds": None if minutes is None else 60 * minutes,
            "clock": "cpu" if asked.device is None else "wall",
            "seed": self.seed,
            "device": asked.device,
        }


def train_signals(
    ask: SignalTraining,
    options: TrainingOptions,
    story: SignalStory,
    read: Callable[[], tuple[Any, Any]],
) -> int:
    """Train a tokenizer, and tell how it went.

    Args:
        ask: what is asked for.
        options: budget and optimiser.
        story: what is told.
        read: gives the data and a new model for it.

    Returns:
        The exit code.
    """
    from tokkit.models.training import train as train_model
    from tokkit.models.training.processes import is_first
    from tokkit.models.training.telling.signal_story import (
        SignalFigures,
        render_signal_training,
        training_line,
    )

    with Meter(f"reading {story.signals}") as meter:
        data, model = read()
        result = train_model(model, data, options, folder=ask.into, progress=meter)
    if not is_first():  # of several processes the first tells
        return 0
    n_parameters = sum(each.numel() for each in model.parameters())
    figures = SignalFigures.of(result, story, n_parameters=n_parameters)
    if ask.html is not None:
        save_text(ask.html, render_signal_training(result, figures, story, name=ask.into))
    if ask.as_json:
        print_json({"folder": ask.into, **figures.json_data(story)})
    elif ask.html != "-":
        line = training_line(result, figures, story, name=ask.into)
        save_text("-", visible(line) + "\n")
    return 0
