"""One page of what `words.py` measured: results, curves, words, changed contexts, German.

Each contender is evaluated at its own steps. So that curves can be compared, they are drawn
at ten even places of the axis, between the evaluations on both sides of each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.models.examining import CLASSES
from benchmarks.models.word_records import GERMAN, SPREAD, Record, german_times, joined
from tokkit.models.text_models.learning import BITS_PER_BYTE
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import (
    Bar,
    Chart,
    Column,
    Scalar,
    Section,
    Series,
    Table,
    bar_chart,
    columns,
)
from tokkit.report.wording import plural

_DRAWN = 6
"""Curves in a picture: as many as have colours of their own."""
_PLACES = 10
_NAME = Column("model", "Model")


def comparison_page(records: Mapping[str, Record], *, batch_bytes: int) -> str:
    """The page, for UTF-8; equal records give equal pages.

    Args:
        records: name -> what was measured, one or more.
        batch_bytes: of a training step.
    """
    ordered = dict(sorted(joined(records).items(), key=lambda each: _bits(each[1])))
    best = next(iter(ordered))
    sections = [
        _results(ordered),
        _curves(ordered, batch_bytes),
        _words(ordered),
        _changed(ordered),
    ]
    if german := {name: each for name, each in ordered.items() if GERMAN in each}:
        sections.append(_german(german))
    minutes = sorted({each["minutes"] for each in records.values()})
    told = " or ".join(f"{each:g}" for each in minutes)
    return render(
        Page(
            brand="benchmarks",
            kicker="Models of text, trained side by side",
            name="Which units learn best?",
            description=f"{plural(len(ordered), 'model')}, {told} CPU minutes each",
            verdict=f"{best} needs the fewest bits: {_bits(ordered[best]):.3f} a byte.",
            sections=sections,
            note=(
                "One thread; texts that nothing was learned from or chosen on. Differences under "
                f"2% are ties. {next(iter(records.values()))['machine']}"
            ),
        )
    )


def _bits(record: Record) -> float:
    return record["english"]["bits_per_byte"]


def _results(records: Mapping[str, Record]) -> Section:
    heads = columns(
        "number", parameters="Parameters", flops="MFLOP a byte", speed="Bytes a CPU second",
        bits="Bits a byte", spread="Deviation of seeds", own="Of its own units",
        russian="Russian", choices="True ends, %",
    )  # fmt: skip
    rows = tuple(
        (
            name,
            each["parameters"],
            round(each["flops_per_byte"] / 1e6, 2),
            round(each["bytes_a_second"]),
            round(_bits(each), 3),
            round(_bits(each[SPREAD]), 3) if SPREAD in each else None,
            round(each["english"]["own_bits_per_byte"], 3),
            round(each["russian"]["bits_per_byte"], 3),
            round(100 * each["choices"]),
        )
        for name, each in records.items()
    )
    unit = "bits a byte"
    bars: list[Bar] = [(name, round(_bits(each), 3), None) for name, each in records.items()]
    return Section(
        "results", "Results",
        "Bits a byte of held-out English, the fewest first. A subword model is asked for bytes, "
        "summed over canonical encodings; what its own tokens cost stands beside it.",
        tables=(Table("results", "Models", (_NAME, *heads), rows),),
        charts=(bar_chart("bits", "Bits a byte", unit, bars, unit, table="results"),),
    )  # fmt: skip


def _curves(records: Mapping[str, Record], batch_bytes: int) -> Section:
    """Held-out bits against seconds, bytes and operations."""
    taken: dict[str, tuple[str, Callable[[Record, dict[str, float]], float]]] = {
        "seconds": ("CPU seconds", lambda _, point: point["seconds"]),
        "megabytes": ("megabytes read", lambda _, point: point["step"] * batch_bytes / 1e6),
        "petaflops": (
            "petaFLOP of matrix products",
            lambda record, point: point["step"] * batch_bytes * record["flops_per_byte"] / 1e15,
        ),
    }
    drawn = dict(list(records.items())[:_DRAWN])
    charts: list[Chart] = []
    for key, (label, cost) in taken.items():
        curves = {
            name: [(cost(each, point), point[BITS_PER_BYTE]) for point in _trained(each)]
            for name, each in drawn.items()
        }
        most = max(x for points in curves.values() for x, _ in points)
        grid = [most * ((k + 1) / _PLACES) for k in range(_PLACES)]
        charts.append(
            Chart(
                key, f"Bits a byte against {label}", "lines",
                tuple(f"{x:.3g}" for x in grid),
                tuple(Series(name, _between(points, grid)) for name, points in curves.items()),
                x_label=label, y_label="bits a byte",
            )
        )  # fmt: skip
    return Section(
        "curves", "Curves",
        f"The {len(drawn)} models that end lowest, on windows of the training's texts that nothing "
        "was learned from. The rate falls over the budget: a curve that is cut earlier is not what "
        "a shorter training would give.",
        charts=tuple(charts),
    )  # fmt: skip


def _trained(record: Record) -> Sequence[dict[str, float]]:
    """The evaluations after a step."""
    return [point for point in record["curve"] if point["step"] and BITS_PER_BYTE in point]


def _between(points: Sequence[tuple[float, float]], grid: Sequence[float]) -> tuple[float, ...]:
    """The heights of a curve at places; NaN before its first point and behind its last."""
    xs, ys = zip(*points, strict=True)
    found = np.interp(grid, xs, ys, left=math.nan, right=math.nan)
    return tuple(found.round(4).tolist())


def _words(records: Mapping[str, Record]) -> Section:
    heads = tuple(Column(f"seen_{k}", name, "number") for k, name in enumerate(CLASSES))
    rows: list[tuple[Scalar, ...]] = []
    for name, each in records.items():
        shares = [100 * right / max(n, 1) for right, n in each["english"]["words"].values()]
        rows.append((name, *(round(share, 1) for share in shares)))
    counts = [n for _, n in next(iter(records.values()))["english"]["words"].values()]
    told = ", ".join(f"{name}: {n:,}" for name, n in zip(CLASSES, counts, strict=True))
    return Section(
        "words", "Next words",
        "Shares of words, in percent, of which the likeliest byte is right at each byte and at the "
        "end, by how often the training text has them; numbers apart.",
        tables=(Table("words", "Right, %", (_NAME, *heads), tuple(rows), note=f"Words: {told}."),),
    )  # fmt: skip


def _changed(records: Mapping[str, Record]) -> Section:
    """How many more bits the second halves of texts need after first halves that were changed."""
    kinds = [kind for kind in next(iter(records.values()))["perturbed"] if kind != "none"]
    heads = tuple(Column(f"kind_{k}", kind, "number") for k, kind in enumerate(kinds))
    rows: list[tuple[Scalar, ...]] = []
    for name, each in records.items():
        clean = each["perturbed"]["none"]
        more = [round(100 * (each["perturbed"][kind] / clean - 1), 1) for kind in kinds]
        rows.append((name, round(clean, 3), *more))
    clean_head = Column("clean", "Clean, bits a byte", "number")
    return Section(
        "changed", "Changed contexts",
        "The second halves of texts, which stay as they are: bits a byte after a clean first half, "
        "and by how many percent they rise where a share of its characters is changed.",
        tables=(Table("changed", "Rise, %", (_NAME, clean_head, *heads), tuple(rows)),),
    )  # fmt: skip


def _german(records: Mapping[str, Record]) -> Section:
    """What German cost, and what it cost English."""
    rival, target, times = german_times(records)
    heads = columns(
        "number", before="German before", after="German after", english="English before",
        forgotten="English after", time="Seconds to the target",
    )  # fmt: skip
    rows: list[tuple[Scalar, ...]] = []
    for name, each in records.items():
        found = each[GERMAN]
        reached = times[name]
        languages = [
            found[when][what] for what in ("german", "english") for when in ("before", "after")
        ]
        rows.append(
            (
                name,
                *(round(bits, 3) for bits in languages),
                None if reached is None else round(reached),
            )
        )
    return Section(
        "german", "German after English",
        "The same models, trained on with German alone: bits a byte of held-out texts by a model's "
        f"own units, and when its curve reached {target:.3f}, where that of {rival} ended.",
        tables=(Table("german", "Bits a byte", (_NAME, *heads), tuple(rows)),),
    )  # fmt: skip
