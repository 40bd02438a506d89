"""Documentation of Debian packages as text, to train models on: English, German and Russian.

Needs apt of Debian 12 (it downloads packages, and installs none) and dpkg-deb. The English is some
60 MB: manuals of Python, PostgreSQL, Perl, git and the kernel, of GNOME and LibreOffice, and of
Debian itself. Each page, or each file, is a document; a hash of its text decides whether it is held
out. Writes `FOLDER/LANGUAGE/train.txt` and `held_out.txt`, documents in random order with an empty
line between them. Nothing of this is committed; the licences are those of the packages (GPL, GFDL,
CC-BY-SA, PSF, PostgreSQL, MPL).

    python -m benchmarks.fetch.debian_documents [--into FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.fetch.mixture_texts import download, page_lines, unpacked
from benchmarks.fetch.package_text import help_page, plain
from benchmarks.shared.records import FOLDER

HELD_OUT_OF = 50
"""One document in so many."""
LEAST_BYTES = 400


def _page(data: bytes) -> str:
    return "\n".join(page_lines(data.decode(errors="replace")))


Reader = Callable[[bytes], str]
ENGLISH: dict[str, tuple[str, Reader]] = {
    "python3.11-doc": ("**/_sources/**/*.rst.txt", plain),
    "linux-doc-6.1": ("**/_sources/**/*.rst.txt", plain),
    "postgresql-doc-15": ("**/*.html", _page),
    "perl-doc": ("**/*.pod", plain),
    "git-doc": ("**/*.txt", plain),
    "gnome-user-docs": ("usr/share/help/C/**/*.page", help_page),
    "libreoffice-help-en-us": ("**/*.html", _page),
    "debian-handbook": ("**/html/en-US/*.html", _page),
    "debian-reference-en": ("**/*.en.html", _page),
    "debian-policy": ("**/*.html", _page),
    "developers-reference": ("**/*.html", _page),
}
GERMAN: dict[str, tuple[str, Reader]] = {
    "libreoffice-help-de": ("**/*.html", _page),
    "gnome-user-docs": ("usr/share/help/de/**/*.page", help_page),
    "debian-handbook": ("**/html/de-DE/*.html", _page),
    "debian-reference-de": ("**/*.de.html", _page),
}
RUSSIAN: dict[str, tuple[str, Reader]] = {
    "libreoffice-help-ru": ("**/*.html", _page),
    "gnome-user-docs": ("usr/share/help/ru/**/*.page", help_page),
}
LANGUAGES = {"english": ENGLISH, "german": GERMAN, "russian": RUSSIAN}


def documents(sources: dict[str, tuple[str, Reader]], packages: Path) -> Iterator[str]:
    """The texts of packages, each once."""
    seen: set[str] = set()
    for package, (pattern, read) in sources.items():
        with unpacked(package, packages) as root:
            for path in sorted(root.glob(pattern)):
                if path.is_symlink() or not path.is_file():
                    continue
                text = re.sub(r"\n{3,}", "\n\n", read(path.read_bytes())).strip()
                if len(text) >= LEAST_BYTES and text not in seen:
                    seen.add(text)
                    yield text


def is_held_out(text: str) -> bool:
    """Whether a document is kept for evaluation."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % HELD_OUT_OF == 0


def write(language: str, packages: Path, folder: Path) -> None:
    """Write the two files of a language, unless they are there."""
    if (folder / "held_out.txt").exists():
        return
    texts = list(documents(LANGUAGES[language], packages))
    order: list[int] = np.random.default_rng(0).permutation(len(texts)).tolist()
    folder.mkdir(parents=True, exist_ok=True)
    for name, held_out in (("train", False), ("held_out", True)):
        chosen = [texts[place] for place in order if is_held_out(texts[place]) == held_out]
        data = ("\n\n".join(chosen) + "\n").encode()
        (folder / f"{name}.txt").write_bytes(data)
        print(f"{language}, {name}: {len(chosen):,} documents, {len(data):,} bytes", flush=True)


def main() -> None:
    """Download and write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=FOLDER / "documents")
    options = parser.parse_args()
    names = sorted({name for sources in LANGUAGES.values() for name in sources})
    download(names, options.into / "packages")
    for language in LANGUAGES:
        write(language, options.into / "packages", options.into / language)


if __name__ == "__main__":
    main()
