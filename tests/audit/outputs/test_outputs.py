"""Laws of the outputs: each is valid, says the same, and is the same when written again."""

from __future__ import annotations

import json
import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.audit.toy_subjects import toy_report
from tokkit.audit.gates.gate import Demands, check_gates
from tokkit.audit.outputs.json_report import schema
from tokkit.audit.outputs.junit import report_junit
from tokkit.audit.outputs.sarif import report_sarif
from tokkit.audit.outputs.terminal import report_text
from tokkit.audit.rules import RULES
from tokkit.errors import FormatError
from tokkit.files.writing import write_whole
from tokkit.report.layout import Layout

jsonschema = pytest.importorskip("jsonschema", reason="validates the JSON; in the dev extra")


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_json_is_valid_and_says_what_was_found() -> None:
    document = json.loads(toy_report().to_json())
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert document["summary"] == {"error": 1, "warning": 1, "note": 1}
    worst = document["findings"][0]
    assert worst["rule"] == "language-without-encoding"
    witness = document["findings"][1]["witnesses"][0]
    assert witness["data_hex"] == "313000ff"
    assert witness["ids"] == [49, 48, 0, 255]
    assert document["sections"][0]["facts"][1]["value"] is None  # infinite
    assert document["tokens"] == {"reachable": 256}


@pytest.mark.parametrize("field", ["schema_version", "findings", "tool", "sections"])
def test_the_schema_refuses_a_report_without(field: str) -> None:
    document = json.loads(toy_report().to_json())
    del document[field]
    assert list(jsonschema.Draft202012Validator(schema()).iter_errors(document))


def test_equal_reports_give_equal_bytes() -> None:
    one, two = toy_report(), toy_report()
    assert one.to_json() == two.to_json()
    assert str(one) == str(two)
    assert report_sarif(one) == report_sarif(two)
    assert report_junit(one) == report_junit(two)


def test_sarif_has_a_result_a_finding_and_a_rule_for_each() -> None:
    report = toy_report()
    document = json.loads(report_sarif(report, uri="models/a b.json"))
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert document["version"] == "2.1.0"
    assert len(run["results"]) == len(report.findings)
    for result, finding in zip(run["results"], report.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert result["level"] == finding.severity.value
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert place == {"uri": "models/a%20b.json"}
        assert result["message"]["text"].isprintable() or "\n" in result["message"]["text"]


def test_junit_fails_what_the_gates_fail() -> None:
    report = toy_report()
    failures = check_gates(report, Demands(fail_on="warning", at_most={"rate": 2}))
    root = ET.fromstring(report_junit(report, failures))
    suite = root[0]
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {"number-splitting", "language-without-encoding", "at-most rate"}
    assert suite.get("failures") == "3"
    assert int(suite.get("tests", "0")) == len(suite) == len(RULES) + 1


def test_terminal_text_shows_no_controls_of_the_tokenizer() -> None:
    text = report_text(toy_report())
    assert "\x1b" not in text
    assert "\\x1b[31m" in text
    assert "4.25 bytes a token  (4 to 4.5)" in text
    assert "\x1b[31merror\x1b[0m" in report_text(toy_report(), Layout(colour=True))


def test_nothing_found_is_said() -> None:
    assert "Findings: none" in report_text(toy_report(findings=()))


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    path.chmod(0o640)
    write_whole(path, "neu ä\n")
    assert path.read_bytes() == "neu ä\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot write"):
        write_whole(tmp_path / "none" / "out.json", "text")
