"""What a normaliser changes: every assigned character, and pairs and runs that it may look at.

Each change is put down to the mildest kind that explains it. The kinds follow the normal forms of
Unicode (UAX #15): `composed` (canonically equivalent), `space` (white space only), `compatibility`
(equivalent under NFKC, as `ﬁ` and `fi`), `case`, `accents`, `dropped` (characters are gone), and
`replaced`.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import chain

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules import Severity
from tokkit.audit.rules.safety import LOSSY_NORMALIZATION
from tokkit.audit.safety.round_trips import assigned_characters
from tokkit.report.wording import plural, quoted
from tokkit.text.normalizers import whole_normalizer
from tokkit.text.tokenizer import TextTokenizer

MAX_WITNESSES = 4
KINDS = {
    "composed": "written in another, canonically equivalent form",
    "space": "changed in white space only",
    "compatibility": "replaced by what they look like (compatibility)",
    "case": "changed in case",
    "accents": "stripped of accents",
    "dropped": "dropped, wholly or in part",
    "replaced": "replaced by something else",
}
"""Kind of change -> what happens to the characters."""

_LONGER = (
    " a", "a ", "a  b", "a    b", "\ta", "a\n", "a\n\nb", "a\r\nb", "a\rb", "    a", "e\u0301",
    "A\u030a", "n\u0303", "a\u0323\u0307", "\u1112\u1161\u11ab", "\u0915\u093c", "e\u0301\u0301",
    "\u2581a", "a\u200db", "a\u200bb", "``", "''",
)  # fmt: skip
"""Texts of several characters that normalisers change although each character stays."""


@dataclass(frozen=True)
class Normalization:
    """What a normaliser changes.

    Attributes:
        findings: of `lossy-normalization`, one for each kind of change.
        n_changed: kind -> how many assigned characters are changed so.
    """

    findings: tuple[Finding, ...]
    n_changed: dict[str, int]


def examine_normalization(tokenizer: TextTokenizer) -> Normalization:
    """Apply the normaliser to all assigned characters and to a few longer texts."""
    normalizer = whole_normalizer(tokenizer.spec)
    if normalizer is None:
        return Normalization((), {})
    singles: Counter[str] = Counter()
    examples: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for text in chain(assigned_characters(), _LONGER):
        result = normalizer(text)
        if result != text:
            kind = kind_of_change(text, result)
            singles[kind] += len(text) == 1
            examples[kind].append((text, result))
    name = normalizer.name
    findings = [
        _finding(name, kind, examples[kind], singles[kind]) for kind in KINDS if kind in examples
    ]
    return Normalization(tuple(findings), {kind: singles[kind] for kind in KINDS if singles[kind]})


def kind_of_change(text: str, result: str) -> str:
    """The mildest of `KINDS` that explains how a text was changed."""
    before, after = _form("NFC", text), _form("NFC", result)
    if before == after:
        return "composed"
    if "".join(text.split()) == "".join(result.split()):
        return "space"
    if _form("NFKC", text).split() == _form("NFKC", result).split():
        return "compatibility"
    if before.casefold() == after.casefold():
        return "case"
    if _bare(text).casefold() == _bare(result).casefold():
        return "accents"
    return "dropped" if _is_part(result, text) else "replaced"


def _form(name: str, text: str) -> str:
    return unicodedata.normalize(name, text)  # pyright: ignore[reportArgumentType]


def _bare(text: str) -> str:
    """Without combining marks."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _is_part(part: str, whole: str) -> bool:
    """Whether `part` is what is left of `whole` when characters are taken out."""
    rest = iter(whole)
    return all(char in rest for char in part)


def _finding(name: str, kind: str, examples: list[tuple[str, str]], n_characters: int) -> Finding:
    shown = sorted(examples, key=lambda pair: _prominence(pair[0]))[:MAX_WITNESSES]
    text, result = shown[0]
    subject = plural(n_characters, "character is", "characters are")
    subject = subject if n_characters else "Runs of characters are"
    return Finding(
        LOSSY_NORMALIZATION,
        f"{subject} {KINDS[kind]} by {name}: {quoted(text)} becomes {quoted(result)}.",
        count=max(n_characters, 1),
        witnesses=tuple(
            Witness("normalize", before.encode(), result=after.encode(), note=kind)
            for before, after in shown
        ),
        graded=Severity.NOTE if kind == "composed" else None,
    )


def _prominence(text: str) -> tuple[bool, bool, int, str]:
    """Order in which changes are shown: ASCII first, then what is written, controls last."""
    invisible = any(unicodedata.category(char)[0] == "C" for char in text)
    return not text[0].isascii() or invisible, invisible, len(text), text
