"""How the training of a `FlexTok` went, in figures and as a page: decibels by the first ids."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.models.training.curve import TrainingCurve
from tokkit.models.training.loop import TrainingResult
from tokkit.models.training.loss_section import loss_section
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Chart, Fact, Section, Series, Table, columns
from tokkit.report.wording import plural

_PSNR = "psnr_"


@dataclass(frozen=True)
class PictureTrainingFigures:
    """What is told of a training.

    Attributes:
        n_parameters: that are trained.
        steps, seconds: of updates.
        resumed_at: the step that it went on from.
        loss: of the last tenth of the steps.
        psnr: decibels on held-out pictures by numbers of first ids, at last; empty where nothing is
            held out.
        first_psnr: the same before the first step.
        perplexity: of the codes on those pictures, on average over the places.
    """

    n_parameters: int
    steps: int
    seconds: float
    resumed_at: int
    loss: float
    psnr: dict[int, float] = field(default_factory=dict[int, float])
    first_psnr: dict[int, float] = field(default_factory=dict[int, float])
    perplexity: float | None = None

    @classmethod
    def of(cls, result: TrainingResult, *, n_parameters: int) -> PictureTrainingFigures:
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
            psnr=_decibels(evaluated[-1]) if evaluated else {},
            first_psnr=_decibels(evaluated[0]) if evaluated else {},
            perplexity=evaluated[-1]["perplexity"] if evaluated else None,
        )


def _decibels(evaluation: object) -> dict[int, float]:
    assert isinstance(evaluation, dict)
    return {
        int(name.removeprefix(_PSNR)): value
        for name, value in evaluation.items()
        if name.startswith(_PSNR)
    }


def render_picture_training(
    result: TrainingResult, figures: PictureTrainingFigures, *, name: str
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
    if figures.psnr:
        most = max(figures.psnr)
        facts += [
            Fact("psnr", f"{plural(most, 'id')}", round(figures.psnr[most], 2), "dB"),
            Fact("perplexity", "Perplexity of the codes", round(figures.perplexity or 0, 1)),
        ]
        verdict = (
            f"{figures.psnr[most]:.2f} dB by {plural(most, 'id')}, {figures.psnr[1]:.2f} dB by the "
            "first alone, on pictures that nothing was learned from."
        )
    return render(
        Page(
            brand="train",
            kicker="A tokenizer of pictures: flextok",
            name=name,
            description=f"{plural(figures.steps, 'step')} in {figures.seconds:,.0f} seconds",
            verdict=verdict,
            headline=facts,
            sections=_sections(result, figures),
            note="Seconds are of CPU time, or of wall time on a GPU, spent on updates.",
        )
    )


def _sections(result: TrainingResult, figures: PictureTrainingFigures) -> tuple[Section, ...]:
    curve = TrainingCurve.of(result.records, "")
    losses = [round(each, 5) for each in curve.losses]
    loss = loss_section(curve, losses)
    if not figures.psnr:
        return (loss,)
    evaluated = [record for record in result.records if record.evaluation]
    tables = [_decibels(record.evaluation) for record in evaluated]
    series = tuple(
        Series(plural(n, "id"), tuple(round(each[n], 2) for each in tables)) for n in figures.psnr
    )
    steps = tuple(str(record.step) for record in evaluated)
    gains = [0.0, *figures.psnr.values()]
    rows = tuple(
        (n, round(value, 2), round(value - before, 2) if before else None)
        for (n, value), before in zip(figures.psnr.items(), gains, strict=False)
    )
    held_out = Section(
        "held_out", "Held out", "Pictures that nothing is learned from, as they are expected.",
        tables=(
            Table("psnr", "Decibels by the first ids",
                  columns("number", ids="Ids", psnr="dB", gain="More than the row before"), rows),
        ),
        charts=(
            Chart("against_steps", "Decibels against steps", "lines", steps, series,
                  x_label="steps", y_label="dB"),
        ),
    )  # fmt: skip
    return (held_out, loss)
