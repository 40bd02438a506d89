"""Lines in a plane, as a standalone SVG for a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 210, 40, 48
_COLOURS = ("#3b6fb6", "#c2571a", "#2e8b57", "#7f4fa3", "#a33d5e", "#6b6b6b")
_N_TICKS = 4


@dataclass(frozen=True)
class Line:
    """A line.

    Attributes:
        name: for the legend.
        points: x and y, in the order of x.
    """

    name: str
    points: Sequence[tuple[float, float]]


def line_image(
    lines: Sequence[Line], *, title: str, x_label: str, y_label: str, target: float | None = None
) -> str:
    """The image, with a legend at the right.

    Args:
        lines: at most six, with two points or more between them.
        title: above it, and for screen readers.
        x_label: below it.
        y_label: at its upper left.
        target: a value of y that a dashed line marks.
    """
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    ys += [] if target is None else [target]
    x_low, x_high, y_low, y_high = min(xs), max(xs), min(*ys, 0.0), max(ys)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / ((x_high - x_low) or 1)
        up = (y - y_low) / ((y_high - y_low) or 1)
        return (
            round(_LEFT + across * (_WIDTH - _LEFT - _RIGHT), 1),
            round(_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM), 1),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        "<style>text { font: 13px sans-serif; fill: #222222 }</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="20">{escape(y_label)}</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - 10}">{escape(x_label)}</text>',
    ]
    for k in range(_N_TICKS + 1):
        x, y = (
            low + k / _N_TICKS * (high - low) for low, high in ((x_low, x_high), (y_low, y_high))
        )
        parts += _grid(at(x_low, y), at(x_high, y), f"{y:.1f}", at(x, y_low), f"{x:.0f}")
    if target is not None:
        parts.append(_path([at(x_low, target), at(x_high, target)], "#222222", dashed=True))
    for number, line in enumerate(lines):
        colour = _COLOURS[number]
        parts.append(_path([at(*point) for point in line.points], colour))
        y = _TOP + 22 * number
        x = _WIDTH - _RIGHT + 20
        parts.append(_path([(x, y), (x + 20, y)], colour))
        parts.append(f'<text x="{x + 28}" y="{y + 4}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _grid(
    left: tuple[float, float],
    right: tuple[float, float],
    y_text: str,
    below: tuple[float, float],
    x_text: str,
) -> list[str]:
    y = f'<text x="{left[0] - 8}" y="{left[1] + 4}" text-anchor="end">{y_text}</text>'
    x = f'<text x="{below[0]}" y="{below[1] + 18}" text-anchor="middle">{x_text}</text>'
    return [_path([left, right], "#dddddd"), y, x]


def _path(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    places = " L ".join(f"{x} {y}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path d="M {places}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
