"""An inferred mixture for a terminal: a table with bars."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.mixture.inferred import NOTICED, InferredMixture

_BAR_WIDTH = 32


def result_text(mixture: InferredMixture) -> str:
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
        lines += [*_rows(mixture, groups, width), ""]
    lines += _rows(mixture, bars, width)
    if hidden:
        total = sum(mixture.proportions[name] for name in hidden)
        lines.append(f"and {len(hidden)} more below {NOTICED:.1%} each, together {total:.1%}")
    if mixture.missing is not None:
        found = "A category seems" if mixture.seems_incomplete else "No category seems"
        lines.append(f"{found} to be missing ({mixture.missing}).")
    if mixture.untold:
        lines.append(
            f"The merges tell nothing of {len(mixture.untold)} of the {len(mixture.proportions)} "
            "categories; shares are of the rest."
        )
    return "\n".join(lines)


def _rows(
    mixture: InferredMixture, bars: Sequence[tuple[str, float, float, float]], width: int
) -> list[str]:
    """A line for each name, share, and ends of its interval."""
    top = max(high for *_, high in bars)
    lines: list[str] = []
    for name, share, low, high in bars:
        solid, end = (round(_BAR_WIDTH * x / top) for x in (low, high))
        between = f"  {low:6.1%} to {high:6.1%}" if mixture.intervals is not None else ""
        bar = "█" * solid + "▒" * (end - solid)
        lines.append(f"{name:<{width}}  {share:6.1%}{between}  {bar}".rstrip())
    return lines
