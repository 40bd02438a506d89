"""A report as JSON, version 1, described by `audit-report.schema.json` beside this module.

Version 1 stays readable: fields may be added, none is renamed or removed. Bytes are written in
hexadecimal, and as text beside it, where U+FFFD stands for what is not UTF-8.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.report_content import ReportContent
from tokkit.files.shipped import shipped_json
from tokkit.report.json_data import section_data
from tokkit.version import VERSION

SCHEMA_VERSION = 1


def report_dict(report: ReportContent) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tokkit", "version": VERSION},
        "tokenizer": _tokenizer(report),
        "summary": {level.value: n for level, n in report.by_severity().items()},
        "findings": [_finding(finding) for finding in report.findings],
        "sections": [section_data(section) for section in report.sections],
        "rules": {
            rule.id: {
                "title": rule.title,
                "severity": rule.severity.value,
                "impact": rule.impact.value,
                "why": rule.why,
            }
            for rule in report.rules
        },
        "tokens": _tokens(report),
    }


def schema() -> dict[str, Any]:
    """The published JSON Schema (draft 2020-12) of what `report_dict` gives."""
    return shipped_json("audit-report.schema.json", "tokkit.audit.outputs")


def bytes_fields(name: str, data: bytes | None) -> dict[str, str | None]:
    """Bytes in hexadecimal, and as text."""
    if data is None:
        return {f"{name}_hex": None, f"{name}_text": None}
    return {f"{name}_hex": data.hex(), f"{name}_text": data.decode(errors="replace")}


def _tokenizer(report: ReportContent) -> dict[str, Any]:
    tokenizer, text = report.subject.tokenizer, report.subject.text
    return {
        "name": report.name,
        "modality": tokenizer.modality,
        "vocab_size": sum(tokenizer.vocab_sizes),
        "family": None if text is None else text.spec.family,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "title": finding.title,
        "message": finding.message,
        "count": finding.count,
        "tokens": list(finding.tokens),
        "witnesses": [_witness(witness) for witness in finding.witnesses],
    }


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        "action": witness.action,
        **bytes_fields("data", witness.data),
        "ids": list(witness.ids),
        **bytes_fields("result", witness.result),
        "note": witness.note,
    }


def _tokens(report: ReportContent) -> dict[str, int] | None:
    """How many ids have each status."""
    if report.tokens is None:
        return None
    return dict(sorted(Counter(report.tokens.status).items()))
