"""Composed and decomposed text: whether NFC and NFD give the same ids, and what NFD costs.

The two forms look the same (Unicode Standard Annex 15); macOS file names and some keyboards give
NFD.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokkit.audit.costs.bootstrap import Estimate, ratio
from tokkit.audit.costs.costs import in_both, measure
from tokkit.audit.costs.languages import Language
from tokkit.audit.expressible import ids_or_none
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.text import NFC_NFD_DIFFER
from tokkit.report.section import Fact, Table, columns
from tokkit.text.tokenizer import TextTokenizer

_COLUMNS = (
    *columns("text", code="Code", language="Language"),
    *columns("number", nfd_premium="Decomposed", low="from", high="to"),
    *columns("number", same_ids_percent="Texts with the same ids, %"),
)


@dataclass(frozen=True, eq=False)
class FormCost:
    """What decomposing costs in a language: tokens of NFD over those of NFC.

    Attributes:
        language: which one.
        premium: over the texts whose forms differ.
        n_same: texts that have the same ids in both forms.
        n_texts: texts whose forms differ.
    """

    language: Language
    premium: Estimate
    n_same: int
    n_texts: int


def measure_forms(tokenizer: TextTokenizer, languages: Sequence[Language]) -> list[FormCost]:
    """The languages whose forms differ, the most expensive first."""
    costs: list[FormCost] = []
    for each in languages:
        pairs = [_forms(text) for text in each.cost.texts]
        pairs = [(composed, parted) for composed, parted in pairs if composed != parted]
        before, after = in_both(
            measure(tokenizer, [composed for composed, _ in pairs]),
            measure(tokenizer, [parted for _, parted in pairs]),
        )
        if before.texts:
            premium = ratio(after.n_tokens, before.n_tokens, 2)
            same = sum(map(np.array_equal, before.ids, after.ids))
            costs.append(FormCost(each, premium, same, len(before.texts)))
    return sorted(costs, key=lambda each: (-each.premium.value, each.language.code))


def _forms(text: str) -> tuple[str, str]:
    return unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)


def form_facts(costs: Sequence[FormCost]) -> list[Fact]:
    """Whether the forms give the same ids, and what the worst language pays."""
    if not costs:
        return []
    same = all(each.n_same == each.n_texts for each in costs)
    return [
        Fact(
            "nfc_nfd_same_ids", "NFC and NFD give the same ids", same,
            help="Composed and decomposed letters, which look the same.",
        ),
        Fact(
            "worst_nfd_premium", f"Decomposed text, {costs[0].language.name}",
            costs[0].premium.value, "times the tokens", costs[0].premium.interval,
            "Of the same text in composed letters.",
        ),
    ]  # fmt: skip


def form_table(costs: Sequence[FormCost]) -> Table:
    """One row a language."""
    rows = tuple(
        (
            each.language.code, each.language.name, each.premium.value, each.premium.low,
            each.premium.high, round(100 * each.n_same / each.n_texts, 1),
        )
        for each in costs
    )  # fmt: skip
    return Table(
        "normal_forms", "Cost of decomposed letters", _COLUMNS, rows,
        "Tokens of the texts in NFD over those in NFC, for texts in which the two differ.",
    )  # fmt: skip


def form_findings(costs: Sequence[FormCost], tokenizer: TextTokenizer) -> list[Finding]:
    """Languages in which the two forms of a text have different ids."""
    differing = [each for each in costs if each.n_same < each.n_texts]
    if not differing:
        return []
    witnesses = _smallest(differing, tokenizer)
    return [
        Finding(
            NFC_NFD_DIFFER,
            f"Composed and decomposed letters, which look the same, have different ids in "
            f"{len(differing)} languages. In {differing[0].language.name} decomposed text takes "
            f"{differing[0].premium.value:g} times as many tokens.",
            len(differing),
            witnesses=witnesses,
        )
    ]


def _smallest(costs: Sequence[FormCost], tokenizer: TextTokenizer) -> tuple[Witness, ...]:
    """The first letter, in order of code points, whose forms have different ids."""
    texts = [text for each in costs for text in each.language.cost.texts]
    letters = sorted({char for text in texts for char in unicodedata.normalize("NFC", text)})
    for letter in letters:
        composed, parted = _forms(letter)
        one, other = ids_or_none(tokenizer, composed), ids_or_none(tokenizer, parted)
        if one is not None and other is not None and one != other:
            return (
                Witness("encode", composed.encode(), one, note="NFC"),
                Witness("encode", parted.encode(), other, note="NFD, which looks the same"),
            )
    return ()
