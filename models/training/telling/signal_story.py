"""How the training of a tokenizer of signals went, in figures, in a line, and as a page.

All of them tell the same: a loss, and what was measured on signals that nothing was learned from,
by several lengths of their codes or by several networks. A `SignalStory` says what is particular to
one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tokkit.models.training.loop import TrainingResult
from tokkit.models.training.telling.curve import TrainingCurve, last_loss
from tokkit.models.training.telling.loss_section import loss_section
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Chart, Column, Fact, Scalar, Section, Series, Table
from tokkit.report.wording import plural

Values = Mapping[str, float]
"""What was measured, in the order in which it is told."""


@dataclass(frozen=True)
class SignalStory:
    """What is told of the training of one kind of tokenizer.

    Attributes:
        kind: of the tokenizer.
        signals: what it is of, in the plural.
        key: of what is measured; stable.
        prefix: of the names of those figures in an evaluation.
        held_out: what they are measured on, as a sentence.
        title: what is measured.
        by: heading of what stands before each figure.
        label: of a figure, by the rest of its name.
        unit: of the figures.
        digits: behind the point.
        verdict: a sentence about the last figures, for the page.
        line: the same in a few words, for a terminal.
        has_gains: whether each figure is told as so much more than the one before it, too.
        factor: what the figures are multiplied by when they are shown.
    """

    kind: str
    signals: str
    key: str
    prefix: str
    held_out: str
    title: str
    by: str
    label: Callable[[str], str]
    unit: str
    digits: int
    verdict: Callable[[Values], str]
    line: Callable[[Values], str]
    has_gains: bool = False
    factor: float = 1.0

    def values(self, evaluation: Mapping[str, float]) -> dict[str, float]:
        """The figures of an evaluation, by the rest of their names."""
        return {
            name.removeprefix(self.prefix): value
            for name, value in evaluation.items()
            if name.startswith(self.prefix)
        }

    def shown(self, value: float) -> float:
        """A figure as it is shown."""
        return round(self.factor * value, self.digits)


@dataclass(frozen=True)
class SignalFigures:
    """What is told of a training.

    Attributes:
        n_parameters: that are trained.
        steps, seconds: of updates.
        resumed_at: the step that it went on from.
        loss: of the last tenth of the steps.
        perplexity: of the codes of held-out signals; None where nothing is held out.
        last: what was measured on them at last; empty where nothing is held out.
        first: the same before the first step.
    """

    n_parameters: int
    steps: int
    seconds: float
    resumed_at: int
    loss: float
    perplexity: float | None = None
    last: Values = field(default_factory=dict[str, float])
    first: Values = field(default_factory=dict[str, float])

    @classmethod
    def of(cls, result: TrainingResult, story: SignalStory, *, n_parameters: int) -> SignalFigures:
        """The figures of a training of one step at least."""
        evaluated = [record.evaluation for record in result.records if record.evaluation]
        return cls(
            n_parameters=n_parameters,
            steps=result.step,
            seconds=result.seconds,
            resumed_at=result.resumed_at,
            loss=last_loss(result.records),
            perplexity=evaluated[-1]["perplexity"] if evaluated else None,
            last=story.values(evaluated[-1]) if evaluated else {},
            first=story.values(evaluated[0]) if evaluated else {},
        )

    def json_data(self, story: SignalStory) -> dict[str, Any]:
        """Plain data, in which what was measured bears its key."""
        values = asdict(self)
        values[story.key], values[f"first_{story.key}"] = values.pop("last"), values.pop("first")
        return values


def training_line(
    result: TrainingResult, figures: SignalFigures, story: SignalStory, *, name: str
) -> str:
    """A line for a terminal."""
    again = "finished before, nothing was learned; " if result.was_finished else ""
    return (
        f"{name}: {again}{figures.steps:,} steps in {figures.seconds:,.0f} seconds, loss "
        f"{figures.loss:.4f}" + (f"; {story.line(figures.last)}" if figures.last else "")
    )


def render_signal_training(
    result: TrainingResult, figures: SignalFigures, story: SignalStory, *, name: str
) -> str:
    """A page as a string, for UTF-8; equal figures give equal strings.

    Args:
        result: of a training of one step at least.
        figures: of it.
        story: of the kind of tokenizer.
        name: of what was trained, for the title.
    """
    facts = [
        Fact("steps", "Steps", figures.steps),
        Fact("seconds", "Seconds", round(figures.seconds), "s"),
        Fact("parameters", "Parameters", figures.n_parameters),
    ]
    verdict = f"The loss is {figures.loss:.4f} at last."
    if figures.last:
        *_, most = figures.last
        facts.append(
            Fact(story.key, story.label(most), story.shown(figures.last[most]), story.unit)
        )
        verdict = story.verdict(figures.last)
    if figures.perplexity is not None:
        facts.append(Fact("perplexity", "Perplexity of the codes", round(figures.perplexity, 1)))
    return render(
        Page(
            brand="train",
            kicker=f"A tokenizer of {story.signals}: {story.kind}",
            name=name,
            description=f"{plural(figures.steps, 'step')} in {figures.seconds:,.0f} seconds",
            verdict=verdict,
            headline=facts,
            sections=_sections(result, figures, story),
            note="Seconds are of CPU time, or of wall time on a GPU, spent on updates.",
        )
    )


def _sections(
    result: TrainingResult, figures: SignalFigures, story: SignalStory
) -> tuple[Section, ...]:
    curve = TrainingCurve.of(result.records, "")
    loss = loss_section(curve, [round(each, 5) for each in curve.losses])
    if not figures.last:
        return (loss,)
    evaluated = [record for record in result.records if record.evaluation]
    found = [story.values(record.evaluation) for record in evaluated]
    series = tuple(
        Series(story.label(name), tuple(story.shown(each[name]) for each in found))
        for name in figures.last
    )
    steps = tuple(str(record.step) for record in evaluated)
    held_out = Section(
        "held_out", "Held out", story.held_out,
        tables=(_table(figures.last, story),),
        charts=(
            Chart("against_steps", f"{story.title} against steps", "lines", steps, series,
                  x_label="steps", y_label=story.unit),
        ),
    )  # fmt: skip
    return (held_out, loss)


def _table(values: Values, story: SignalStory) -> Table:
    """The last figures, a row each."""
    heads = [Column("by", story.by), Column(story.key, story.unit, "number")]
    rows: list[tuple[Scalar, ...]] = []
    before: float | None = None
    for name, value in values.items():
        row: tuple[Scalar, ...] = (story.label(name), story.shown(value))
        if story.has_gains:
            row += (None if before is None else story.shown(value - before),)
        rows.append(row)
        before = value
    if story.has_gains:
        heads.append(Column("gain", "More than the row before", "number"))
    return Table(story.key, f"{story.title} at last", tuple(heads), tuple(rows))
