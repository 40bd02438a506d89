"""Compiled kernels are those of the sources that are there, in all files of them."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tokkit
from tokkit.kernels import caching

PACKAGE = Path(tokkit.__file__).parent
KERNELS = PACKAGE / "kernels"
COUNT = """
import numpy as np
from tokkit.kernels.segmentation.longest_match import count_characters
text = np.frombuffer("añb".encode(), dtype=np.uint8)
print(count_characters(text, 0, len(text)), sum(count_characters.stats.cache_hits.values()))
"""
COMPILERS = {"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil", "generated_jit"}


def test_every_compiled_function_takes_its_decorator_from_here() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == KERNELS / "caching.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("numba"):
                taken = COMPILERS.intersection(alias.name for alias in node.names)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                taken = COMPILERS & {node.attr} if node.value.id in ("numba", "nb") else set()
            else:
                continue
            assert not taken, f"{path} compiles with numba's own {taken}; import tokkit's njit"


def test_the_digest_tells_apart_every_file_and_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest() -> str:
        return caching.sources_digest.__wrapped__()

    shutil.copytree(KERNELS, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(caching.resources, "files", lambda _: tmp_path)
    seen = {caching.sources_digest(), digest()}
    assert len(seen) == 1
    for n, path in enumerate(sorted(tmp_path.rglob("*.py")), 2):
        path.write_bytes(path.read_bytes() + b"\n")
        seen.add(digest())
        assert len(seen) == n, path
    monkeypatch.setattr(caching.numba, "__version__", "0")
    assert digest() not in seen


class Copy:
    """A copy of the package whose kernels are compiled anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(KERNELS, folder / "tokkit" / "kernels", ignore=ignore)
        (folder / "tokkit" / "__init__.py").touch()
        self.helper = folder / "tokkit" / "kernels" / "texts" / "utf8.py"

    def run(self, code: str, **environment: str) -> list[int]:
        """The numbers that a fresh process prints."""
        process = subprocess.run(
            [sys.executable, "-B", "-c", code],
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return [int(word) for word in process.stdout.split()]

    def count(self, **environment: str) -> list[int]:
        """Characters that a fresh process counts, and how much compiled code it found."""
        return self.run(COUNT, **environment)


@pytest.mark.slow
def test_a_change_of_an_inlined_helper_is_seen(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    assert copy.count() == [3, 0]
    assert copy.count() == [3, 1]
    before = copy.helper.read_text(encoding="utf-8")
    changed, n_edits = re.subn(r"(?m)^def character_length\(.*:\n", r"\g<0>    return 1\n", before)
    assert n_edits == 1
    copy.helper.write_text(changed, encoding="utf-8")
    assert copy.count() == [4, 0]
    copy.helper.write_text(before, encoding="utf-8")
    assert copy.count() == [3, 1]


@pytest.mark.slow
def test_caches_go_where_numba_is_told(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    caches = tmp_path / "caches"
    caches.mkdir()
    assert copy.count(NUMBA_CACHE_DIR=str(caches)) == [3, 0]
    assert copy.count(NUMBA_CACHE_DIR=str(caches)) == [3, 1]
    assert list(caches.rglob("*.nbi"))
    assert not list((tmp_path / "copy").rglob("*.nbi"))


@pytest.mark.slow
def test_kernels_run_where_nothing_is_compiled(tmp_path: Path) -> None:
    code = "from tokkit.kernels.texts.utf8 import character_length as f; print(f(b'a', 0, 1))"
    assert Copy(tmp_path).run(code, NUMBA_DISABLE_JIT="1") == [1]
