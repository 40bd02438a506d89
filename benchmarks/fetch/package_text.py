"""Text out of what packages hold: web pages, wiki dumps, tables, translations, help pages.

Only what `mixture_samples.py` needs, and no more faithful than a sample must be: each reader
takes the bytes of one file and gives lines of running text. Nothing is run, and XML is not parsed
(so that no entity expands); a file that is not what it should be gives little text, or none.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import re
import struct
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any, cast

MAX_BYTES = 64 * 1024 * 1024
"""No file here becomes larger when decompressed; what does is cut there."""

_PARAGRAPHS = re.compile("p|li|h[1-6]|t[dhr]|d[dt]|blockquote|div|br|section|title")
_SILENT = re.compile("script|style|noscript|head|svg|template|iframe|form|nav|code|pre")
_MIN_PARAGRAPH = 60
"""Shorter lines of a web page are menus, buttons and captions."""


def plain(data: bytes) -> str:
    """UTF-8, or Latin-1 where it is not."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def fortunes(data: bytes) -> str:
    """Quotations between lines of a percent sign."""
    return "\n".join(line for line in plain(data).splitlines() if line != "%")


class _Paragraphs(HTMLParser):
    """Collects the text of a page, a line a paragraph."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if _SILENT.fullmatch(tag):
            self._silent.append(tag)
        elif _PARAGRAPHS.fullmatch(tag):
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif _PARAGRAPHS.fullmatch(tag):
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.lines[-1] += data


def web_page(data: bytes) -> str:
    """The paragraphs of an HTML page that are long enough to be running text."""
    parser = _Paragraphs()
    parser.feed(data.decode(errors="replace"))
    lines = (" ".join(line.split()) for line in parser.lines)
    return "\n".join(line for line in lines if len(line) >= _MIN_PARAGRAPH and "\ufffd" not in line)


def help_page(data: bytes) -> str:
    """The paragraphs of a Mallard or DocBook page, without tags."""
    text = re.sub(
        r"<(info|code|screen|desc)\b.*?</\1>|<!--.*?-->", "", plain(data), flags=re.DOTALL
    )
    text = re.sub(r"</(p|title|para|item|td)>", "\0", text)
    lines = unescape(re.sub(r"<[^>]*>", "", text)).split("\0")
    return "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)


def wiki_dump(data: bytes) -> str:
    """The running text of the articles of a bzip2-compressed MediaWiki dump."""
    dump = bz2.BZ2Decompressor().decompress(data, MAX_BYTES).decode(errors="ignore")
    articles = re.findall(r"<text[^>]*>(.*?)</text>", dump, flags=re.DOTALL)
    return "\n".join(_from_wikitext(unescape(article)) for article in articles)


def _from_wikitext(text: str) -> str:
    text = re.sub(r"<!--.*?-->|<ref[^>/]*/>|<ref.*?</ref>", "", text, flags=re.DOTALL)
    for pattern in (r"\{\{[^{}]*\}\}", r"\{\|[^{}]*\|\}"):  # innermost first
        before = ""
        while before != text:
            before, text = text, re.sub(pattern, "", text)
    text = re.sub(
        r"\[\[(?:File|Image|Category|[a-z-]{2,12}):[^\[\]]*(?:\[\[[^\]]*\]\][^\[\]]*)*\]\]",
        "",
        text,
    )
    text = re.sub(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]", r"\1", text)
    text = re.sub(r"\[https?:\S+ ?([^\]]*)\]", r"\1", text)
    text = re.sub(r"'{2,}|<[^>]*>|__[A-Z]+__", "", text)
    lines = (re.sub(r"^[*#:;= ]+|[= ]+$", "", line) for line in unescape(text).splitlines())
    return "\n".join(line for line in lines if line and line[0] not in "|!{}")


def column(name: str) -> Callable[[bytes], str]:
    """The reader of one column of a CSV table, which may be compressed by gzip or bzip2."""

    def read(data: bytes) -> str:
        if data.startswith(b"BZh"):
            data = bz2.BZ2Decompressor().decompress(data, MAX_BYTES)
        elif data.startswith(b"\x1f\x8b"):
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES)
        rows = csv.DictReader(io.StringIO(plain(data)))
        return "\n".join(" ".join((row.get(name) or "").split(" ")) for row in rows)

    return read


def json_strings(data: bytes) -> str:
    """The longer strings of a JSON document, wherever they stand."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, str) and len(value) >= _MIN_PARAGRAPH:
            yield value
        elif isinstance(value, dict):
            for item in cast("dict[str, Any]", value).values():
                yield from walk(item)
        elif isinstance(value, list):
            for item in cast("list[Any]", value):
                yield from walk(item)

    return "\n".join(walk(json.loads(data)))


def translations(data: bytes) -> str:
    """The translated strings of a gettext catalogue (.mo), without its header and short labels."""
    if len(data) < 20 or data[:4] not in (b"\xde\x12\x04\x95", b"\x95\x04\x12\xde"):
        return ""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    n, _, table = struct.unpack_from(f"{order}3I", data, 8)
    if table + 8 * n > len(data):
        return ""
    found: list[str] = []
    for k in range(1, n):
        length, start = struct.unpack_from(f"{order}2I", data, table + 8 * k)
        text = data[start : start + length].partition(b"\0")[0].decode(errors="ignore")
        text = re.sub(r"<[^>]*>", "", text)
        if len(text) >= 20:
            found.append(text)
    return "\n".join(found)
