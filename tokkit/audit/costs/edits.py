"""How steady the segmentation is: how many tokens a small edit changes.

An edit is made at a random place of a text. The tokens between the longest common beginning and the
longest common end of the ids before and after are those that it changed, counted in whichever has
more of them. A model sees all of them anew, though a reader hardly notices the edit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from tokkit.audit.costs.bootstrap import Estimate, ratio
from tokkit.audit.costs.languages import Language
from tokkit.audit.expressible import ids_or_none
from tokkit.report.section import Chart, Column, Scalar, Table, bar_chart, columns
from tokkit.text.tokenizer import TextTokenizer

_PER_TEXT = 4
_LANGUAGES = ("eng", "deu", "tur", "vie", "rus", "arb", "hin", "tha", "zho", "jpn", "kor", "swh")
_MAX_LANGUAGES = 12

Edit = Callable[[str, random.Random], str | None]


def swap_letters(text: str, generator: random.Random) -> str | None:
    """Two neighbouring letters inside a word change places."""
    places = [
        k
        for k in range(1, len(text) - 2)
        if text[k - 1 : k + 3].isalpha() and text[k] != text[k + 1]
    ]
    k = _choice(places, generator)
    return None if k is None else text[:k] + text[k + 1] + text[k] + text[k + 2 :]


def drop_letter(text: str, generator: random.Random) -> str | None:
    """A letter inside a word is left out."""
    places = [k for k in range(1, len(text) - 1) if text[k - 1 : k + 2].isalpha()]
    k = _choice(places, generator)
    return None if k is None else text[:k] + text[k + 1 :]


def change_case(text: str, generator: random.Random) -> str | None:
    """The first letter of a word changes its case."""
    places = [
        k
        for k, char in enumerate(text)
        if char.isalpha() and len(char.swapcase()) == 1 and char.swapcase() != char
        and (k == 0 or text[k - 1] == " ")
    ]  # fmt: skip
    k = _choice(places, generator)
    return None if k is None else text[:k] + text[k].swapcase() + text[k + 1 :]


def double_space(text: str, generator: random.Random) -> str | None:
    """A space becomes two."""
    places = [k for k, char in enumerate(text) if char == " "]
    k = _choice(places, generator)
    return None if k is None else text[:k] + " " + text[k:]


def _choice(places: Sequence[int], generator: random.Random) -> int | None:
    return generator.choice(places) if places else None


EDITS: dict[str, tuple[str, Edit]] = {
    "swap": ("two letters swapped", swap_letters),
    "drop": ("a letter dropped", drop_letter),
    "case": ("case of an initial", change_case),
    "space": ("a space doubled", double_space),
}


def n_changed(before: Sequence[int], after: Sequence[int]) -> int:
    """How many ids stand between the common beginning and the common end of two encodings.

    >>> n_changed([1, 2, 3, 4], [1, 9, 9, 9, 4])
    3
    """
    shortest = min(len(before), len(after))
    start = 0
    while start < shortest and before[start] == after[start]:
        start += 1
    end = 0
    while end < shortest - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return max(len(before), len(after)) - start - end


def measure_edits(
    tokenizer: TextTokenizer, languages: Sequence[Language]
) -> dict[str, dict[str, Estimate]]:
    """Name of a language -> edit -> tokens that one such edit changes, on average."""
    by_code = {each.code: each for each in languages if each.cost.texts}
    chosen = [by_code[code] for code in _LANGUAGES if code in by_code]
    chosen += [each for code, each in sorted(by_code.items()) if code not in _LANGUAGES]
    found: dict[str, dict[str, Estimate]] = {}
    for language in chosen[:_MAX_LANGUAGES]:
        changed = {key: _changes(tokenizer, language, edit) for key, (_, edit) in EDITS.items()}
        found[language.name] = {
            key: ratio(values, [1] * len(values), 2) for key, values in changed.items() if values
        }
    return {name: edits for name, edits in found.items() if edits}


def _changes(tokenizer: TextTokenizer, language: Language, edit: Edit) -> list[float]:
    """Of each text, the mean over a few edits."""
    means: list[float] = []
    for k, (text, ids) in enumerate(zip(language.cost.texts, language.cost.ids, strict=True)):
        generator = random.Random(k)
        changes: list[int] = []
        for _ in range(_PER_TEXT):
            edited = edit(text, generator)
            if edited is None:
                break
            new = ids_or_none(tokenizer, edited)
            if new is not None:
                changes.append(n_changed(ids.tolist(), new))
        if changes:
            means.append(float(np.mean(changes)))
    return means


def edit_table(found: dict[str, dict[str, Estimate]]) -> Table:
    """One row a language, one column an edit."""
    numbers = {key: label[0].upper() + label[1:] for key, (label, _) in EDITS.items()}
    heads = (Column("language", "Language"), *columns("number", **numbers))
    rows: list[tuple[Scalar, ...]] = [
        (name, *(edits[key].value if key in edits else None for key in EDITS))
        for name, edits in found.items()
    ]
    return Table(
        "edits", "Tokens that a small edit changes", heads, tuple(rows),
        f"Mean over {_PER_TEXT} random edits a text. 1 is the least; a dash: the script has no "
        "such edit.",
    )  # fmt: skip


def edit_chart(found: dict[str, dict[str, Estimate]], name: str) -> Chart | None:
    """The reference language, edit by edit, with intervals."""
    edits = found.get(name)
    if not edits:
        return None
    bars = [edits[key].bar(label) for key, (label, _) in EDITS.items() if key in edits]
    title = f"Tokens that a small edit changes, {name}"
    return bar_chart("edits", title, "tokens changed", bars, "tokens")
