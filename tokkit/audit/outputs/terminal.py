"""A report for a terminal: the figures that matter, then what was found, worst first."""

from __future__ import annotations

import textwrap
from collections import Counter

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.outputs.visible import visible
from tokkit.audit.report_content import ReportContent
from tokkit.audit.rules import Severity
from tokkit.audit.section import Fact, Section

_WIDTH = 96
_LABEL_WIDTH = 34
_MAX_FACTS = 8
_MAX_WITNESSES = 2
_COLOURS = {Severity.ERROR: "\x1b[31m", Severity.WARNING: "\x1b[33m", Severity.NOTE: "\x1b[36m"}
BOLD, DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def report_text(report: ReportContent, *, colour: bool = False) -> str:
    """The report as text, lines of at most 96 columns where nothing longer stands in a token."""
    tokenizer, text = report.subject.tokenizer, report.subject.text
    kind = tokenizer.modality if text is None else text.spec.family
    lines = [styled(visible(report.name), BOLD, colour) + f": {kind}, {tokenizer.vocab_size:,} ids"]
    for section in report.sections:
        lines += ["", *_section(section, colour)]
    counts = Counter(finding.severity for finding in report.findings)
    tally = ", ".join(_plural(counts[level], level.value) for level in Severity if counts[level])
    lines += ["", styled(f"Findings: {tally or 'none'}", BOLD, colour)]
    for finding in report.findings:
        lines += _finding(finding, colour)
    return "\n".join(lines) + "\n"


def _section(section: Section, colour: bool) -> list[str]:
    lines = [styled(section.title, BOLD, colour)]
    lines += wrapped(visible(section.summary), 2)
    facts = section.facts[:_MAX_FACTS]
    width = max([_LABEL_WIDTH, *(len(visible(fact.label)) for fact in facts)])
    lines += [f"  {visible(fact.label):<{width}}  {_value(fact)}" for fact in facts]
    left = len(section.facts) - _MAX_FACTS
    if left > 0:
        lines.append(f"  … and {left} more in the page and the JSON")
    return lines


def _value(fact: Fact) -> str:
    text = format_scalar(fact.value) + ("" if not fact.unit else f" {fact.unit}")
    if fact.interval is not None:
        text += f"  ({format_scalar(fact.interval[0])} to {format_scalar(fact.interval[1])})"
    return text


def format_scalar(value: str | float | bool | None) -> str:
    """A figure as a reader expects it: thousands apart, booleans as words."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return visible(value)


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


def wrapped(text: str, indent: int) -> list[str]:
    """Lines of at most 96 columns, words kept whole."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def styled(text: str, code: str, colour: bool) -> str:
    """`text` in a style of the terminal, if `colour`."""
    return f"{code}{text}{_RESET}" if colour else text


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" + ("" if n == 1 else "s")
