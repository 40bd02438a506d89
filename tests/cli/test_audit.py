"""Laws of `tokkit audit`: exit codes, files, and what goes where."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import tokkit
from tests.audit.toy_subjects import toy_report, write_bpe
from tokkit.audit.gates.known_figures import FACTS
from tokkit.audit.options import AuditOptions
from tokkit.cli import main
from tokkit.errors import ArgumentError, FormatError


@pytest.fixture
def tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a file; the audit of it is a report that is known."""
    monkeypatch.setattr(tokkit, "audit_tokenizer", lambda *_, **__: toy_report(), raising=False)
    monkeypatch.setitem(FACTS, "toy", ("rate",))  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    return str(path)


def test_errors_fail_and_say_why(tokenizer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", tokenizer]) == 1
    out, err = capsys.readouterr()
    assert "Findings: 1 error, 1 warning, 1 note" in out
    assert "tokkit: failed: language-without-encoding: error, 1 found (fail-on error)" in err


def test_gates_decide_the_exit_code(tokenizer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", tokenizer, "--fail-on", "never"]) == 0
    assert main(["audit", tokenizer, "--max", "language-without-encoding=1"]) == 0
    assert main(["audit", tokenizer, "--fail-on", "never", "--at-least", "rate=5"]) == 1
    assert "rate is 4.25, at least 5 demanded (at-least rate)" in capsys.readouterr().err


def test_a_baseline_silences_what_it_knows(tokenizer: str, tmp_path: Path) -> None:
    baseline = str(tmp_path / "baseline.json")
    assert main(["audit", tokenizer, "--write-baseline", baseline]) == 0
    assert main(["audit", tokenizer, "--fail-on", "note", "--baseline", baseline]) == 0
    again = ["--baseline", baseline, "--write-baseline", baseline]
    assert main(["audit", tokenizer, *again]) == 0  # the one file that may be read and written


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max", "nonsense=1"],
        ["--max", "number-splitting"],
        ["--at-least", "rate=x"],
        ["--at-most", "no_such_figure=1"],
        ["--baseline", "none.json"],
        ["--texts", "none"],
        ["--corpora", "none"],
        ["--chat-template", "none"],
        ["--html", "none/page.html"],
        ["--html", "-", "--json"],
        ["--max", "number-splitting=1.5"],
    ],
)
def test_bad_arguments_exit_with_2_in_one_line(
    tokenizer: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", tokenizer, *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("tokkit: error: ")
    assert err.count("\n") == 1


def test_files_are_written(tokenizer: str, tmp_path: Path) -> None:
    files = {name: tmp_path / f"out.{name}" for name in ("json", "sarif", "junit")}
    arguments = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    assert main(["audit", tokenizer, *arguments, "--fail-on", "never"]) == 0
    assert json.loads(files["json"].read_bytes())["schema_version"] == 1
    location = json.loads(files["sarif"].read_bytes())["runs"][0]["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "tokenizer.json"
    assert ET.fromstring(files["junit"].read_text(encoding="utf-8")).tag == "testsuites"


def test_json_alone_goes_to_stdout(tokenizer: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", tokenizer, "--json"])
    assert json.loads(capsys.readouterr().out)["tokenizer"]["name"] == "toy <tokenizer>"


def test_quiet_prints_nothing(tokenizer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", tokenizer, "--quiet", "--fail-on", "never"]) == 0
    assert capsys.readouterr().out == ""


def test_a_hostile_file_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("[" * 3000)
    assert main(["audit", str(path)]) == 2
    assert capsys.readouterr().err.startswith("tokkit: error: ")


def test_a_whole_audit_is_the_same_again(tmp_path: Path) -> None:
    path = write_bpe(tmp_path / "tokenizer.json")
    options = AuditOptions(reference=False)
    one, two = (tokkit.audit_tokenizer(path, options=options) for _ in range(2))
    assert one.to_json() == two.to_json()
    assert one.name == f"{tmp_path.name}/tokenizer.json"
    assert "text" in [section.key for section in one.sections]


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = write_bpe(tmp_path / "tokenizer.json")
    options = AuditOptions(signals=[1], distortion=lambda a, b: 0.0)
    with pytest.raises(ArgumentError, match="signals are for other modalities"):
        tokkit.audit_tokenizer(path, options=options)
    with pytest.raises(ArgumentError, match="distortion is about signals"):
        AuditOptions(distortion=lambda a, b: 0.0)
    with pytest.raises(FormatError, match="no such file"):
        tokkit.audit_tokenizer(tmp_path / "none.json")
