"""Figures of a section as HTML: the first ones large, zeros small, the rest on demand."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.report.page.markup import escape, prose
from tokkit.report.section import Fact
from tokkit.report.wording import number, plural, unit_of

_MAX_FACTS = 8
_FIRST_FACTS = 4
"""Of more than `_MAX_FACTS` that are not nothing, so many stand there at once."""


def headline_html(facts: Sequence[Fact]) -> str:
    """The figures at the top of a page, or nothing."""
    return _grid(facts, "facts headline")


def facts_html(facts: Sequence[Fact]) -> str:
    """The figures of a section, or nothing."""
    telling = [fact for fact in facts if not _is_zero(fact)]
    zeros = [fact for fact in facts if _is_zero(fact)]
    n_shown = _MAX_FACTS if len(telling) <= _MAX_FACTS else _FIRST_FACTS
    shown, rest = telling[:n_shown], telling[n_shown:]
    more = ""
    if rest:
        label = plural(len(rest), "more figure")
        more = f'<details class="rest"><summary>{label}</summary>{_grid(rest, "facts")}</details>'
    return _grid(shown, "facts") + _zeros(zeros) + more


def _is_zero(fact: Fact) -> bool:
    return isinstance(fact.value, (int, float)) and not isinstance(fact.value, bool) and (
        fact.value == 0 and fact.interval is None
    )  # fmt: skip


def _grid(facts: Sequence[Fact], kind: str) -> str:
    return f'<dl class="{kind}">{"".join(map(_fact, facts))}</dl>' if facts else ""


def _fact(fact: Fact) -> str:
    """One figure: large, with its unit, interval and meaning."""
    interval = ""
    if fact.interval is not None:
        low, high = map(number, fact.interval)
        interval = f'<span class="between">95% between {low} and {high}</span>'
    kind = "" if isinstance(fact.value, (int, float)) else " words"
    kind = " zero" if _is_zero(fact) else kind
    unit = (
        f' <span class="unit">{escape(unit_of(fact.value, fact.unit))}</span>' if fact.unit else ""
    )
    meaning = f'<span class="help">{prose(fact.help)}</span>' if fact.help else ""
    return (
        f'<div class="fact" data-key="{escape(fact.key)}"><dt>{escape(fact.label)}</dt>'
        f'<dd><span class="figure{kind}">{escape(number(fact.value))}</span>{unit}'
        f"{interval}{meaning}</dd></div>"
    )


def _zeros(facts: Sequence[Fact]) -> str:
    """Figures that are nothing, in a line of their own; what each means is opened on demand."""
    if not facts:
        return ""
    items = "".join(f'<li data-key="{escape(fact.key)}">{_zero(fact)}</li>' for fact in facts)
    return f'<ul class="zeros">{items}</ul>'


def _zero(fact: Fact) -> str:
    said = f"{escape(fact.label)} <b>0</b>"
    if not fact.help:
        return said
    return f'<details><summary>{said}</summary><p class="help">{prose(fact.help)}</p></details>'
