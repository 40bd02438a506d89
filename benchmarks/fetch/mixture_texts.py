"""Build larger texts by category for `mixture.py` from Debian packages and a corpus of Bibles.

Needs apt of Debian 12 (it downloads the packages named in `mixture_sources.py`, and installs none),
dpkg-deb, and BIBLES: a clone of https://github.com/christos-c/bible-corpus. Writes text files in
which each line stands once:

- FOLDER/lo: LibreOffice help (MPL-2.0 and LGPL-3+), a file for each of 32 languages;
- FOLDER/mw: MediaWiki messages (GPL-2+), a file for each language;
- FOLDER/ui: LibreOffice's interface (MPL-2.0), a file for each of some 90 languages;
- FOLDER/apps: the messages of other applications (GPL and other free licences), a file for each
  language;
- FOLDER/nt: the New Testament (a corpus under CC0), a file for each of 34 languages;
- FOLDER/languages: all five of them, a file for each language;
- FOLDER/domains: kinds of English text: help and messages (those above), manual pages (various free
  licences), the GNOME user's guides (CC-BY-SA), and the descriptions of Debian's packages.

Other languages hold no line that is in the English file too. Nothing of this is committed.

    python -m benchmarks.fetch.mixture_texts --corpus .cache/mixture-texts --bibles BIBLES
"""

from __future__ import annotations

import argparse
import gettext
import gzip
import json
import re
import subprocess
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.fetch.mixture_sources import APPLICATIONS, LIBREOFFICE, SAME_LANGUAGE, TESTAMENTS

INTERFACE = "libreoffice-l10n-"
"""The beginning of the packages' names, one a language."""
MEDIAWIKI = "mediawiki"
MANUALS = ("manpages", "manpages-dev")
GUIDES = "gnome-user-docs"
MIN_BYTES = 60_000

MOST_DESCRIPTIONS = 60_000
FONTS = frozenset(("B", "I", "BR", "RB", "IR", "RI", "BI", "IB", "SH", "SS", "SB"))

_ESCAPE = re.compile(r"\\(?:f[A-Z]|f\([A-Z]+|&|\((?:aq|dq|em|en|bu)|([-'` ]))")
_SILENT = re.compile(r"<(script|style|header|aside|nav|footer|noscript)\b.*?</\1>", re.DOTALL)
_BLOCK = re.compile(r"</?(?:p|h[1-6]|li|t[dhr]|d[tdl]|div|section|br|title)\b[^>]*>")
_TAG = re.compile(r"<[^>]*>")


def page_lines(page: str) -> list[str]:
    """The lines of a help page, a paragraph each, without what every page has."""
    text = _SILENT.sub("", page).replace("\n", " ")
    text = unescape(_TAG.sub("", _BLOCK.sub("\n", text)))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return [line for line in lines if line]


def download(packages: list[str], folder: Path) -> None:
    """Download packages, all in one call, for each call reads the whole index."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in packages if not any(folder.glob(f"{name}_*.deb"))]
    if missing:
        subprocess.run(["apt-get", "download", *missing], cwd=folder, check=True)


@contextmanager
def unpacked(package: str, packages: Path) -> Generator[Path]:
    """The files of a downloaded package, for a while."""
    archive = next(packages.glob(f"{package}_*.deb"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", str(archive), folder], check=True)
        yield Path(folder)


def write(path: Path, lines: Iterable[str], english: set[str]) -> None:
    """Write lines, each once, unless they are English or too few."""
    kept = [line for line in dict.fromkeys(lines) if line not in english]
    text = "\n".join(kept) + "\n"
    if len(text.encode()) >= MIN_BYTES:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path}: {len(text.encode()):,} bytes", flush=True)


def help_lines(code: str, packages: Path) -> list[str]:
    """All lines of the help in one language, page by page."""
    with unpacked(f"libreoffice-help-{code}", packages) as root:
        pages = sorted(root.rglob("*.html"))
        return [line for page in pages for line in page_lines(page.read_text("utf-8"))]


def name_of(code: str) -> str:
    """The file name of a language: `pt_BR` for `pt-br`."""
    language, _, region = code.partition("-")
    return "en" if code == "en-us" else f"{language}_{region.upper()}" if region else language


def write_help(folder: Path, packages: Path) -> None:
    """Write what is missing of the help."""
    missing = [code for code in LIBREOFFICE if not (folder / f"{name_of(code)}.txt").exists()]
    if not missing:
        return
    english = set(help_lines("en-us", packages))
    for code in missing:
        lines = help_lines(code, packages)
        write(folder / f"{name_of(code)}.txt", lines, set() if code == "en-us" else english)


def interface_packages() -> list[str]:
    """The packages that hold LibreOffice's interface, one for each language."""
    command = ["apt-cache", "pkgnames", INTERFACE]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(listed.split())


