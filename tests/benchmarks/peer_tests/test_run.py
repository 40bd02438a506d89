"""A suite of a peer is run in a copy, and its outcomes are held against what is expected."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peer_tests.run import SUITES, Outcome, Suite, run_suite, table

TESTS = """
import os

def test_right(): assert True
def test_wrong(): assert False
def test_other(): assert os.getcwd().endswith("python")
def test_left_out(): assert False
"""


def test_outcomes_are_those_of_the_suite_less_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "python" / "tests").mkdir(parents=True)
    (tmp_path / "python" / "tests" / "test_it.py").write_text(TESTS)
    suite = Suite(
        "toy", "TOY", "counting", "python", ("tests",), left_out={"test_left_out": "no reason"}
    )
    outcome = run_suite(suite, tmp_path)
    assert outcome.passed == ["tests.test_it::test_right", "tests.test_it::test_other"]
    assert outcome.failed == ["tests.test_it::test_wrong"]
    assert outcome.unexpected(suite) == outcome.failed
    assert not list(tmp_path.rglob("__pycache__"))
    wrong = Suite(
        "toy",
        "TOY",
        "counting",
        "python",
        ("tests",),
        differs=dict.fromkeys(["tests.test_it::test_wrong", "tests.test_it::test_right"], ""),
    )
    assert outcome.unexpected(wrong) == ["tests.test_it::test_right"]


def test_the_table_gives_the_reason_of_every_difference() -> None:
    differing = next(suite for suite in SUITES if suite.differs)
    text = table({differing.name: Outcome(["a::b"], list(differing.differs), [])})
    assert f"| {differing.name} | 1 | {len(differing.differs)} | 0 | everything |" in text
    assert all(reason in text for reason in differing.differs.values())
