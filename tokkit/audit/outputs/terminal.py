"""A report for a terminal: the figures that matter, then what was found, worst first."""

from __future__ import annotations

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.report_content import ReportContent
from tokkit.audit.rules import Severity
from tokkit.report.terminal import BOLD, DIM, fact_lines, heading_lines, styled, wrapped
from tokkit.report.wording import plural, visible

_MAX_WITNESSES = 2
_COLOURS = {Severity.ERROR: "\x1b[31m", Severity.WARNING: "\x1b[33m", Severity.NOTE: "\x1b[36m"}


def report_text(report: ReportContent, *, colour: bool = False) -> str:
    """The report as text, lines of at most 96 columns where nothing longer stands in a token."""
    tokenizer, text = report.subject.tokenizer, report.subject.text
    kind = tokenizer.modality if text is None else text.spec.family
    lines = [
        styled(visible(report.name), BOLD, colour)
        + f": {kind}, {plural(sum(tokenizer.vocab_sizes), 'id')}"
    ]
    for section in report.sections:
        lines += ["", *heading_lines(section, colour), *fact_lines(section)]
    counts = report.by_severity().items()
    tally = ", ".join(plural(n, level.value) for level, n in counts if n)
    lines += ["", styled(f"Findings: {tally or 'none'}", BOLD, colour)]
    for finding in report.findings:
        lines += _finding(finding, colour)
    return "\n".join(lines) + "\n"


def _finding(finding: Finding, colour: bool) -> list[str]:
    level = styled(finding.severity.value, _COLOURS[finding.severity], colour)
    lines = [f"  {level} {styled(finding.rule, BOLD, colour)}"]
    lines += wrapped(visible(finding.message), 4)
    for witness in finding.witnesses[:_MAX_WITNESSES]:
        lines.append(styled(f"      {_witness(witness)}", DIM, colour))
    return lines


def _witness(witness: Witness) -> str:
    shown = list(witness.ids[:8])
    ids = str(shown)[:-1] + (", …]" if len(witness.ids) > 8 else "]")
    subject = ids if witness.action == "decode" else f"'{visible(witness.data, 48)}'"
    text = f"{witness.action} {subject}"
    if witness.result is not None:
        text += f" -> '{visible(witness.result, 48)}'"
    elif witness.ids and witness.action != "decode":
        text += f" -> {ids}"
    return text + (f"  ({visible(witness.note, 80)})" if witness.note else "")
