"""Samples are running text, cut at their size, and go to the category that they belong to."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

import benchmarks.fetch.mixture_samples as samples
import benchmarks.fetch.package_text as reader

SENTENCE = "Here is a sentence that is long enough to count as running text & not a menu."


def test_a_web_page_gives_its_paragraphs_and_nothing_else() -> None:
    page = (
        f"<html><head><title>{SENTENCE}</title><style>p{{}}</style></head><body><nav><p>{SENTENCE}"
        f"</p></nav><p>{SENTENCE.replace('&', '&amp;')}<script>var a = '{SENTENCE}'</script></p>"
        "<p>Short.</p></div></body>"
    )
    assert reader.web_page(page.encode()) == SENTENCE


def test_a_wiki_dump_gives_articles_without_markup() -> None:
    text = (
        "&lt;!-- no --&gt;{{Infobox|{{a}}}}'''Bold''' [[link|shown]] and [[other]] "
        "[https://example.org site]&lt;ref&gt;no&lt;/ref&gt;.\n== Heading ==\n"
        "{| class=table\n| cell\n|}\n* item\n[[Category:no]]"
    )
    data = bz2.compress(f"<page><text bytes='1'>{text}</text></page>".encode())
    assert reader.wiki_dump(data) == "Bold shown and other site.\nHeading\nitem"


def test_help_pages_lose_tags_and_code() -> None:
    page = "<page><info><desc>no</desc></info><title>A &lt; b</title><p>One\n two</p><code>x</code>"
    assert reader.help_page(page.encode()) == "A < b\nOne two"


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
def test_a_column_is_read_whatever_the_compression(compress: type[bytes]) -> None:
    data = compress(b'id,text\n1,"a, b"\n2,c\n')
    assert reader.column("text")(data) == "a, b\nc"


def test_long_strings_of_json_are_found_at_any_depth() -> None:
    assert reader.json_strings(f'{{"a": [1, "short", {{"b": "{SENTENCE}"}}]}}'.encode()) == SENTENCE


def catalogue(*texts: str) -> bytes:
    """A gettext catalogue whose first string is its header."""
    data, table = b"", b""
    start = 28 + 8 * len(texts)
    for text in texts:
        table += struct.pack("<2I", len(text.encode()), start + len(data))
        data += text.encode() + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(texts), 28, 28, 0, 28) + table + data


def test_translations_come_without_header_and_labels() -> None:
    data = catalogue("Project-Id-Version: a long header", "OK", f"<b>{SENTENCE}</b>")
    assert reader.translations(data) == SENTENCE
    assert reader.translations(data[:30]) == ""
    assert reader.translations(b"no catalogue at all, but long enough") == ""


def test_lines_are_kept_once_and_up_to_the_limit() -> None:
    assert samples.text_of(["a\nb\n\na", "b\nc"], 100) == "a\nb\n\nc\n"
    assert len(samples.text_of(["é" * 10 + "\n"] * 2 + ["x\ny"], 23)) <= 23


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("usr/share/help/de/a/b.page", "language de"),
        ("usr/share/help/nb_NO/a/b.page", "language nb"),
        ("usr/share/help/C/a/b.page", None),
        ("usr/share/help/tlh/a/b.page", None),
        ("usr/share/help/de/a/b.png", None),
    ],
)
def test_a_member_goes_to_its_language(path: str, category: str | None) -> None:
    part = next(part for part in samples.PARTS if "help/(?P<lang>" in part.files)
    assert samples.category_of(part, path) == category


def archives(folder: Path) -> list[Path]:
    """The same two files as a wheel and as a tarball, the tarball with a link as well."""
    files = {"a/doc.md": b"# Title\n" + SENTENCE.encode() * 100, "a/code.py": b"pass\n"}
    wheel, tarball = folder / "x.whl", folder / "x.tgz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with tarfile.open(tarball, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("a/link.md")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return [wheel, tarball]


def test_parts_are_written_from_any_archive(tmp_path: Path) -> None:
    package = samples.Package("npm", ("x@1",), "MIT")
    part = samples.Part("code Markdown", package, r"\.md$", reader.plain, limit=6000)
    for archive in archives(tmp_path):
        into = tmp_path / archive.suffix
        assert (
            samples.write_parts(package, [part], archive, into) == 0
        )  # one line, beyond the limit
        whole = samples.Part("code Markdown", package, r"\.md$", reader.plain)
        n_bytes = samples.write_parts(package, [whole], archive, into)
        (written,) = (into / "code Markdown").iterdir()
        assert written.stat().st_size == n_bytes > 7000
        assert written.read_text().startswith("# Title\nHere")


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    for name in ("x.whl", "x.tgz", "x.deb"):
        (tmp_path / name).write_bytes(b"damaged")
        with pytest.raises(samples.FetchError, match=f"{name} cannot be read"):
            list(samples.members(tmp_path / name, [".*"]))


def test_the_local_corpus_is_sorted_into_categories(tmp_path: Path) -> None:
    text = "".join(f"line {k}\n" for k in range(2000))
    for name in ("lo/en.txt", "lo/de.txt", "mw/sr-ec.txt", "mw/tlh.txt", "code/C.txt"):
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert samples.copy_corpus(tmp_path / "corpus", tmp_path / "into") == 4 * len(text)
    names = sorted(path.name for path in (tmp_path / "into").iterdir())
    assert names == ["English manuals", "code C", "language de", "language sr"]
