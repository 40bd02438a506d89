"""What `words.py` measured: figures of a folder as one JSON file, and as the lines of a table.

The folder holds models and checkpoints; the file is small, is committed, and has the same figures,
rounded to five digits. A record is what stands in `figures.json` of a contender, with that of its
training on German under `german`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.models.examining import CLASSES
from tokkit.files.writing import whole_file

FIGURES = "figures.json"
GERMAN = "german"
Record = dict[str, Any]
_DIGITS = 5


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


def table_lines(records: Mapping[str, Record]) -> Iterator[str]:
    """Markdown: a line for each contender."""
    heads = ("model", "parameters", "MFLOP/B", "B a CPU-s", "bits per byte", "own", "Russian")
    yield f"| {' | '.join((*heads, *CLASSES, 'choices'))} |"
    yield "|" + "---|" * (len(heads) + len(CLASSES) + 1)
    for name, found in records.items():
        words = [f"{r / max(n, 1):.1%}" for r, n in found["english"]["words"].values()]
        cells = [
            name,
            f"{found['parameters'] / 1e6:.1f}M",
            f"{found['flops_per_byte'] / 1e6:.1f}",
            f"{found['bytes_a_second']:,.0f}",
            f"{found['english']['bits_per_byte']:.3f}",
            f"{found['english']['own_bits_per_byte']:.3f}",
            f"{found['russian']['bits_per_byte']:.3f}",
            *words,
            f"{found['choices']:.0%}",
        ]
        yield f"| {' | '.join(cells)} |"


def _rounded(digits: str) -> float:
    return float(f"{float(digits):.{_DIGITS}g}")


def _read(path: Path) -> Record:
    return json.loads(path.read_text(encoding="utf-8"), parse_float=_rounded)
