"""`ReportContent`: all that an audit says, as data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tokkit.audit.finding import Finding
from tokkit.audit.part import TokenStatus
from tokkit.audit.rules import Rule, Severity, place_of
from tokkit.audit.subject import Subject
from tokkit.report.section import Section


@dataclass(frozen=True, eq=False)
class ReportContent:
    """What an audit says. It holds no date and no path: equal tokenizers give equal bytes.

    Attributes:
        name: of the tokenizer.
        subject: the tokenizer itself; the page runs it.
        sections: in the order in which they are shown.
        findings: worst first; of equal severity, by what they mean for a user (`place_of`).
        tokens: what is known of each token; None for other modalities than text.
    """

    name: str
    subject: Subject
    sections: tuple[Section, ...]
    findings: tuple[Finding, ...]
    tokens: TokenStatus | None = None

    def __post_init__(self) -> None:
        ranked = sorted(
            self.findings, key=lambda f: (f.severity.rank, *place_of(f.kind), f.message)
        )
        object.__setattr__(self, "findings", tuple(ranked))

    @property
    def rules(self) -> list[Rule]:
        """The rules of the findings, by id."""
        return sorted({finding.kind for finding in self.findings}, key=lambda rule: rule.id)

    def by_rule(self) -> dict[str, list[Finding]]:
        """The findings of each rule that found something; in the order of the worst of each."""
        found: dict[str, list[Finding]] = {}
        for finding in self.findings:
            found.setdefault(finding.rule, []).append(finding)
        return found

    def by_severity(self) -> dict[Severity, int]:
        """How many findings are of each severity, worst first."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in Severity}
