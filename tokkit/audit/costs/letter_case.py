"""What capitals cost: the parallel texts in capitals, and with a capital at each word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokkit.audit.costs.bootstrap import Estimate
from tokkit.audit.costs.costs import premium_of
from tokkit.audit.costs.languages import Language
from tokkit.audit.expressible import ids_or_none
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.text import COSTLY_CAPITALS
from tokkit.report.section import Fact, Table, columns
from tokkit.text.tokenizer import TextTokenizer

HIGH_PREMIUM = 1.5
"""Capitals that surely cost more than this are reported."""

_MIN_CASED_SHARE = 0.5
_COLUMNS = (
    *columns("text", code="Code", language="Language"),
    *columns("number", upper_premium="CAPITALS", upper_low="from", upper_high="to"),
    *columns("number", title_premium="Each Word"),
)


@dataclass(frozen=True, eq=False)
class CaseCost:
    """What capitals cost in a language: tokens over those of the text as it is."""

    language: Language
    upper: Estimate
    title: Estimate


def measure_case(tokenizer: TextTokenizer, languages: Sequence[Language]) -> list[CaseCost]:
    """The languages whose script has two cases, capitals that cost most first."""
    costs: list[CaseCost] = []
    for each in languages:
        if _is_cased(each.cost.texts):
            upper = premium_of(tokenizer, each.cost, str.upper)
            title = premium_of(tokenizer, each.cost, _capitalise)
            if upper is not None and title is not None:
                costs.append(CaseCost(each, upper, title))
    return sorted(costs, key=lambda each: (-each.upper.value, each.language.code))


def _is_cased(texts: Sequence[str]) -> bool:
    letters = [char for text in texts for char in text if char.isalpha()]
    # Georgian has capitals, but begins no word with them: they have no title case.
    cased = sum(char.title() != char.lower() for char in letters)
    return bool(letters) and cased > _MIN_CASED_SHARE * len(letters)


def _capitalise(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def case_facts(costs: Sequence[CaseCost], reference: str) -> list[Fact]:
    """What capitals cost in the reference language."""
    home = next((each for each in costs if each.language.code == reference), None)
    if home is None:
        return []
    return [
        Fact(
            "upper_premium", "English in capitals", home.upper.value, "times the tokens",
            home.upper.interval, "Of the same text as it is usually written.",
        ),
        Fact(
            "title_premium", "English, Each Word Capitalised", home.title.value,
            "times the tokens", home.title.interval,
        ),
    ]  # fmt: skip


def case_table(costs: Sequence[CaseCost]) -> Table:
    """One row a language."""
    rows = tuple(
        (
            each.language.code, each.language.name,
            each.upper.value, each.upper.low, each.upper.high, each.title.value,
        )
        for each in costs
    )  # fmt: skip
    return Table(
        "letter_case", "Cost of capitals", _COLUMNS, rows,
        "Tokens over those of the same text as it is usually written. 1: case costs nothing.",
    )  # fmt: skip


def case_findings(costs: Sequence[CaseCost], tokenizer: TextTokenizer) -> list[Finding]:
    """Languages whose capitals cost much more."""
    dear = [each for each in costs if each.upper.low > HIGH_PREMIUM]
    if not dear:
        return []
    worst = dear[0]
    shortest_first = sorted(worst.language.cost.texts, key=lambda text: len(text.encode()))
    text = next(t for t in shortest_first if ids_or_none(tokenizer, t.upper()) is not None)
    written = [(each, tuple(tokenizer.encode(each))) for each in (text, text.upper())]
    return [
        Finding(
            COSTLY_CAPITALS,
            f"In {len(dear)} of {len(costs)} languages with two cases, a text in capitals takes "
            f"more than {HIGH_PREMIUM:g} times as many tokens; in {worst.language.name} "
            f"{worst.upper.value:g} times.",
            len(dear),
            witnesses=tuple(
                Witness("encode", each.encode(), ids, note=f"{len(ids)} tokens")
                for each, ids in written
            ),
        )
    ]  # fmt: skip
