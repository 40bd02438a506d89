"""Texts that tokenizers are trained on and methods are fitted to, and windows of others.

No tokenizer, no fit and no choice sees a window.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.places import ROOT
from tokkit.hypernets.windows import WINDOW_BYTES, cut_windows

PACKAGES = ("numpy", "scipy", "rich", "typer", "tokenizers", "safetensors")
"""Installed libraries whose code is held out."""

DATA = Path(os.environ.get("TOKKIT_DATA", ROOT.parent / "shared" / "data"))
"""Data beside the project, which may be missing."""
PROSE = DATA / "corpus" / "lo"
"""LibreOffice help, a file a language."""
_TRAINING, _FITTING = 0.65, 0.17
"""Of the bytes of such a file, from its begin; windows are of the rest."""

MOST_WINDOWS = 100
"""Files that windows may come from; those after them, in the same order, are for fits."""
FIT_BYTES = 200_000


def python_texts() -> list[str]:
    """The standard library's modules that are not held out."""
    return [_read(path) for path in python_sources() if not held_out(path)]


def standard_library_text() -> str:
    """Whole modules of the standard library, in random order."""
    texts = python_texts()
    order: list[int] = np.random.default_rng(0).permutation(len(texts)).tolist()
    return _first_bytes(texts[place] for place in order)


def library_text() -> str:
    """Whole modules of the libraries that the windows are of, and none that a window is of."""
    paths, _ = _shuffled_library()
    return _first_bytes(path.read_text(encoding="utf-8") for path in paths[MOST_WINDOWS:])


def _first_bytes(texts: Iterable[str]) -> str:
    parts: list[str] = []
    for text in texts:
        if sum(map(len, parts)) >= FIT_BYTES:
            break
        parts.append(text)
    return "".join(parts)[:FIT_BYTES]


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def library_windows(n: int) -> list[bytes]:
    """Windows of installed libraries' code, at most one a file, in a fixed order."""
    paths, generator = _shuffled_library()
    windows: list[bytes] = []
    for path in paths[: min(n, MOST_WINDOWS)]:
        found = [w for w in cut_windows(path.read_bytes()) if len(w) > WINDOW_BYTES // 2]
        windows.append(found[int(generator.integers(len(found)))])
    return windows


def _shuffled_library() -> tuple[list[Path], np.random.Generator]:
    """Modules of the libraries in a fixed random order, and the generator after it was drawn."""
    root = Path(sysconfig.get_path("purelib"))
    paths = sorted(
        path
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if "tests" not in path.parts and path.stat().st_size > 3 * WINDOW_BYTES
    )
    generator = np.random.default_rng(0)
    order: list[int] = generator.permutation(len(paths)).tolist()
    return [paths[place] for place in order], generator


@dataclass(frozen=True)
class Prose:
    """A file of help texts in one language, divided once.

    Attributes:
        language: as the file is called.
    """

    language: str

    @property
    def missing(self) -> str:
        """Why it cannot be read, or nothing."""
        return "" if self._path.is_file() else f"{self._path} is not there (TOKKIT_DATA)"

    def lines(self) -> list[str]:
        """Of the part that tokenizers are trained on."""
        return self._parts()[0].splitlines(keepends=True)

    def text(self) -> str:
        """The part that methods are fitted to, some 200 kB."""
        return self._parts()[1]

    def windows(self, n: int) -> list[bytes]:
        """Some windows of the rest, in a random order that is always the same."""
        found = cut_windows(self._parts()[2].encode())
        order: list[int] = np.random.default_rng(0).permutation(len(found)).tolist()
        return [found[place] for place in order[:n]]

    @property
    def _path(self) -> Path:
        return PROSE / f"{self.language}.txt"

    def _parts(self) -> tuple[str, str, str]:
        data = self._path.read_bytes()
        ends = [round(len(data) * share) for share in (_TRAINING, _TRAINING + _FITTING)]
        first, second = (data.index(b"\n", end) + 1 for end in ends)
        return data[:first].decode(), data[first:second].decode(), data[second:].decode()
