"""The checks of a GPU hold of the CPU against itself, and fail where something differs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

on_gpu: Any = import_module("benchmarks.on_gpu")


@pytest.mark.slow
def test_the_cpu_agrees_with_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert on_gpu.main(["--device", "cpu", "--no-tables"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "every check holds"
    assert sum(line.startswith("ok ") for line in lines) > 20


@pytest.mark.slow
def test_tables_have_their_rows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_gpu, "LENGTHS", (150, 200))
    monkeypatch.setattr(on_gpu, "WRITTEN", 12)
    lm = on_gpu.toy_lm("cpu", "float32")
    on_gpu.print_tables(lm, "cpu", until=float("inf"))
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("| ") for line in lines) == 2 + 2 + 2
    on_gpu.print_tables(lm, "cpu", until=0.0)
    assert capsys.readouterr().out.count("left out for want of time: 2 rows") == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert on_gpu.main([]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("on_gpu: no CUDA device here; nothing was checked")


def test_a_check_that_fails_fails_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for group in ("checks_of_laws", "checks_of_texts", "checks_of_training"):
        monkeypatch.setattr(on_gpu, group, lambda _: [on_gpu.Check("a law", 0.5, 0.1)])
    assert on_gpu.main(["--device", "cpu", "--no-tables"]) == 1
    out = capsys.readouterr().out
    assert "FAILED a law: 0.5 (at most 0.1)" in out
    assert out.endswith("3 checks failed\n")
