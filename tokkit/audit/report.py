"""`AuditReport`: what an audit says, and the ways to write it down."""

from __future__ import annotations

from typing import Any

from tokkit.audit.outputs.json_report import report_dict
from tokkit.audit.outputs.terminal import report_text
from tokkit.audit.page import render_page
from tokkit.audit.report_content import ReportContent
from tokkit.report.json_data import json_text
from tokkit.report.page.notebook import notebook_html
from tokkit.report.wording import plural


class AuditReport(ReportContent):
    """What an audit says; it can be written as JSON, as a page, and for a terminal."""

    def __repr__(self) -> str:
        counts = self.by_severity().items()
        found = ", ".join(plural(count, severity.value) for severity, count in counts if count)
        return f"AuditReport({self.name!r}: {found or 'no findings'})"

    def _repr_html_(self) -> str:
        return notebook_html(self.to_html(), f"audit of {self.name}")

    def to_dict(self) -> dict[str, Any]:
        """As plain data; see `tokkit.audit.outputs.json_report`."""
        return report_dict(self)

    def to_json(self) -> str:
        """As JSON, by the published schema; equal reports give equal texts."""
        return json_text(report_dict(self))

    def to_html(self) -> str:
        """As one page that needs nothing else; see `tokkit.audit.page`."""
        return render_page(self)

    def __str__(self) -> str:
        """As text for a terminal, without colours."""
        return report_text(self)
