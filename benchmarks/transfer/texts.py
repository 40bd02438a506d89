"""Texts that methods are fitted to, and windows of others on which they are judged."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.transfer.targets import python_texts
from tokkit.hypernets.windows import WINDOW_BYTES, cut_windows

PACKAGES = ("numpy", "scipy", "rich", "typer", "tokenizers", "safetensors")
"""Installed libraries whose code is held out: no tokenizer, no fit and no choice sees it."""


MOST_WINDOWS = 100
"""Files that windows may come from; those after them, in the same order, are for fits."""
FIT_BYTES = 200_000


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
