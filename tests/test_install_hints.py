"""Nothing that is written here leads to the package that PyPI calls like ours, and is not ours."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokkit.errors import MissingExtraError

ROOT = Path(__file__).parents[1]
NAME = "tokkit"
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]
OWN_EXTRAS = {entry for entries in EXTRAS.values() for entry in entries if entry.startswith(NAME)}

# The name after a command that installs, whatever options and packages stand between.
_BETWEEN = r"(?:['\"]?[\w.,\[\]=<>~:/-]+['\"]? +)*['\"]?"
_INSTALL = r"(?:\b(?:install|add|inject|uvx|pipx run|tool run)|--with)[ =]+"
_COMMAND = rf"{_INSTALL}{_BETWEEN}{NAME}(?![\w/.(-])"
# The name as a requirement: with extras, with a version, or alone in a list of requirements.
_REQUIREMENT = rf"(?<![\w./-]){NAME}(?:\[\w|\s*(?:==|>=|~=|!=|<=) *\d)"
_LISTED = rf"^\s*(?:- *)?['\"]?{NAME}['\"]?\s*,?$|_dependencies: *\[[^\]]*\b{NAME}\b"
FOREIGN = re.compile(f"{_COMMAND}|{_REQUIREMENT}")
LISTED = re.compile(_LISTED, re.MULTILINE)
LISTS = {".txt", ".toml", ".yaml", ".yml", ".cfg", ".in"}


def files() -> list[Path]:
    """What is committed, or is about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("needs git, to tell what belongs to the project")
    return [ROOT / name for name in found.stdout.splitlines() if (ROOT / name).is_file()]


def texts(path: Path) -> Iterator[str]:
    """What a file says; of a module also its strings as they are printed, joined over lines."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    if path == ROOT / "pyproject.toml":
        for entry in OWN_EXTRAS:  # pip resolves these to the project itself; see test_packaging
            text = text.replace(f'"{entry}"', "")
        text = text.replace(f"`{NAME}[...]`", "")
    yield text
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def foreign(text: str, *, is_list: bool = False) -> list[str]:
    found = [match[0] for match in FOREIGN.finditer(text)]
    return found + ([match[0] for match in LISTED.finditer(text)] if is_list else [])


def test_nothing_leads_to_the_package_of_another_author() -> None:
    own = Path(__file__).resolve()
    found = {
        (str(path.relative_to(ROOT)), what)
        for path in files()
        if path.resolve() != own
        for text in texts(path)
        for what in foreign(text, is_list=path.suffix in LISTS)
    }
    assert not found, "say pip install '.[extra]' from a clone; see MissingExtraError"


@pytest.mark.parametrize(
    "text",
    [
        f"pip install {NAME}",
        f"pip install '{NAME}[hf]'",
        f"needs torch; pip install --upgrade -q numpy '{NAME}[hf]'",
        f"uv add {NAME}",
        f"uvx {NAME} audit tokenizer.json",
        f"pipx run {NAME}",
        f"uv run --with {NAME} script.py",
        f'dependencies = ["{NAME}>=0.1"]',
        f"install {NAME}[browser]",
    ],
)
def test_what_would_install_it_is_noticed(text: str) -> None:
    assert foreign(text)


@pytest.mark.parametrize(
    "text", [f"- {NAME}", f"  - '{NAME}'", f"additional_dependencies: [{NAME}]"]
)
def test_lists_of_requirements_are_noticed(text: str) -> None:
    assert foreign(text, is_list=True)


@pytest.mark.parametrize(
    "text",
    [
        f"from a clone of {NAME}, run pip install '.[hf]'",
        f"pip install git+https://github.com/OWNER/{NAME}",
        f"import {NAME}",
        f"{NAME} audit tokenizer.json",
        f"pip install ./{NAME}",
    ],
)
def test_what_does_not_install_it_is_let_pass(text: str) -> None:
    assert not foreign(text)


def test_extras_that_name_the_project_name_one_of_its_extras() -> None:
    assert OWN_EXTRAS
    assert {entry.removeprefix(f"{NAME}[").removesuffix("]") for entry in OWN_EXTRAS} <= set(EXTRAS)


def test_a_missing_extra_is_told_with_the_way_to_get_it() -> None:
    error = MissingExtraError("models need torch", extra="hf")
    assert str(error) == "models need torch; from a clone of tokkit, run pip install '.[hf]'"
    assert error.extra == "hf"


def test_messages_name_extras_that_exist() -> None:
    named: set[str] = set()
    for path in (ROOT / "tokkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "extra":
                if isinstance(node.value, ast.Name) and node.value.id == "extra":
                    continue  # handed on by a function, whose callers name it
                assert isinstance(node.value, ast.Constant)
                named.add(str(node.value.value))
    assert {"hf", "constrained", "mixture", "llamacpp"} <= named <= set(EXTRAS)
