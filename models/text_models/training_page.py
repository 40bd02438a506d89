"""How the training of a text model went, as a page with bits a byte against what it took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokkit.models.text_models.learning import BITS_PER_BYTE
from tokkit.models.training.loop import TrainingResult
from tokkit.models.training.telling.curve import TrainingCurve, last_loss
from tokkit.models.training.telling.loss_section import loss_section
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Chart, Fact, Section, Series, Table, columns
from tokkit.report.wording import plural, size

_DIGITS = 4


@dataclass(frozen=True)
class TextTrainingFigures:
    """What is told of a training.

    Attributes:
        kind: of the model.
        n_parameters: that are trained.
        steps, seconds: of updates.
        n_bytes: read, on average so many a step.
        resumed_at: the step that it went on from.
        loss: of the last tenth of the steps, bits a byte.
        bits_per_byte: on held-out windows at last; None where nothing is held out.
        first_bits_per_byte: the same before the first step.
    """

    kind: str
    n_parameters: int
    steps: int
    seconds: float
    n_bytes: int
    resumed_at: int
    loss: float
    bits_per_byte: float | None
    first_bits_per_byte: float | None

    @classmethod
    def of(cls, result: TrainingResult, *, kind: str, n_parameters: int) -> TextTrainingFigures:
        """The figures of a training of one step at least."""
        evaluated = TrainingCurve.of(result.records, BITS_PER_BYTE).bits_per_byte
        return cls(
            kind=kind,
            n_parameters=n_parameters,
            steps=result.step,
            seconds=result.seconds,
            n_bytes=result.step * (result.step_bytes or 0),
            resumed_at=result.resumed_at,
            loss=last_loss(result.records) / math.log(2),
            bits_per_byte=evaluated[-1] if evaluated else None,
            first_bits_per_byte=evaluated[0] if evaluated else None,
        )


def render_text_training(result: TrainingResult, figures: TextTrainingFigures, *, name: str) -> str:
    """A page as a string, for UTF-8; equal figures give equal strings.

    Args:
        result: of a training of one step at least.
        figures: of it.
        name: of what was trained, for the title.
    """
    curve = TrainingCurve.of(result.records, BITS_PER_BYTE)
    facts = [
        Fact("steps", "Steps", figures.steps),
        Fact("read_bytes", "Bytes read", figures.n_bytes),
        Fact("seconds", "Seconds", round(figures.seconds), "s"),
        Fact("parameters", "Parameters", figures.n_parameters),
        Fact("loss", "Loss", _rounded(figures.loss), "bits a byte",
             help="Of the last tenth of the steps, before each of them."),
    ]  # fmt: skip
    verdict = f"The loss is {figures.loss:.3f} bits a byte at last."
    if figures.bits_per_byte is not None:
        facts.append(
            Fact("bits_per_byte", "Held out", _rounded(figures.bits_per_byte), "bits a byte")
        )
        verdict = (
            f"{figures.bits_per_byte:.3f} bits a byte on windows that nothing was learned from."
        )
    description = (
        f"{plural(figures.steps, 'step')} over {size(figures.n_bytes)} in "
        f"{figures.seconds:,.0f} seconds"
    )
    return render(
        Page(
            brand="train",
            kicker=f"A model of text: {figures.kind}",
            name=name,
            description=description,
            verdict=verdict,
            headline=facts,
            sections=_sections(curve, result.step_bytes or 0),
            note=(
                "Seconds are of CPU time, or of wall time on a GPU, spent on updates. Each window "
                "is read by itself, so that its first bytes cost more than they would in a text."
            ),
        )
    )


def _sections(curve: TrainingCurve, step_bytes: int) -> Sequence[Section]:
    losses = [_rounded(loss / math.log(2)) for loss in curve.losses]
    loss = loss_section(curve, losses, unit="bits a byte")
    if not curve.bits_per_byte:
        return (loss,)
    bits = tuple(map(_rounded, curve.bits_per_byte))
    read = [step * step_bytes for step in curve.evaluated_steps]
    labels: dict[str, tuple[Any, ...]] = {
        "steps": curve.evaluated_steps,
        "bytes": tuple(read),
        "seconds": tuple(map(round, curve.evaluated_at)),
    }
    charts = tuple(
        Chart(
            f"against_{what}", f"Bits a byte against {what}", "lines", tuple(map(str, values)),
            (Series("held out", bits),), x_label=what, y_label="bits a byte",
        )
        for what, values in labels.items()
    )  # fmt: skip
    heads = columns("number", steps="Steps", bytes="Bytes", seconds="Seconds", bits="Bits a byte")
    rows = tuple(zip(*labels.values(), bits, strict=True))
    held_out = Section(
        "held_out", "Held out", "Windows that nothing is learned from.",
        tables=(Table("held_out", "Bits a byte", heads, rows),),
        charts=charts,
    )  # fmt: skip
    return (held_out, loss)


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
