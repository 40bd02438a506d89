"""A report as JUnit XML, which CI systems show as tests.

One test case a rule, and one a gate that failed for a figure. A rule fails as the gates say; what
it found otherwise is in the test's output.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from tokkit.audit.finding import Finding
from tokkit.audit.gates.gate import GateFailure
from tokkit.audit.report_content import ReportContent
from tokkit.audit.rules import RULES
from tokkit.report.wording import visible


def report_junit(report: ReportContent, failures: Sequence[GateFailure] = ()) -> str:
    """The report as JUnit XML.

    Args:
        report: what to write.
        failures: of the gates, from `tokkit.audit.gates.gate.check_gates`.
    """
    found = report.by_rule()
    failed = {failure.rule: failure for failure in failures if failure.rule is not None}
    others = [failure for failure in failures if failure.rule is None]
    suite = ET.Element(
        "testsuite",
        name=f"tokkit audit {visible(report.name)}",
        tests=str(len(RULES) + len(others)),
        failures=str(len(failures)),
        errors="0",
        skipped="0",
    )
    for rule in RULES.values():
        case = ET.SubElement(suite, "testcase", classname="tokkit.audit", name=rule.id)
        if rule.id in failed:
            failure = failed[rule.id]
            ET.SubElement(
                case, "failure", type=rule.severity.value, message=visible(failure.message)
            ).text = _texts(found.get(rule.id, ()))
        elif rule.id in found:
            ET.SubElement(case, "system-out").text = _texts(found[rule.id])
    for other in others:
        case = ET.SubElement(suite, "testcase", classname="tokkit.audit.gate", name=other.gate)
        ET.SubElement(case, "failure", type="gate", message=visible(other.message))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _texts(findings: Sequence[Finding]) -> str:
    return "\n".join(f"{finding.severity}: {visible(finding.message)}" for finding in findings)
