"""Python files to measure on: those of the standard library that `fim/train.py` never sees."""

from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path


def python_sources() -> list[Path]:
    """The standard library's modules, without its tests, in a fixed order."""
    root = Path(sysconfig.get_path("stdlib"))
    return sorted(
        path
        for path in root.rglob("*.py")
        if not {"site-packages", "test", "tests", "idle_test", "__pycache__"} & set(path.parts)
    )


def held_out(path: Path) -> bool:
    """Whether a source file is kept for evaluation: one in ten, by a hash of its relative path."""
    relative = path.relative_to(sysconfig.get_path("stdlib")).as_posix()
    return hashlib.sha256(relative.encode()).digest()[0] % 10 == 0
