"""Axes of charts: where a value lies, in percent of the width or height, and which to mark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """From `low` to `high`, linear or logarithmic."""

    low: float
    high: float
    is_log: bool

    def percent(self, value: float) -> float:
        """Where `value` lies, 0 to 100, rounded so that equal charts are equal bytes; NaN at 0."""
        low, high, at = self.low, self.high, value
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(max(self.low, value))
        share = (at - low) / (high - low) if high > low else 0.0
        return round(100 * min(1.0, max(0.0, share)), 2)

    def ticks(self) -> list[float]:
        """Three to six round values."""
        if self.is_log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            powers = [10.0**k for k in range(first, last + 1)]
            marks = powers if last - first > 2 else [k * p for p in powers for k in (1, 2, 5)]
            marks = [mark for mark in marks if self.low <= mark <= self.high]
            return marks[:: max(1, math.ceil(len(marks) / 6))]
        raw = (self.high - self.low) / 4 or 1.0
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= raw)
        first = math.ceil(self.low / step)
        count = math.floor((self.high - self.low) / step) + 1
        return [
            round((first + k) * step, 12)
            for k in range(count)
            if (first + k) * step <= self.high * (1 + 1e-9)
        ]


def scale_of(values: Sequence[float], *, is_log: bool) -> Scale:
    """A scale that holds all values; a linear one also holds zero."""
    finite = [value for value in values if math.isfinite(value)]
    if is_log:
        positive = [value for value in finite if value > 0] or [1.0]
        low, high = min(positive), max(positive)
        return Scale(low / 1.3, high * 1.1 if high > low else low * 10, is_log=True)
    low, high = min([0.0, *finite]), max([0.0, *finite])
    return Scale(low, high if high > low else low + 1.0, is_log=False)


def tick_label(value: float) -> str:
    """A short label.

    >>> tick_label(1500.0), tick_label(0.25), tick_label(2e6), tick_label(2e4)
    ('1,500', '0.25', '2M', '20k')
    """
    for least, size, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / size:g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
