"""A report as SARIF 2.1.0 (OASIS, 2020), which code scanning services read.

One result a finding. A result has no line: its location is the tokenizer as a whole. Its
fingerprint is made of the rule and the tokenizer's name, so that a service recognises it later.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from tokkit.audit.finding import Finding
from tokkit.audit.report_content import ReportContent
from tokkit.audit.rules import Rule
from tokkit.report.json_data import json_text
from tokkit.report.wording import visible
from tokkit.version import VERSION

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_MAX_TOKENS = 100
_MAX_WITNESSES = 3


def report_sarif(report: ReportContent, *, uri: str | None = None) -> str:
    """The report as SARIF text.

    Args:
        report: what to write.
        uri: where the tokenizer lies, relative to the root of the repository; its name by default.
    """
    rules = report.rules
    run = {
        "tool": {
            "driver": {
                "name": "tokkit",
                "version": VERSION,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "results": [
            _result(finding, rules.index(finding.kind), report.name, quote(uri or report.name))
            for finding in report.findings
        ],
        "columnKind": "unicodeCodePoints",
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_text(document)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.why},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(finding: Finding, index: int, name: str, uri: str) -> dict[str, Any]:
    lines = [finding.message]
    for witness in finding.witnesses[:_MAX_WITNESSES]:
        data = visible(witness.data, 80) if witness.data else f"ids {list(witness.ids)[:8]}"
        lines.append(f"{witness.action} {data}" + (f": {witness.note}" if witness.note else ""))
    print_of = hashlib.sha256(f"{finding.rule}\0{name}".encode()).hexdigest()
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": "\n".join(lines)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}}}],
        "partialFingerprints": {"tokkitRule/v1": print_of},
        "properties": {"count": finding.count, "tokens": list(finding.tokens[:_MAX_TOKENS])},
    }
