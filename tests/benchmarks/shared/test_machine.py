"""The command above a table is one that makes it again."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT


def test_the_command_of_a_run_is_one_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ROOT / "benchmarks" / "bytelm" / "steps.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--model", "gemma3"])
    *_, module, option, value = run_description().split("command: ")[1].split()
    assert (option, value) == ("--model", "gemma3")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin == str(script)
