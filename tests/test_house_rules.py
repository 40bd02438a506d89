"""House rules that a linter does not know."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
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
LINT_EXTRAS = {"dev", "hf", "harness", "browser"}  # see the target `lint` of the Makefile


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


def test_what_lint_does_not_install_is_imported_by_import_module() -> None:
    """Pyright refuses any other import of it in a fresh environment, and in no older one."""
    extras: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    seen = {package for extra in LINT_EXTRAS for package in packages_of(extra, extras)}
    seen.add("pyarrow")  # which lm-eval brings
    unseen = {package for extra in extras for package in packages_of(extra, extras)} - seen
    assert {"pesq", "openai"} <= unseen
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        if ROOT / "tests" not in path.parents  # which may `importorskip`
        for name in imported(path)
        if name in unseen
    ]
    assert not wrong


def packages_of(extra: str, extras: dict[str, list[str]]) -> Iterator[str]:
    """Packages that an extra names, and the extras in it, as they are imported."""
    for requirement in extras[extra]:
        if own := re.match(r"tokkit\[(.*)\]", requirement):
            for each in own[1].split(","):
                yield from packages_of(each, extras)
        else:
            yield re.split(r"[^\w-]", requirement)[0].replace("-", "_")


def imported(path: Path) -> Iterator[str]:
    """Top-level names that a module imports, at any place in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]
