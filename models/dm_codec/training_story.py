"""What is told of the training of a `DMCodec`: differences of spectra by the first streams."""

from __future__ import annotations

from tokkit.models.training.telling.signal_story import SignalStory, Values
from tokkit.report.wording import plural


def _verdict(values: Values) -> str:
    *_, most = values
    return (
        f"Spectra of speech that nothing was learned from differ by {values[most]:.4f} with "
        f"{plural(int(most), 'stream')}, by {values['1']:.4f} with the first alone."
    )


def _line(values: Values) -> str:
    told = ", ".join(f"{value:.4f} with {n}" for n, value in values.items())
    return f"held-out spectra differ by {told} streams"


STORY = SignalStory(
    kind="dm-codec",
    signals="speech",
    key="errors",
    prefix="error_",
    held_out="Mean difference of spectra (cube roots of amplitudes, of which 1 is full scale) of "
    "speech that nothing is learned from.",
    title="Differences",
    by="With the first",
    label=lambda n: plural(int(n), "stream"),
    unit="difference",
    digits=5,
    verdict=_verdict,
    line=_line,
)