def interface_lines(catalogs: list[Path], *, translated: bool) -> list[str]:
    """All texts of an interface, or the English ones that they translate; without access keys."""
    lines: list[str] = []
    for path in catalogs:
        with path.open("rb") as file:
            catalog = gettext.GNUTranslations(file)
        # The messages themselves: the public methods only look up known ones.
        for message, text in vars(catalog)["_catalog"].items():
            if message and isinstance(message, str):
                chosen = text if translated else message.rpartition("\4")[2]
                lines += chosen.replace("~", "").splitlines()
    return [line.strip() for line in lines if line.strip()]


def write_interface(folder: Path, packages: Path) -> None:
    """Write the interface in each language, unless it is there."""
    if folder.is_dir():
        return
    english: set[str] = set()
    for package in interface_packages():
        with unpacked(package, packages) as root:
            catalogs = sorted(root.rglob("LC_MESSAGES/*.mo"))
            if not english:
                lines = interface_lines(catalogs, translated=False)
                write(folder / "en.txt", lines, set())
                english = set(lines)
            name = name_of(package.removeprefix(INTERFACE))
            write(folder / f"{name}.txt", interface_lines(catalogs, translated=True), english)


def write_applications(folder: Path, packages: Path) -> None:
    """Write the applications' messages in each language, unless they are there."""
    if folder.is_dir():
        return
    english: dict[str, None] = {}
    found: dict[str, list[str]] = {}
    for package in APPLICATIONS:
        with unpacked(package, packages) as root:
            for path in sorted(root.rglob("LC_MESSAGES/*.mo")):
                name = path.parts[-3]
                if path.is_symlink() or not _is_language(name):
                    continue
                try:
                    lines = interface_lines([path], translated=True)
                except (ValueError, IndexError):  # a header that is wrong
                    continue
                english |= dict.fromkeys(interface_lines([path], translated=False))
                found.setdefault(name, []).extend(lines)
    write(folder / "en.txt", english, set())
    known = set(english)
    for name, lines in found.items():
        write(folder / f"{name}.txt", lines, known)


def _is_language(name: str) -> bool:
    """Whether a locale is a language and not a variety: neither `de_CH` nor `sr@latin`."""
    return name in ("pt_BR", "zh_CN", "zh_TW") or (name.isalpha() and name != "en")


def write_testaments(folder: Path, corpus: Path) -> None:
    """Write the New Testament in each language, a verse a line, unless it is there."""
    if folder.is_dir():
        return
    for name, code in TESTAMENTS.items():
        verses = ET.parse(corpus / "bibles" / f"{name}-NT.xml").iter("seg")
        lines = (" ".join((verse.text or "").split()) for verse in verses)
        write(folder / f"{code}.txt", filter(None, lines), set())


def write_languages(folder: Path, parents: list[Path]) -> None:
    """Write what there is of each language in all of `parents`, unless it is there."""
    if folder.is_dir():
        return
    parts: dict[str, list[str]] = {}
    for parent in parents:
        for path in sorted(parent.glob("*.txt")):
            name = SAME_LANGUAGE.get(path.stem, name_of(path.stem))
            if name is not None:
                parts.setdefault(name, []).extend(path.read_text("utf-8").splitlines())
    for name, lines in parts.items():
        write(folder / f"{name}.txt", lines, set())


