"""Texts to measure: parallel text and samples of kinds of text that tokkit ships, or the user's.

What is shipped: articles 1 to 12 of the Universal Declaration of Human Rights in 53 languages
(`parallel.json`, which holds its licence; letters are composed), and short texts of our own by kind
(`kinds.json`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokkit.errors import ArgumentError, FormatError
from tokkit.files.reading import decode_utf8, read_bounded
from tokkit.files.shipped import shipped_json

REFERENCE_NAMES = ("eng", "en", "english")
"""What the language may be called, in any case, that the others are compared with."""

_MAX_BYTES = 1 << 28
_HERE = "tokkit.audit.costs"


@dataclass(frozen=True)
class ParallelText:
    """Texts that say the same in several languages.

    Attributes:
        texts: code of a language -> its texts; text k of each says the same.
        names: code -> what a reader calls the language.
        reference: the code that the others are compared with.
        source: what the texts are, for a reader.
    """

    texts: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    reference: str
    source: str


def shipped_parallel_text() -> ParallelText:
    """The articles of the Declaration that tokkit ships."""
    languages = _languages()
    return ParallelText(
        texts={code: texts for code, (_, texts) in languages.items()},
        names={code: name for code, (name, _) in languages.items()},
        reference="eng",
        source="articles 1 to 12 of the Universal Declaration of Human Rights",
    )


def given_parallel_text(texts: Mapping[str, Sequence[str]]) -> ParallelText:
    """The user's parallel text, checked; empty texts (missing translations) are left out in pairs.

    Raises:
        ArgumentError: no reference language, fewer than two texts, or languages of different
            lengths.
    """
    reference = next((code for code in texts if code.lower() in REFERENCE_NAMES), None)
    if reference is None:
        raise ArgumentError(
            f"texts: none of the languages {', '.join(list(texts)[:8])} is called eng, en or "
            "English, which the others are compared with; name one so"
        )
    n = len(texts[reference])
    for code, each in texts.items():
        if len(each) != n or n < 2:
            raise ArgumentError(
                f"texts: {code} has {len(each)} texts, {reference} has {n}; expected at least two, "
                "and as many of each language, where text k of each says the same"
            )
    known = _languages()
    return ParallelText(
        texts={code: tuple(each) for code, each in texts.items()},
        names={code: known[code][0] if code in known else code for code in texts},
        reference=reference,
        source="the texts that were given",
    )


def read_folder(folder: Path) -> dict[str, list[str]]:
    """Parallel text from a folder with one `LANGUAGE.txt` for each language, a text a line.

    Raises:
        FormatError: no such folder, nothing in it, or a file that is no UTF-8 text.
    """
    paths = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    if not paths:
        raise FormatError(
            f"{str(folder)!r} is no folder with parallel text; expected one LANGUAGE.txt for each "
            "language, a text a line"
        )
    texts: dict[str, list[str]] = {}
    for path in paths:
        text = decode_utf8(read_bounded(path, limit=_MAX_BYTES), str(path)).removeprefix("\ufeff")
        lines = re.split(r"\r\n?|\n", text)
        texts[path.stem] = lines[:-1] if lines[-1] == "" else lines
    return texts


def shipped_kinds() -> dict[str, tuple[str, ...]]:
    """Kind of text -> short texts of it."""
    kinds: dict[str, list[str]] = shipped_json("kinds.json", _HERE)
    return {kind: tuple(texts) for kind, texts in kinds.items()}


def _languages() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Code -> name, texts."""
    document = shipped_json("parallel.json", _HERE)
    return {
        code: (each["name"], tuple(each["texts"])) for code, each in document["languages"].items()
    }
