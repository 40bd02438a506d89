"""How the training of a `DMCodec` went, in figures and as a page: errors by the first streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokkit.models.training.curve import TrainingCurve
from tokkit.models.training.loop import TrainingResult
from tokkit.models.training.loss_section import loss_section
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Chart, Fact, Section, Series, Table, columns
from tokkit.report.wording import plural

_ERROR = "error_"


@dataclass(frozen=True)
class SpeechTrainingFigures:
    """What is told of a training.

    Attributes:
        n_parameters: that are trained.
        steps, seconds: of updates.
        resumed_at: the step that it went on from.
        loss: of the last tenth of the steps.
        errors: mean difference of held-out spectra (cube roots of amplitudes, of which 1 is full
            scale) by numbers of first streams, at last; empty where nothing is held out.
        first_errors: the same before the first step.
        perplexity: of the codes there, on average over the streams.
    """

    n_parameters: int
    steps: int
    seconds: float
    resumed_at: int
    loss: float
    errors: Mapping[int, float] = field(default_factory=dict[int, float])
    first_errors: Mapping[int, float] = field(default_factory=dict[int, float])
    perplexity: float | None = None

    @classmethod
    def of(cls, result: TrainingResult, *, n_parameters: int) -> SpeechTrainingFigures:
        """The figures of a training of one step at least."""
        losses = [record.loss for record in result.records if record.loss is not None]
        last = losses[-max(1, len(losses) // 10) :]
        evaluated = [record.evaluation for record in result.records if record.evaluation]
        return cls(
            n_parameters=n_parameters,
            steps=result.step,
            seconds=result.seconds,
            resumed_at=result.resumed_at,
            loss=sum(last) / len(last),
            errors=_errors(evaluated[-1]) if evaluated else {},
            first_errors=_errors(evaluated[0]) if evaluated else {},
            perplexity=evaluated[-1]["perplexity"] if evaluated else None,
        )


def _errors(evaluation: Mapping[str, float]) -> dict[int, float]:
    return {
        int(name.removeprefix(_ERROR)): value
        for name, value in evaluation.items()
        if name.startswith(_ERROR)
    }


def render_speech_training(
    result: TrainingResult, figures: SpeechTrainingFigures, *, name: str
) -> str:
    """A page as a string, for UTF-8; equal figures give equal strings.

    Args:
        result: of a training of one step at least.
        figures: of it.
        name: of what was trained, for the title.
    """
    facts = [
        Fact("steps", "Steps", figures.steps),
        Fact("seconds", "Seconds", round(figures.seconds), "s"),
        Fact("parameters", "Parameters", figures.n_parameters),
    ]
    verdict = f"The loss is {figures.loss:.4f} at last."
    if figures.errors:
        most = max(figures.errors)
        facts.append(Fact("perplexity", "Perplexity", round(figures.perplexity or 0, 1)))
        verdict = (
            f"Spectra of speech that nothing was learned from differ by {figures.errors[most]:.4f} "
            f"with {plural(most, 'stream')}, by {figures.errors[1]:.4f} with the first alone."
        )
    return render(
        Page(
            brand="train",
            kicker="A tokenizer of speech: dm-codec",
            name=name,
            description=f"{plural(figures.steps, 'step')} in {figures.seconds:,.0f} seconds",
            verdict=verdict,
            headline=facts,
            sections=_sections(result, figures),
            note="Seconds are of CPU time, or of wall time on a GPU, spent on updates.",
        )
    )


def _sections(result: TrainingResult, figures: SpeechTrainingFigures) -> tuple[Section, ...]:
    curve = TrainingCurve.of(result.records, "")
    losses = [round(each, 5) for each in curve.losses]
    loss = loss_section(curve, losses)
    if not figures.errors:
        return (loss,)
    evaluated = [record for record in result.records if record.evaluation]
    tables = [_errors(record.evaluation) for record in evaluated]
    series = tuple(
        Series(plural(n, "stream"), tuple(round(each[n], 5) for each in tables))
        for n in figures.errors
    )
    steps = tuple(str(record.step) for record in evaluated)
    rows = tuple((n, round(value, 5)) for n, value in figures.errors.items())
    held_out = Section(
        "held_out", "Held out",
        "Mean difference of spectra (cube roots of amplitudes) of speech that nothing is learned "
        "from.",
        tables=(
            Table("errors", "Differences by the first streams",
                  columns("number", streams="Streams", error="Difference"), rows),
        ),
        charts=(
            Chart("against_steps", "Differences against steps", "lines", steps, series,
                  x_label="steps", y_label="difference"),
        ),
    )  # fmt: skip
    return (held_out, loss)
