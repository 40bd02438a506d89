"""Encoding times as text."""

from __future__ import annotations

from tokkit.audit.outputs.timings import timings_text
from tokkit.audit.safety.growth import GrowthCurve


def test_each_curve_is_a_line_with_its_largest_text_and_growth() -> None:
    sizes = (1024, 2048, 4096, 8192)
    quadratic = tuple(1e-9 * size**2 for size in sizes)
    curves = (
        GrowthCurve("spaces", "tokkit", sizes, quadratic, "superlinear"),
        GrowthCurve("one letter", "tiktoken", (), (), "failed"),
    )
    _, first, second = timings_text(curves).splitlines()
    assert first.split() == [
        *("spaces", "tokkit", "8,192", "bytes", "0.0671", "s", "power", "2.00", "superlinear"),
    ]
    assert second.split() == ["one", "letter", "tiktoken", "failed"]
