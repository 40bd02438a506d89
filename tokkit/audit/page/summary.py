"""The top of the page: a verdict in one sentence, findings by severity, a handful of figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from tokkit.audit.report_content import ReportContent
from tokkit.audit.rules import Severity
from tokkit.report.page.markup import SIGNS, escape
from tokkit.report.section import Fact, Section
from tokkit.report.wording import plural
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FIGURES = 6
HEADLINES = (
    "english_bytes_per_token", "worst_premium", "unreachable_tokens", "median_premium",
    "vocabulary_used_percent", "tokens_per_emoji",
)  # fmt: skip
"""Keys of facts that belong at the top, where a report has them."""

_TITLES = 3
_FAMILIES = {
    "bpe": "byte-pair encoding",
    "unigram": "a Unigram model",
    "wordpiece": "WordPiece",
    "word_bpe": "byte-pair encoding of words",
    "words": "whole words",
    "greedy": "greedy longest match",
    "bytes": "one token a byte",
}


def verdict(report: ReportContent) -> str:
    """One sentence that says what the worst of it is."""
    found = report.by_severity()
    worst = next((severity for severity in Severity if found[severity]), None)
    if worst is None or worst == Severity.NOTE:
        of_text = ": nothing that was tried loses text or costs more than it must"
        of_codes = " in how the codes are used"
        return f"No errors, no warnings{of_codes if report.subject.text is None else of_text}."
    titles = list(dict.fromkeys(_inside(f.title) for f in report.findings if f.severity == worst))
    named = "; ".join(titles[:_TITLES])
    rest = len(titles) - _TITLES
    more = f"; and {rest} more" if rest > 0 else ""
    before = "" if worst == Severity.ERROR else "No errors. "
    return f"{before}{plural(found[worst], str(worst)).capitalize()}: {named}{more}."


def _inside(title: str) -> str:
    """A title inside a sentence: its first letter small, unless the word is all capitals."""
    word = title.partition(" ")[0]
    return title if word.isupper() and len(word) > 1 else title[:1].lower() + title[1:]


def description(report: ReportContent) -> str:
    """What kind of tokenizer it is, in a line."""
    tokenizer = report.subject.tokenizer
    if not isinstance(tokenizer, TextTokenizer):
        return f"{tokenizer.modality} · {plural(sum(tokenizer.vocab_sizes), 'id')}"
    return " · ".join([plural(tokenizer.vocab_size, "token"), *_traits(tokenizer.spec)])


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


def severities_html(report: ReportContent) -> str:
    """How many findings there are of each severity; links to the first of each."""
    items: list[str] = []
    for severity, count in report.by_severity().items():
        first = next((f.rule for f in report.findings if f.severity == severity), None)
        label = f"<b>{count}</b> {severity}{'' if count == 1 else 's'}"
        sign = f'<span class="sign" aria-hidden="true">{SIGNS[severity]}</span>'
        inner = f"{sign}<span>{label}</span>"
        if first is None:
            items.append(f'<li class="{severity} none">{inner}</li>')
        else:
            items.append(f'<li class="{severity}"><a href="#{escape(first)}">{inner}</a></li>')
    return f'<ul class="severities">{"".join(items)}</ul>'


def headline(sections: Sequence[Section]) -> list[Fact]:
    """The figures that belong at the top; where there are too few, the first of each section."""
    facts = [
        [fact for fact in section.facts if isinstance(fact.value, (int, float))]
        for section in sections
    ]
    known = {fact.key: fact for queue in facts for fact in queue}
    chosen = {key: known[key] for key in HEADLINES if key in known}
    for rank in zip_longest(*facts):
        for fact in rank:
            if fact is not None and len(chosen) < FIGURES:
                chosen.setdefault(fact.key, fact)
    return list(chosen.values())
