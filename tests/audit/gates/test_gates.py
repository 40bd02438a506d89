"""Laws of the gates: what fails, what does not, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.toy_subjects import toy_report
from tokkit.audit.finding import Finding
from tokkit.audit.gates.baseline import Baseline
from tokkit.audit.gates.figures import figure
from tokkit.audit.gates.gate import Demands, check_gates
from tokkit.audit.rules import RULES, Severity
from tokkit.errors import ArgumentError, FormatError

ERROR, WARNING, NOTE = "language-without-encoding", "number-splitting", "nfc-nfd-differ"
FINDINGS = st.lists(
    st.builds(
        Finding,
        kind=st.sampled_from([RULES[rule] for rule in (ERROR, WARNING, NOTE)]),
        message=st.just("found"),
        count=st.integers(1, 9),
        tokens=st.lists(st.integers(0, 9), unique=True).map(sorted).map(tuple),
    ),
    max_size=6,
)


def failing_rules(demands: Demands) -> list[str | None]:
    return [failure.rule for failure in check_gates(toy_report(), demands)]


@pytest.mark.parametrize(
    ("fail_on", "rules"),
    [
        ("error", [ERROR]),
        ("warning", [ERROR, WARNING]),
        ("note", [ERROR, WARNING, NOTE]),
        ("never", []),
    ],
)
def test_findings_fail_from_a_severity_on(fail_on: str, rules: list[str]) -> None:
    assert failing_rules(Demands(fail_on=fail_on)) == rules  # type: ignore[arg-type]


def test_a_bound_on_a_rule_decides_alone() -> None:
    assert failing_rules(Demands(fail_on="never", at_most_found={WARNING: 2})) == [WARNING]
    assert failing_rules(Demands(fail_on="note", at_most_found={WARNING: 3})) == [ERROR, NOTE]
    assert failing_rules(Demands(at_most_found={ERROR: 1})) == []


def test_a_graded_finding_fails_by_its_grade() -> None:
    report = toy_report([Finding(RULES[NOTE], "worse than usual", graded=Severity.ERROR)])
    (failure,) = check_gates(report, Demands())
    assert failure.message == "nfc-nfd-differ: error, 1 found"


def test_figures_fail_beyond_their_bounds_only() -> None:
    report = toy_report(findings=())
    held = Demands(at_least={"rate": 4.25}, at_most={"text.rate": 4.25})
    assert check_gates(report, held) == []
    crossed = Demands(at_least={"rate": 4.5}, at_most={"languages.mya.premium": 9})
    low, high = check_gates(report, crossed)
    assert low.message == "rate is 4.25, at least 4.5 demanded"
    assert high.message == "languages.mya.premium is 9.5, at most 9 allowed"


def test_figures_are_found_by_full_and_short_names() -> None:
    report = toy_report()
    assert figure(report, "text.rate") == figure(report, "rate") == 4.25
    assert figure(report, "text.languages.mya.premium") == 9.5


@pytest.mark.parametrize(
    ("key", "message"),
    [("rates", "no figure 'rates'.*text.rate"), ("works", "not a number")],
)
def test_a_figure_that_is_none_is_refused(key: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        figure(toy_report(), key)


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(ArgumentError, match="unknown rule 'nonsense'"):
        Demands(at_most_found={"nonsense": 1})


@given(FINDINGS)
def test_nothing_fails_against_its_own_baseline(findings: list[Finding]) -> None:
    report = toy_report(findings)
    assert check_gates(report, Demands(fail_on="note", baseline=Baseline.of(report))) == []


@given(FINDINGS, FINDINGS)
def test_what_goes_beyond_the_baseline_fails(old: list[Finding], new: list[Finding]) -> None:
    baseline = Baseline.of(toy_report(old))
    report = toy_report(new)
    failed = {f.rule for f in check_gates(report, Demands(fail_on="note", baseline=baseline))}
    for rule in (ERROR, WARNING, NOTE):
        now = [finding for finding in new if finding.rule == rule]
        then = [finding for finding in old if finding.rule == rule]
        more = sum(f.count for f in now) > sum(f.count for f in then)
        tokens = {t for f in now for t in f.tokens} - {t for f in then for t in f.tokens}
        assert (rule in failed) == bool(now and (more or tokens))


@given(FINDINGS)
def test_a_baseline_survives_its_file(findings: list[Finding]) -> None:
    import tempfile

    baseline = Baseline.of(toy_report(findings))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "baseline.json"
        path.write_text(baseline.to_json(), encoding="utf-8")
        assert Baseline.read(path) == baseline


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"tokkit_baseline": 2, "rules": {}}', '{"tokkit_baseline": 1, "rules": []}',
     '{"tokkit_baseline": 1, "rules": {"a": {"count": "x", "tokens": []}}}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_is_no_baseline_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(FormatError, match="baseline"):
        Baseline.read(path)
    with pytest.raises(FormatError, match="--write-baseline"):
        Baseline.read(tmp_path / "none.json")
