"""English, code and multilingual text for benchmarks: from a corpus beside the project, if any.

Without it: the documentation topics of Python's `pydoc`, the sources of its standard library, and
the project's own multilingual sample, which is small and therefore repeated with its words shuffled
(a speed on it flatters every library that remembers words).
"""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from benchmarks.shared.places import ROOT

CORPUS = ROOT.parent / "shared" / "data" / "corpus"
SAMPLE = ROOT / "tests" / "assets" / "multilingual.txt"


def sample_texts(corpus: Path, n_bytes: int) -> tuple[dict[str, str], str]:
    """Texts by name, each of at most `n_bytes` bytes of UTF-8, and where they come from."""
    if (corpus / "mw").is_dir():
        english = [corpus / "lo" / "en.txt", corpus / "mw" / "en.txt", corpus / "man" / "en.txt"]
        texts = {
            "English": _cut("".join(_read(path) for path in english if path.is_file()), n_bytes),
            "code": _mixed(sorted((corpus / "code").glob("*.txt")), n_bytes),
            "multilingual": _mixed(sorted((corpus / "mw").glob("*.txt")), n_bytes),
        }
        return texts, f"the {corpus.name} folder beside the project"
    from pydoc_data import topics

    library = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    texts = {
        "English": _cut("\n".join(topics.topics.values()), n_bytes),
        "code": _cut("".join(map(_read, library)), n_bytes),
        "multilingual": _cut(_shuffled(_read(SAMPLE), n_bytes), n_bytes),
    }
    return texts, "Python's topics and standard library; the project's sample, shuffled"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _cut(text: str, n_bytes: int) -> str:
    return text.encode()[:n_bytes].decode(errors="ignore")


def _mixed(paths: Iterable[Path], n_bytes: int) -> str:
    """Equal shares of the files, their lines interleaved in pieces of 50."""
    files = [_read(path) for path in paths]
    share = n_bytes // max(1, len(files))
    chunks: list[tuple[int, int, str]] = []
    for index, text in enumerate(files):
        lines = _cut(text, share).splitlines(keepends=True)
        chunks += [(k, index, "".join(lines[k : k + 50])) for k in range(0, len(lines), 50)]
    return "".join(chunk for _, _, chunk in sorted(chunks))


def _shuffled(text: str, n_bytes: int) -> str:
    rng = random.Random(0)
    lines = [line.split(" ") for line in text.splitlines()]
    parts: list[str] = []
    size = 0
    while size < n_bytes:
        for words in lines:
            rng.shuffle(words)
            parts.append(" ".join(words) + "\n")
            size += len(parts[-1].encode())
    return "".join(parts)
