"""What `encoder` found, as tables, and as a curve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.shared.line_image import Line, line_image
from benchmarks.shared.records import Record, Records

REDUCTIONS = (0.0, 0.1, 0.2, 0.3, 0.4)
WAYS = ("mean", "trained", "truncation")
TASKS = {"right": "Lines", "masked right": "Masked tokens"}
_SHORTER = {"right": "shorter", "masked right": "masked shorter"}


def tables(records: Records) -> str:
    """Points lost of lines and of masked tokens, by language, and bits of masked tokens."""
    found = list(records)
    return "\n\n".join([*(_points(found, task) for task in TASKS), _bits(found)])


def _points(records: Sequence[Record], task: str) -> str:
    """The share that is told right, and how many points of it each reduction costs."""
    shown = [f"{reduction:.0%} shorter" for reduction in REDUCTIONS[1:]]
    lines = [
        f"{TASKS[task]}: percent that is told right, and points lost:\n",
        _line(["language", "whole", "rows", *shown]),
        "|---" * (len(shown) + 3) + "|",
    ]
    for way in WAYS:
        if all(task not in row for row in _of(records[0], way)):
            continue
        for record in records:
            whole = _whole(record, task)
            lost = [
                f"{100 * (whole.mean() - _right(row, task).mean()):.1f}" for row in _of(record, way)
            ]
            lines.append(_line([record["key"], f"{100 * whole.mean():.1f}", way, *lost]))
        lines.append(_all(records, task, way))
    return "\n".join(lines)


def _all(records: Sequence[Record], task: str, way: str) -> str:
    """The mean over languages, with intervals of 95% by lines or tokens."""
    whole = np.mean([_whole(record, task).mean() for record in records])
    cells: list[str] = []
    for place in range(len(REDUCTIONS) - 1):
        each = [_whole(r, task) - _right(_of(r, way)[place], task) for r in records]
        mean = np.mean([lost.mean() for lost in each])
        half = 1.96 * math.sqrt(sum(lost.var(ddof=1) / len(lost) for lost in each)) / len(each)
        cells.append(f"**{100 * mean:.1f}** ± {100 * half:.1f}")
    return _line(["**mean**", f"**{100 * whole:.1f}**", way, *cells])


def _bits(records: Sequence[Record]) -> str:
    """Bits per byte of masked tokens, the mean over languages."""
    shown = [f"{reduction:.0%} shorter" for reduction in REDUCTIONS[1:]]
    lines = [
        "Bits per byte of masked tokens, mean over languages:\n",
        _line(["rows", "whole", *shown]),
        "|---" * (len(shown) + 2) + "|",
    ]
    whole = np.mean([record["rows"][0]["bits"] for record in records])
    for way in WAYS[:2]:
        values = [np.mean([_of(r, way)[k]["bits"] for r in records]) for k in range(len(shown))]
        lines.append(_line([way, f"{whole:.3f}", *(f"{value:.3f}" for value in values)]))
    return "\n".join(lines)


def curve(records: Records) -> str:
    """An image: points lost, the mean over languages, against the reduction."""
    found = list(records)
    lines: list[Line] = []
    for task, name in TASKS.items():
        for way in WAYS:
            if any(task not in row for row in _of(found[0], way)):
                continue
            points = [(0.0, 0.0)]
            for place in range(len(REDUCTIONS) - 1):
                rows = [_of(record, way)[place] for record in found]
                lost = [
                    _whole(record, task).mean() - _right(row, task).mean()
                    for record, row in zip(found, rows, strict=True)
                ]
                shorter = np.mean([row[_SHORTER[task]] for row in rows])
                points.append((100 * float(shorter), 100 * float(np.mean(lost))))
            lines.append(Line(f"{name.lower()}, {way}", points))
    return line_image(
        lines,
        title="Quality that is lost when an encoder's sequences are merged",
        x_label="sequences shorter by, %",
        y_label="points lost",
        target=2.0,
    )


def _of(record: Record, way: str) -> list[Record]:
    return [row for row in record["rows"] if row["way"] == way and row["target"]]


def _whole(record: Record, task: str) -> NDArray[np.float64]:
    return np.array(record["rows"][0][task], np.float64)


def _right(row: Record, task: str) -> NDArray[np.float64]:
    return np.array(row[task], np.float64)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
