"""Encoding times as text. They differ from run to run, so that they are no part of a report."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.audit.safety.growth import GrowthCurve


def timings_text(curves: Sequence[GrowthCurve]) -> str:
    """A line for each engine and family of texts: what the largest text took, and the growth.

    Args:
        curves: what `tokkit.audit.safety.time_growth` measured.
    """
    width = max((len(curve.family) for curve in curves), default=0)
    engine_width = max((len(curve.engine) for curve in curves), default=0)
    lines = [
        f"  {curve.family:{width}}  {curve.engine:{engine_width}}  {_measured(curve)}"
        for curve in curves
    ]
    return "\n".join(["Encoding time (CPU), and the power of the size that it grows with", *lines])


def _measured(curve: GrowthCurve) -> str:
    verdict: str = curve.verdict
    if curve.failed_size:
        verdict = f"{verdict} at {curve.failed_size:,} bytes {curve.failure}".rstrip()
    if not curve.seconds:
        return verdict
    measured = f"{curve.n_bytes[-1]:>9,} bytes  {curve.seconds[-1]:8.4f} s"
    power = f"  power {curve.exponent:4.2f}" if len(curve.seconds) > 1 else ""
    return f"{measured}{power}  {verdict}"
