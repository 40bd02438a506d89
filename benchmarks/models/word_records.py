"""What `words.py` measured: figures of a folder as one JSON file, and as the lines of a table.

The folder holds models and checkpoints; the file is small, is committed, and has the same figures,
rounded to five digits. A record is what stands in `figures.json` of a contender, with that of its
training on German under `german`. Trainings with several seeds become one record of their means
(`joined`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import Any, cast

from benchmarks.models.examining import CLASSES
from tokkit.files.writing import whole_file
from tokkit.models.text_models.learning import BITS_PER_BYTE

FIGURES = "figures.json"
GERMAN = "german"
Record = dict[str, Any]
SPREAD = "spread"
_DIGITS = 5
_SEED = re.compile(r"(.+)-seed-\d+")
_ONE_OF = ("machine", "curve", "minutes")
"""What is not averaged: it is that of the first seed."""


def collected(into: Path) -> dict[str, Record]:
    """Contender -> record, by name, of all in a folder that have figures."""
    found: dict[str, Record] = {}
    for path in sorted(into.glob(f"*/{FIGURES}")):
        found[path.parent.name] = record = _read(path)
        german = path.parent / GERMAN / FIGURES
        if german.exists():
            record[GERMAN] = _read(german)
    return found


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Figures as JSON, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        stream.write(json.dumps(figures, indent=1).encode() + b"\n")


def read_collected(path: Path) -> dict[str, Record]:
    """What `write_figures` wrote of `collected`."""
    return json.loads(path.read_text(encoding="utf-8"))


def joined(records: Mapping[str, Record]) -> dict[str, Record]:
    """Contender -> record, those of several seeds as one.

    Figures are then means, what stands under `spread` in the same places are standard deviations,
    and `seeds` is their number.
    """
    groups: dict[str, list[Record]] = {}
    for name, record in sorted(records.items()):
        seeded = _SEED.fullmatch(name)
        groups.setdefault(seeded[1] if seeded else name, []).append(record)
    return {
        name: group[0]
        if len(group) == 1
        else {**_averaged(group, mean), SPREAD: _averaged(group, stdev), "seeds": len(group)}
        for name, group in groups.items()
    }


def _averaged(values: Sequence[Any], average: Any) -> Any:
    """Of each number that all have; of the rest what the first has."""
    first = values[0]
    if isinstance(first, dict):
        several: dict[str, list[Any]] = {}  # what a seed lacks, others may have
        for value in values:
            for key, each in cast("Mapping[str, Any]", value).items():
                several.setdefault(key, []).append(each)
        return {
            key: found[0] if key in _ONE_OF else _averaged(found, average)
            for key, found in several.items()
            if len(found) > 1 or average is mean
        }
    if isinstance(first, (list, tuple)):
        return [_averaged(each, average) for each in zip(*values, strict=True)]
    if len(values) == 1 or isinstance(first, str):
        return first
    return average(values)


def table_lines(records: Mapping[str, Record], order: Sequence[str] = ()) -> Iterator[str]:
    """Markdown: a line for each contender, with mean and standard deviation of several seeds.

    Args:
        records: of `collected`.
        order: of contenders; those that it does not name come behind.
    """
    heads = ("model", "parameters", "MFLOP/B", "B a CPU-s", "bits per byte", "own", "Russian")
    yield f"| {' | '.join((*heads, *CLASSES, 'choices'))} |"
    yield "|" + "---|" * (len(heads) + len(CLASSES) + 1)
    found = joined(records)
    names = [name for name in order if name in found]
    for name in (*names, *(each for each in found if each not in order)):
        yield f"| {' | '.join([_named(name, found[name]), *_cells(found[name])])} |"


def _cells(found: Record) -> list[str]:
    return [
        f"{found['parameters'] / 1e6:.1f}M",
        f"{found['flops_per_byte'] / 1e6:.1f}",
        f"{found['bytes_a_second']:,.0f}",
        _bits(found, "english", "bits_per_byte"),
        _bits(found, "english", "own_bits_per_byte"),
        _bits(found, "russian", "bits_per_byte"),
        *(f"{r / max(n, 1):.1%}" for r, n in found["english"]["words"].values()),
        f"{found['choices']:.0%}",
    ]


def changed_lines(records: Mapping[str, Record]) -> Iterator[str]:
    """Markdown: by how many percent changed contexts raise the bits of clean targets."""
    found = joined(records)
    kinds = [kind for kind in next(iter(found.values()))["perturbed"] if kind != "none"]
    yield f"| model | {' | '.join(kinds)} |"
    yield "|" + "---|" * (len(kinds) + 1)
    for name, each in found.items():
        costs = each["perturbed"]
        rises = [f"{100 * (costs[kind] / costs['none'] - 1):.1f}" for kind in kinds]
        yield f"| {_named(name, each)} | {' | '.join(rises)} |"


def german_lines(records: Mapping[str, Record]) -> Iterator[str]:
    """Markdown: bits per byte of a model's own units before and after German, and the time."""
    german = {name: each for name, each in joined(records).items() if GERMAN in each}
    rival, target, times = german_times(german)
    heads = [f"{what} {when}" for what in ("German", "English") for when in ("before", "after")]
    yield f"| model | {' | '.join(heads)} | CPU-s to {target:.3f} held out, the end of {rival} |"
    yield "|" + "---|" * (len(heads) + 2)
    for name, each in german.items():
        cells = [
            _bits(each, GERMAN, when, language)
            for language in ("german", "english")
            for when in ("before", "after")
        ]
        seconds = times[name]
        cells.append("never" if seconds is None else f"{seconds:.0f}")
        yield f"| {name} | {' | '.join(cells)} |"