def write_messages(folder: Path, packages: Path) -> None:
    """Write the messages, unless they are there."""
    if folder.is_dir():
        return
    found: dict[str, list[str]] = {}
    with unpacked(MEDIAWIKI, packages) as root:
        for path in sorted(root.rglob("i18n/**/*.json")):
            messages = json.loads(path.read_text("utf-8"))
            texts = [t for key, t in messages.items() if key[:1] != "@" and isinstance(t, str)]
            lines = [line.strip() for text in texts for line in text.splitlines()]
            found.setdefault(path.stem, []).extend(line for line in lines if line)
    english = set(found["en"])
    for name, lines in found.items():
        if name != "qqq":  # notes for translators
            write(folder / f"{name}.txt", lines, set() if name == "en" else english)


def troff_lines(page: str) -> list[str]:
    """The text of a manual page, line by line: requests are dropped, fonts undone."""
    kept: list[str] = []
    for line in page.splitlines():
        request, _, rest = line.partition(" ")
        if line[:1] not in (".", "'"):
            kept.append(line)
        elif request[1:] in FONTS:
            kept.append(rest.replace('"', ""))
    return [" ".join(_ESCAPE.sub(r"\1", line).split()) for line in kept]


def manual_lines(packages: Path) -> list[str]:
    """All lines of the manual pages that are of some length."""
    lines: list[str] = []
    for package in MANUALS:
        with unpacked(package, packages) as root:
            for path in sorted(root.rglob("man/man*/*.gz")):
                with gzip.open(path, "rt", encoding="utf-8", errors="replace") as page:
                    lines += troff_lines(page.read())
    return [line for line in lines if len(line) > 3]


def guide_lines(packages: Path) -> list[str]:
    """All paragraphs of the guides."""
    with unpacked(GUIDES, packages) as root:
        pages = [path.read_text("utf-8") for path in sorted(root.rglob("help/C/**/*.page"))]
    return [line for page in pages for line in page_lines(page)]


def description_lines() -> list[str]:
    """All lines of the descriptions of all packages that apt knows."""
    listed = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True).stdout
    lines: list[str] = []
    inside = False
    for line in listed.decode(errors="replace").splitlines():
        inside = line.startswith("Description") or (inside and line.startswith(" "))
        if inside and not line.startswith("Description-md5"):
            lines.append(line.partition(": ")[2] if line[0] == "D" else line.strip(" ."))
    return [line for line in lines if line]


def write_domains(folder: Path, packages: Path) -> None:
    """Write kinds of English text, unless they are there."""
    if folder.is_dir():
        return
    parents = {"help": folder.parent / "lo", "messages": folder.parent / "mw"}
    for name, parent in parents.items():
        write(folder / f"{name}.txt", (parent / "en.txt").read_text("utf-8").splitlines(), set())
    write(folder / "manuals.txt", manual_lines(packages), set())
    write(folder / "guides.txt", guide_lines(packages), set())
    write(folder / "descriptions.txt", description_lines()[:MOST_DESCRIPTIONS], set())


def main() -> None:
    """Download and write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, required=True, help="where to write")
    parser.add_argument("--bibles", type=Path, required=True, help="a clone of bible-corpus")
    options = parser.parse_args()
    packages = options.corpus / "packages"
    download(
        [
            *(f"libreoffice-help-{code}" for code in LIBREOFFICE),
            *interface_packages(),
            *APPLICATIONS,
            MEDIAWIKI,
            *MANUALS,
            GUIDES,
        ],
        packages,
    )
    write_help(options.corpus / "lo", packages)
    write_messages(options.corpus / "mw", packages)
    write_interface(options.corpus / "ui", packages)
    write_applications(options.corpus / "apps", packages)
    write_testaments(options.corpus / "nt", options.bibles)
    kinds = ("lo", "ui", "mw", "apps", "nt")
    write_languages(options.corpus / "languages", [options.corpus / kind for kind in kinds])
    write_domains(options.corpus / "domains", packages)


if __name__ == "__main__":
    main()
