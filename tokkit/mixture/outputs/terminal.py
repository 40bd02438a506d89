"""An inferred mixture for a terminal: a table with bars."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.mixture.inferred import NOTICED, InferredMixture
from tokkit.report.layout import PLAIN, Layout, wrapped

_BAR_WIDTH = 32


def result_text(mixture: InferredMixture, layout: Layout = PLAIN) -> str:
    """A table with bars: solid up to the lower end of the interval, shaded up to the upper.

    Groups come first, if there are any. Of many categories those without a share to speak of
    are summed up in the last line.
    """
    shown, hidden = mixture.notable()
    bars = [(name, mixture.proportions[name], *mixture.bounds(name)) for name in shown]
    width = max(map(len, [*shown, *mixture.groups]))
    interval = f"{mixture.level:.0%} interval" if mixture.intervals is not None else ""
    lines = [] if mixture.fits else ["The merges fit no mixture of these; do not use the shares."]
    lines.append(f"{'':<{width}}   share  {interval:^16}".rstrip())
    if mixture.groups:
        groups = [
            (name, group.share, *(group.interval or (group.share, group.share)))
            for name, group in mixture.groups.items()
        ]
        lines += [*_rows(mixture, groups, width, layout), ""]
    lines += _rows(mixture, bars, width, layout)
    if hidden:
        total = sum(mixture.proportions[name] for name in hidden)
        lines.append(f"and {len(hidden)} more below {NOTICED:.1%} each, together {total:.1%}")
    if mixture.missing is not None:
        found = "A category seems" if mixture.seems_incomplete else "No category seems"
        lines += wrapped(f"{found} to be missing ({mixture.missing}).", 0, layout)
    if mixture.untold:
        told = (
            f"The merges tell nothing of {len(mixture.untold)} of the {len(mixture.proportions)} "
            "categories; shares are of the rest."
        )
        lines += wrapped(told, 0, layout)
    return "\n".join(lines)


def _rows(
    mixture: InferredMixture,
    bars: Sequence[tuple[str, float, float, float]],
    width: int,
    layout: Layout,
) -> list[str]:
    """A line for each name, share, and ends of its interval."""
    top = max(high for *_, high in bars)
    beside = width + (28 if mixture.intervals is not None else 10)
    room = _BAR_WIDTH if layout.width is None else min(_BAR_WIDTH, layout.width - beside)
    lines: list[str] = []
    for name, share, low, high in bars:
        solid, end = (round(max(0, room) * x / top) for x in (low, high))
        between = f"  {low:6.1%} to {high:6.1%}" if mixture.intervals is not None else ""
        bar = "█" * solid + "▒" * (end - solid)
        lines.append(f"{name:<{width}}  {share:6.1%}{between}  {bar}".rstrip())
    return lines