def german_times(
    german: Mapping[str, Record],
) -> tuple[str, float, Mapping[str, float | None]]:
    """When each model was as good on German as a subword model was at its end.

    Returns:
        The name of that model, its bits per byte, and seconds of each; None: it never was.
    """
    ends = {name: each[GERMAN]["curve"][-1][BITS_PER_BYTE] for name, each in german.items()}
    rival = next((name for name in ("subword", "subword+") if name in ends), next(iter(ends)))
    target = ends[rival]
    times = {name: seconds_to(each[GERMAN]["curve"], target) for name, each in german.items()}
    return rival, target, times


def seconds_to(curve: Sequence[Mapping[str, float]], target: float) -> float | None:
    """When a curve first reached a height, between its points; None: it never did."""
    points = [(point["seconds"], point[BITS_PER_BYTE]) for point in curve]
    for (x0, y0), (x1, y1) in pairwise(points):
        if y1 <= target:
            return x1 if y0 <= target or y0 == y1 else x0 + (x1 - x0) * (y0 - target) / (y0 - y1)
    return None


def _named(name: str, record: Record) -> str:
    return f"{name}, {record['seeds']} seeds" if "seeds" in record else name


def _bits(record: Record, *path: str) -> str:
    """A figure, with its standard deviation where there are several."""
    value, spread = record, record.get(SPREAD)
    for key in path:
        value = value[key]
        spread = None if spread is None else spread.get(key)
    return f"{value:.3f}" if spread is None else f"{value:.3f} ± {spread:.3f}"


def _rounded(digits: str) -> float:
    return float(f"{float(digits):.{_DIGITS}g}")


def _read(path: Path) -> Record:
    return json.loads(path.read_text(encoding="utf-8"), parse_float=_rounded)


def run_lines(records: Mapping[str, Record]) -> Iterator[str]:
    """What ran where: each machine once, under what load, with the commands that it ran."""
    loads: dict[str, set[float]] = {}
    commands: dict[str, set[str]] = {}
    for record in records.values():
        machine, versions, command = record["machine"].splitlines()
        name, _, load = machine.rpartition("; load ")
        place = f"{name}; load {{}}\n{versions}"
        loads.setdefault(place, set()).add(float(load))
        commands.setdefault(place, set()).add(command)
    for place, found in sorted(loads.items()):
        low, high = min(found), max(found)
        yield place.format(f"{low:.1f}" if low == high else f"{low:.1f} to {high:.1f}")
        yield from sorted(commands[place])
