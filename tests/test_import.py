"""`import tokkit` is light, and each public name is found where it lives."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tokkit
from tokkit.errors import TokkitError

HEAVY = (
    *("torch", "transformers", "numba", "tokenizers", "numpy", "scipy"),
    *("typer", "rich", "pydantic"),
)


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(process.stdout.split())


@pytest.mark.parametrize("statement", ["import tokkit", "import tokkit.cli"])
def test_import_is_light(statement: str) -> None:
    assert modules_after(statement).isdisjoint(HEAVY)


@pytest.mark.parametrize("words", ["['--help']", "['tokenize', '--help']", "['-V']"])
def test_help_is_light(words: str) -> None:
    loaded = modules_after(
        "import io\nfrom contextlib import redirect_stdout, suppress\nfrom tokkit.cli import main\n"
        f"with redirect_stdout(io.StringIO()), suppress(SystemExit): main({words})"
    )
    assert ("typer" in loaded) == (words != "['--help']")  # its import takes longer than that help
    assert loaded & {"typer", "rich"}
    assert loaded.isdisjoint({*HEAVY} - {"typer", "rich"})
    assert loaded.isdisjoint({"markdown_it", "pygments"})  # of typer's own help


def test_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tokkit.nonsense


def test_public_names_are_listed() -> None:
    assert set(tokkit.__all__) <= set(dir(tokkit))
    assert tokkit.TokkitError is TokkitError


@pytest.mark.parametrize("name", tokkit.__all__)
def test_public_names_resolve(name: str) -> None:
    if name == "TransformersLM":
        pytest.importorskip("torch", reason="needs the hf extra")
    assert getattr(tokkit, name) is not None
