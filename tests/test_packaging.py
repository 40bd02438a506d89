"""What the sdist and the wheel hold."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.archives import build_archives
from tokkit.cli.completions.scripts import SHELLS
from tokkit.files.checkpoints import CHECKPOINTS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DATA = "tokkit/text/regex/characters/unicode_properties.npz"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """Names in the sdist (without its top folder) and in the wheel that is built from it."""
    sdist, wheel = build_archives(tmp_path_factory.mktemp("source"))
    with tarfile.open(sdist) as tar:
        sdist_names = {name.partition("/")[2] for name in tar.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        return sdist_names, set(archive.namelist())


def test_wheel_holds_the_linked_packages(archives: tuple[set[str], set[str]]) -> None:
    _, wheel = archives
    assert {"tokkit/models/__init__.py", "tokkit/hypernets/__init__.py"} <= wheel
    assert {"tokkit/__init__.py", "tokkit/cli/__init__.py", "tokkit/py.typed", DATA} <= wheel


def test_wheel_puts_nothing_generic_at_top_level(archives: tuple[set[str], set[str]]) -> None:
    _, wheel = archives
    top_level = {name.partition("/")[0] for name in wheel}
    assert {name for name in top_level if not name.endswith(".dist-info")} == {"tokkit"}


def test_wheel_holds_every_module(archives: tuple[set[str], set[str]]) -> None:
    _, wheel = archives
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tokkit").rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert modules <= wheel


def test_wheel_holds_the_data_beside_the_modules(archives: tuple[set[str], set[str]]) -> None:
    _, wheel = archives
    data = {
        path.relative_to(ROOT).as_posix()
        for folder in ("audit", "cli", "files", "models", "report", "text")
        for path in (ROOT / "tokkit" / folder).rglob("*.*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".nbi", ".nbc"}
    }
    assert {"tokkit/report/page/template.html", "tokkit/text/formats/patterns.toml"} <= data
    assert {f"tokkit/cli/completions/tokkit.{shell}" for shell in SHELLS} <= data
    assert {f"tokkit/models/checkpoints/{name}/model.safetensors" for name in CHECKPOINTS} <= data
    assert data <= wheel


def test_wheel_holds_the_licence(archives: tuple[set[str], set[str]]) -> None:
    _, wheel = archives
    assert any(name.endswith("/licenses/LICENSE") for name in wheel)


def test_sdist_holds_the_sources(archives: tuple[set[str], set[str]]) -> None:
    sdist, _ = archives
    assert {"LICENSE", "README.md", "pyproject.toml", "tokkit/__init__.py", DATA} <= sdist
    assert "tokkit/models/__init__.py" in sdist
