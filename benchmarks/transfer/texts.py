"""Texts that methods are fitted to, and windows of others on which they are judged."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import numpy as np

from benchmarks.transfer.targets import python_texts
from tokkit.hypernets.windows import WINDOW_BYTES, cut_windows

PACKAGES = ("numpy", "scipy", "rich", "typer", "tokenizers", "safetensors")
"""Installed libraries whose code is held out: no tokenizer, no fit and no choice sees it."""


def python_fit_text(n_bytes: int = 200_000) -> str:
    """Whole modules of the standard library, in random order."""
    texts = python_texts()
    order: list[int] = np.random.default_rng(0).permutation(len(texts)).tolist()
    parts: list[str] = []
    for place in order:
        if sum(map(len, parts)) >= n_bytes:
            break
        parts.append(texts[place])
    return "".join(parts)[:n_bytes]


def library_windows(n: int) -> list[bytes]:
    """Windows of installed libraries' code, at most one a file, in a fixed order."""
    root = Path(sysconfig.get_path("purelib"))
    paths = sorted(
        path
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if "tests" not in path.parts and path.stat().st_size > 3 * WINDOW_BYTES
    )
    generator = np.random.default_rng(0)
    order: list[int] = generator.permutation(len(paths)).tolist()
    windows: list[bytes] = []
    for place in order:
        found = [w for w in cut_windows(paths[place].read_bytes()) if len(w) > WINDOW_BYTES // 2]
        windows.append(found[int(generator.integers(len(found)))])
        if len(windows) == n:
            break
    return windows
