"""A report for a terminal: the figures that matter, then what was found, worst first."""

from __future__ import annotations

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.report_content import ReportContent
from tokkit.audit.rules import Severity
from tokkit.report.layout import BOLD, DIM, PLAIN, Layout, shortened, side_by_side, wrapped
from tokkit.report.terminal import fact_lines, heading_lines
from tokkit.report.wording import plural, readable, visible
from tokkit.tokenizer.refusals import SIGNALS

_MAX_WITNESSES = 2
_MAX_TEXT = 48
"""Columns of a text."""
_COLOURS = {Severity.ERROR: "\x1b[31m", Severity.WARNING: "\x1b[33m", Severity.NOTE: "\x1b[36m"}


def report_text(report: ReportContent, layout: Layout = PLAIN) -> str:
    """The report as text."""
    tokenizer, text = report.subject.tokenizer, report.subject.text
    kind = SIGNALS[tokenizer.modality] if text is None else text.spec.family
    lines = [
        layout.styled(visible(report.name), BOLD)
        + f": {kind}, {plural(sum(tokenizer.vocab_sizes), 'id')}"
    ]
    for section in report.sections:
        lines += ["", *heading_lines(section, layout), *fact_lines(section, layout)]
    counts = report.by_severity().items()
    tally = ", ".join(plural(n, level.value) for level, n in counts if n)
    lines += ["", layout.styled(f"Findings: {tally or 'none'}", BOLD)]
    for finding in report.findings:
        lines += _finding(finding, layout)
    return "\n".join(lines) + "\n"


def _finding(finding: Finding, layout: Layout) -> list[str]:
    level = layout.styled(finding.severity.value, _COLOURS[finding.severity])
    lines = [f"  {level} {layout.styled(finding.rule, BOLD)}"]
    lines += wrapped(visible(finding.message), 4, layout)
    for witness in finding.witnesses[:_MAX_WITNESSES]:
        shown = side_by_side(_witness(witness, layout), 6, layout)
        lines += [layout.styled(line, DIM) for line in shown]
    return lines


def _witness(witness: Witness, layout: Layout) -> list[str]:
    """What was done, what came of it, and a note."""
    shown = list(witness.ids[:8])
    ids = str(shown)[:-1] + (", …]" if len(witness.ids) > 8 else "]")
    most = _MAX_TEXT if layout.width is None else min(_MAX_TEXT, layout.width - 20)
    subject = ids if witness.action == "decode" else f"'{_text(witness.data, most)}'"
    parts = [f"{witness.action} {subject}"]
    if witness.result is not None:
        parts.append(f"-> '{_text(witness.result, most)}'")
    elif witness.ids and witness.action != "decode":
        parts.append(f"-> {ids}")
    if witness.note:
        parts.append(f" ({visible(witness.note, 80)})")
    return parts


def _text(data: bytes, width: int) -> str:
    return shortened(readable(data), width)
