"""The top of the page: a verdict in one sentence, findings by severity, a handful of figures."""

from __future__ import annotations

from html import escape

from tokkit.audit.page.findings import SEVERITY_SIGNS
from tokkit.audit.page.markup import plural
from tokkit.audit.page.tables import fact_html
from tokkit.audit.report import AuditReport
from tokkit.audit.rules import Severity
from tokkit.audit.section import Fact
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FIGURES = 6
_FAMILIES = {
    "bpe": "byte-pair encoding",
    "unigram": "a Unigram model",
    "wordpiece": "WordPiece",
    "bytes": "one token a byte",
}


def counts(report: AuditReport) -> dict[Severity, int]:
    """Findings of each severity."""
    return {
        severity: sum(finding.severity == severity for finding in report.findings)
        for severity in Severity
    }


def verdict(report: AuditReport) -> str:
    """One sentence that says how serious the worst of it is."""
    found = counts(report)
    if found[Severity.ERROR]:
        return (
            f"{plural(found[Severity.ERROR], 'finding says', 'findings say')} that text is lost or "
            "altered, that control can be taken over, or that a process is at risk."
        )
    if found[Severity.WARNING]:
        return (
            "No text is lost and no control can be taken over in anything that was tried; "
            f"{plural(found[Severity.WARNING], 'finding costs', 'findings cost')} tokens, time or "
            "quality."
        )
    return "Nothing that was tried loses text, gives away control or costs more than it must."


def description(report: AuditReport) -> str:
    """What kind of tokenizer it is, in a line."""
    tokenizer = report.subject.tokenizer
    if not isinstance(tokenizer, TextTokenizer):
        return f"{tokenizer.modality} · {tokenizer.vocab_size:,} ids"
    return " · ".join([f"{tokenizer.vocab_size:,} tokens", *_traits(tokenizer.spec)])


def _traits(spec: TokenizerSpec) -> list[str]:
    traits = [_FAMILIES[spec.family]]
    if spec.family == "bpe":
        traits[0] += " over characters" if spec.char_units else " over bytes"
        if spec.ignore_merges:
            traits.append("whole words first")
    traits.append(f"normaliser {spec.normalizer.name}" if spec.normalizer else "no normaliser")
    n_rules = len(spec.splits)
    traits.append(plural(n_rules, "split rule") if n_rules else "no pretokenizer")
    return traits


def severities_html(report: AuditReport) -> str:
    """How many findings there are of each severity; links to the first of each."""
    items: list[str] = []
    for severity, count in counts(report).items():
        first = next((f.rule for f in report.findings if f.severity == severity), None)
        label = f"<b>{count}</b> {severity}{'' if count == 1 else 's'}"
        sign = f'<span class="sign" aria-hidden="true">{SEVERITY_SIGNS[severity]}</span>'
        inner = f"{sign}<span>{label}</span>"
        if first is None:
            items.append(f'<li class="{severity} none">{inner}</li>')
        else:
            items.append(f'<li class="{severity}"><a href="#{escape(first)}">{inner}</a></li>')
    return f'<ul class="severities">{"".join(items)}</ul>'


def figures_html(report: AuditReport) -> str:
    """The first figures of each section, in turn, until there are enough."""
    queues = [
        [fact for fact in section.facts if isinstance(fact.value, (int, float))]
        for section in report.sections
    ]
    chosen: list[Fact] = []
    while len(chosen) < FIGURES and any(queues):
        for queue in queues:
            if queue and len(chosen) < FIGURES:
                chosen.append(queue.pop(0))
    if not chosen:
        return ""
    return f'<dl class="facts headline">{"".join(map(fact_html, chosen))}</dl>'
