"""Do the test suites of other tokenizer libraries pass on tokkit?

A suite is the tests of a checkout, which an environment variable names; nothing is fetched. The
tests are copied to a folder of their own and run by pytest with an adapter of `suites/`
(`pytest -p benchmarks.peer_tests.suites.NAME`):

- tiktoken and minbpe: a view of tokkit takes the package's place, and computes everything;
- sentencepiece and tokenizers: the tests go on to use the library, since they train, sample, pad
  and print with it, and tokkit repeats each encoding and decoding, which must come out the same.

    TIKTOKEN=... MINBPE=... SENTENCEPIECE=... TOKENIZERS=... python -m benchmarks.peer_tests.run

Rank files are read from `.cache/tokenizers` (see `fetch/real_tokenizers.py`). The tests of
sentencepiece want the version of the library that they were written for: put it first in
PYTHONPATH. For tests of tokenizers that download files, `TOKENIZERS_DATA` names a folder that holds
them.

What is left out, and what differs and why, is listed below, and with `--write-docs` in the docs.
The exit status is 1 when a test fails that is not expected to, or passes that is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.peer_tests import suites
from benchmarks.peer_tests.suites.counting import MARK
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import replace_block

PAGE = ROOT / "docs" / "peer-tests.md"


@dataclass(frozen=True)
class Suite:
    """The tests of one library.

    Attributes:
        name: of the library.
        variable: names its checkout.
        adapter: module of `suites`.
        root: what is copied from the checkout, and where pytest runs.
        tests: what pytest is given, below `root`.
        left_out: parts of test ids that are not run -> why.
        differs: ids of tests that fail on purpose -> why.
    """

    name: str
    variable: str
    adapter: str
    root: str
    tests: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    differs: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Outcome:
    """What a run gave: ids of tests by outcome."""

    passed: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    skipped: list[str] = field(default_factory=list[str])
    compared: str = ""

    def unexpected(self, suite: Suite) -> list[str]:
        """Tests that fail against expectation, or pass against it."""
        return [test for test in self.failed if test not in suite.differs] + [
            test for test in self.passed if test in suite.differs
        ]


_NAMES_OF_MODELS = "which model uses which encoding: a table that tokkit does not have"
_IMPORTS = "which optional packages the library imports"
SUITES = (
    Suite(
        "tiktoken",
        "TIKTOKEN",
        "tiktoken_view",
        ".",
        ("tests",),
        left_out={
            "test_encoding_for_model": _NAMES_OF_MODELS,
            "test_optional_blobfile_dependency": _IMPORTS,
        },
        differs={
            "tests.test_encoding::test_encode_bytes": (
                "a private method on bytes that end inside a character: tiktoken glues these to "
                "the last piece; to tokkit each is a character without properties, as everywhere"
            )
        },
    ),
    Suite("minbpe", "MINBPE", "minbpe_view", ".", ("tests",)),
    Suite(
        "sentencepiece",
        "SENTENCEPIECE",
        "sentencepiece_check",
        "python",
        ("test/sentencepiece_test.py",),
    ),
    Suite(
        "tokenizers",
        "TOKENIZERS",
        "tokenizers_check",
        "bindings/python",
        (
            "tests/bindings/test_tokenizer.py",
            "tests/bindings/test_encoding.py",
            "tests/implementations",
        ),
        left_out={
            "TestAsyncTokenizer": "asynchronous methods of the library, over the same engine",
            "multiprocessing_with_parallelism": "a switch of the library's threads",
        },
    ),
)


def run_suite(suite: Suite, checkout: Path) -> Outcome:
    """Run the tests of a checkout in a copy of their folder."""
    with tempfile.TemporaryDirectory(prefix="peer-tests-") as folder:
        root = Path(folder) / Path(suite.root).name / "python"
        for name in {path.split("/")[0] for path in suite.tests}:
            # Links are followed: data may lie elsewhere in the checkout.
            shutil.copytree(checkout / suite.root / name, root / name)
        report = Path(folder) / "report.xml"
        wanted = " and ".join(f"not {part}" for part in suite.left_out)
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        run = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", f"{suites.__name__}.{suite.adapter}"),
                *("-p", "no:cacheprovider", f"--junitxml={report}", "-k", wanted, *suite.tests),
            ],
            cwd=root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.is_file():
            raise SystemExit(f"{suite.name}: pytest did not run:\n{run.stdout}{run.stderr}")
        outcome = _read_report(report)
        outcome.compared = run.stdout.partition(MARK)[2].partition("\n")[0].strip()
        if outcome.unexpected(suite):
            print(run.stdout[-20_000:])
        return outcome


def _read_report(path: Path) -> Outcome:
    outcome = Outcome()
    for case in ET.parse(path).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed.append(test)
        elif case.find("skipped") is not None:
            outcome.skipped.append(test)
        else:
            outcome.passed.append(test)
    return outcome


def table(outcomes: dict[str, Outcome]) -> str:
    """The figures, and the lists of what differs and what is left out."""
    lines = ["| suite | passed | differ | skipped | repeated by tokkit |", "|---|---|---|---|---|"]
    reasons: list[str] = []
    for suite in SUITES:
        if suite.name not in outcomes:
            continue
        outcome = outcomes[suite.name]
        counts = [len(outcome.passed), len(outcome.failed), len(outcome.skipped)]
        cells = [suite.name, *map(str, counts), outcome.compared or "everything"]
        lines.append(f"| {' | '.join(cells)} |")
        reasons += [
            f"- {suite.name}, `{test.partition('::')[2]}` differs: {suite.differs.get(test, '?')}."
            for test in outcome.failed
        ]
        reasons += [
            f"- {suite.name}, `{part}` is left out: {why}." for part, why in suite.left_out.items()
        ]
    return "\n".join([*lines, "", *reasons])


def main() -> None:
    """Run the suites whose checkouts are named, and print the table."""
    parser = argparse.ArgumentParser(description="Run the suites whose checkouts are named.")
    parser.add_argument("--only", nargs="+", choices=[suite.name for suite in SUITES])
    parser.add_argument("--write-docs", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    outcomes: dict[str, Outcome] = {}
    for suite in SUITES:
        checkout = os.environ.get(suite.variable)
        if options.only and suite.name not in options.only:
            continue
        if not checkout:
            print(f"{suite.name}: not run; set {suite.variable} to a checkout", file=sys.stderr)
            continue
        print(f"{suite.name} ...", file=sys.stderr)
        outcomes[suite.name] = run_suite(suite, Path(checkout))
    if not outcomes:
        raise SystemExit("no checkout is named; see the top of this file")
    description = run_description("tiktoken", "sentencepiece", "tokenizers")
    print(f"{description}\n\n{table(outcomes)}")
    if options.write_docs:
        if len(outcomes) < len(SUITES):
            raise SystemExit("the docs hold all suites; name all of their checkouts")
        replace_block(PAGE, "peer-tests", f"{table(outcomes)}\n\n```text\n{description}\n```")
    by_name = {suite.name: suite for suite in SUITES}
    if any(outcome.unexpected(by_name[name]) for name, outcome in outcomes.items()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
