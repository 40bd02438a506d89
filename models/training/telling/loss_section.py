"""The loss of a training, as a section of its page."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.models.training.telling.curve import TrainingCurve
from tokkit.report.section import Chart, Section, Series


def loss_section(curve: TrainingCurve, losses: Sequence[float], *, unit: str = "loss") -> Section:
    """A chart of losses against seconds.

    Args:
        curve: of the training.
        losses: its losses, in the unit and rounded as they are to be shown.
        unit: what they are.
    """
    return Section(
        "loss", "Loss", "Of each batch, before the step that learns from it.",
        charts=(
            Chart(
                "loss", "Loss of the training", "curve",
                tuple(f"{seconds:.0f}" for seconds in curve.seconds),
                (Series("loss", tuple(losses)),),
                x_label="seconds", y_label=unit,
            ),
        ),
    )  # fmt: skip
