"""House rules that a linter does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("tokkit", "models", "hypernets", "tests", "benchmarks", "scripts")
LINKS = {ROOT / "tokkit/models", ROOT / "tokkit/hypernets"}
MODULES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if LINKS.isdisjoint(path.parents)
)
MAX_LINES = 500


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(ROOT)) for p in MODULES])
def test_modules_are_short(path: Path) -> None:
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_LINES, "split it: one idea a file"


def test_no_module_is_called_utils() -> None:
    vague = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    assert not [path for path in MODULES if path.name in vague], "name it after what it does"


def test_version_is_stated_once_more_only_in_pyproject() -> None:
    import tokkit

    assert f'version = "{tokkit.__version__}"' in (ROOT / "pyproject.toml").read_text()
