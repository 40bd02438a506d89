"""`AuditReport`: all that an audit says, as data, and the ways to write it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokkit.audit.finding import Finding
from tokkit.audit.section import Section, TokenStatus
from tokkit.audit.subject import Subject


@dataclass(frozen=True, eq=False)
class AuditReport:
    """What an audit says. It holds no date and no path: equal tokenizers give equal bytes.

    Attributes:
        name: of the tokenizer.
        subject: the tokenizer itself; the page runs it.
        sections: in the order in which they are shown.
        findings: worst first; of equal severity, by rule and message.
        tokens: what is known of each token; None for other modalities than text.
    """

    name: str
    subject: Subject
    sections: tuple[Section, ...]
    findings: tuple[Finding, ...]
    tokens: TokenStatus | None = None

    def __post_init__(self) -> None:
        ranked = sorted(self.findings, key=lambda f: (f.severity.rank, f.rule, f.message))
        object.__setattr__(self, "findings", tuple(ranked))

    def to_dict(self) -> dict[str, Any]:
        """As plain data; see `tokkit.audit.outputs.json_report`."""
        from tokkit.audit.outputs.json_report import report_dict

        return report_dict(self)

    def to_json(self) -> str:
        """As JSON, by the published schema; equal reports give equal texts."""
        from tokkit.audit.outputs.json_report import report_json

        return report_json(self)

    def to_html(self) -> str:
        """As one page that needs nothing else; see `tokkit.audit.page`."""
        from tokkit.audit.page import render_page

        return render_page(self)

    def __str__(self) -> str:
        """As text for a terminal, without colours."""
        from tokkit.audit.outputs.terminal import report_text

        return report_text(self)
