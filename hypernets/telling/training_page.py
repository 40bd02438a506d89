"""How the training of a hypernetwork went, as a page with its curve."""

from __future__ import annotations

from tokkit.hypernets.telling.transfer_report import training_section
from tokkit.models.training import TrainingResult
from tokkit.models.training.telling.curve import TrainingCurve
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Fact
from tokkit.report.wording import plural


def render_training_page(result: TrainingResult, *, model: str, evaluation: str = "") -> str:
    """A page as a string, for UTF-8; equal figures give equal strings.

    Args:
        result: of a training of one step at least.
        model: what the network is for.
        evaluation: name of the figure of bits per byte that is drawn, too, where there is one.
    """
    curve = TrainingCurve.of(result.records, evaluation)
    first, last = curve.losses[0], curve.losses[-1]
    return render(
        Page(
            brand="train",
            kicker="A hypernetwork",
            name=model,
            description=f"{plural(result.step, 'step')} in {result.seconds:,.0f} seconds",
            verdict=f"The loss was {first:.3f} at first and is {last:.3f} at last.",
            headline=(
                Fact("steps", "Steps", result.step),
                Fact("seconds", "Seconds", round(result.seconds), "s"),
                Fact("first", "Loss at first", round(first, 3)),
                Fact("last", "Loss at last", round(last, 3)),
            ),
            sections=(training_section(curve),),
            note=(
                "A loss is that of a sampled tokenizer, and each has losses of its own: read the "
                "curve from afar."
            ),
        )
    )
