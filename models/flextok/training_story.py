"""What is told of the training of a `FlexTok`: decibels by the first ids."""

from __future__ import annotations

from tokkit.models.training.telling.signal_story import SignalStory, Values
from tokkit.report.wording import plural


def _verdict(values: Values) -> str:
    *_, most = values
    return (
        f"{values[most]:.2f} dB by {plural(int(most), 'id')}, {values['1']:.2f} dB by the first "
        "alone, on pictures that nothing was learned from."
    )


def _line(values: Values) -> str:
    told = "; ".join(f"{value:.2f} dB by {n}" for n, value in values.items())
    return f"held out {told} ids"


STORY = SignalStory(
    kind="flextok",
    signals="pictures",
    key="psnr",
    prefix="psnr_",
    held_out="Pictures that nothing is learned from, as they are expected.",
    title="Decibels",
    by="By the first",
    label=lambda n: plural(int(n), "id"),
    unit="dB",
    digits=2,
    verdict=_verdict,
    line=_line,
    has_gains=True,
)
