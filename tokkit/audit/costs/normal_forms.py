"""Composed and decomposed text: whether NFC and NFD give the same ids, and what NFD costs.

The two forms look the same (Unicode Standard Annex 15); macOS file names and some keyboards give
NFD.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tokkit.audit.costs.bootstrap import Estimate, ratio
from tokkit.audit.costs.costs import measure
from tokkit.audit.costs.languages import Language
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.text import NFC_NFD_DIFFER
from tokkit.errors import EncodingError
from tokkit.report.section import Column, Fact, Table
from tokkit.text.tokenizer import TextTokenizer

_COLUMNS = (
    Column("code", "Code"),
    Column("language", "Language"),
    Column("nfd_premium", "Decomposed", "number"),
    Column("low", "from", "number"),
    Column("high", "to", "number"),
    Column("same_ids_percent", "Texts with the same ids, %", "number"),
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
        before = measure(tokenizer, [composed for composed, _ in pairs])
        after = measure(tokenizer, [parted for _, parted in pairs])
        shared = sorted(set(before.places) & set(after.places))
        if not shared:
            continue
        old = [before.ids[before.places.index(place)] for place in shared]
        new = [after.ids[after.places.index(place)] for place in shared]
        premium = ratio([len(ids) for ids in new], [len(ids) for ids in old], 2)
        same = sum(a.tolist() == b.tolist() for a, b in zip(old, new, strict=True))
        costs.append(FormCost(each, premium, same, len(shared)))
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
        if composed == parted:
            continue
        try:
            ids = [tuple(tokenizer.encode(form)) for form in (composed, parted)]
        except EncodingError:
            continue
        if ids[0] != ids[1]:
            return (
                Witness("encode", composed.encode(), ids[0], note="NFC"),
                Witness("encode", parted.encode(), ids[1], note="NFD, which looks the same"),
            )
    return ()
