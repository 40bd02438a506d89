"""Passages of documents to measure models on: fixed random samples, by kind of text.

From a corpus of LibreOffice's help and source code beside the project, if it is there; else from
what every clone has: the documentation topics of Python's `pydoc`, the sources of its standard
library, and the project's multilingual sample.

None of it is certain to be unknown to a model: all of it is public text.
"""

from __future__ import annotations

import random
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared.sample_texts import SAMPLE

LANGUAGES = {"English": "en", "German": "de", "Russian": "ru", "Japanese": "ja"}


@dataclass(frozen=True)
class Source:
    """Texts of one kind.

    Attributes:
        texts: UTF-8; a passage never spans two of them.
        origin: for the table.
    """

    texts: list[bytes]
    origin: str


def sources(corpus: Path) -> dict[str, Source]:
    """Texts by kind: English, Python, and other languages."""
    if (corpus / "lo").is_dir():
        found = {
            name: Source([_read(corpus / "lo" / f"{code}.txt")], "LibreOffice help")
            for name, code in LANGUAGES.items()
        }
        python = Source([_read(corpus / "code" / "Python.txt")], "Debian's Python packages")
        return {"English": found.pop("English"), "Python": python, **found}
    return {
        "English": Source(pydoc_topics(), "`pydoc` topics"),
        "Python": Source([_read(path) for path in library()], "Python's standard library"),
        "multilingual": Source([_read(SAMPLE)], "the project's sample"),
    }


def english(corpus: Path) -> Source:
    """Only the English of `sources`."""
    return sources(corpus)["English"]


def library() -> list[Path]:
    """The modules of Python's standard library, packages not included."""
    return sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def pydoc_topics() -> list[bytes]:
    """The documentation topics of the running Python."""
    from pydoc_data import topics

    return [text.encode() for text in topics.topics.values()]


def passages(texts: list[bytes], *, n: int, n_bytes: int, seed: int = 0) -> list[bytes]:
    """Random passages that begin at the start of a line and do not overlap.

    Args:
        texts: to choose from; every line is as likely a start as another of its size.
        n: how many; fewer, if the texts are too short.
        n_bytes: of each, up to the end of a character.
        seed: of the choice.
    """
    rng = random.Random(seed)
    sizes = [max(0, len(text) - n_bytes) for text in texts]
    taken: list[tuple[int, int]] = []
    chosen: list[bytes] = []
    for _ in range(50 * n if any(sizes) else 0):
        index = rng.choices(range(len(texts)), weights=sizes)[0]
        start = texts[index].find(b"\n", rng.randrange(sizes[index])) + 1
        passage = whole_characters(texts[index][start : start + n_bytes])
        near = any(i == index and abs(start - other) < n_bytes for i, other in taken)
        if start and len(passage) > n_bytes - 4 and not near:
            taken.append((index, start))
            chosen.append(passage)
        if len(chosen) == n:
            break
    return chosen


def whole_characters(data: bytes) -> bytes:
    """`data` without a character that was cut at its end."""
    return data.decode(errors="ignore").encode()


def _read(path: Path) -> bytes:
    return path.read_text(encoding="utf-8", errors="replace").encode()
