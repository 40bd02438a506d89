"""Which texts are scored: `read_documents`, from memory and from files, in parts of bounded size.

A `str` or `bytes` is one text. A path is a file: of JSON lines or Parquet each record is a text of
its own, and any other file is one; what is compressed is told by its content. A file of records, or
compressed, is read through once before the work, so that damage is found before hours are spent,
and it is known how much there is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from tokkit.arguments import as_bytes, check_kind, check_path
from tokkit.bytelm.documents import one_or_several
from tokkit.errors import ArgumentError, refused_by_system
from tokkit.files.reading import read_head
from tokkit.mixture.samples.shard_text import ReadOptions, is_one_text, read_parts
from tokkit.mixture.samples.sources import Shard
from tokkit.text.chat.chat import Chat

Text: TypeAlias = str | bytes | os.PathLike[str] | Chat
"""A `str` or `bytes` is the text itself, never the name of a file; a path is a file with texts.
Of a chat the last message is scored, given those before it in the template of each model."""

_TEXT = (str, bytes, os.PathLike, Chat)
_PART = 1 << 16


@dataclass(frozen=True, slots=True)
class Document:
    """A text to be scored.

    Attributes:
        name: see `DocumentScore`.
        parts: its bytes, to be gone through once, before the next document is asked for.
        before: the messages that it replies to; None where it is a text of its own.
    """

    name: str
    parts: Iterable[bytes]
    before: Chat | None = None


@dataclass(frozen=True)
class Corpus:
    """All texts; they can be read any number of times.

    Attributes:
        sources: a text in memory, or a file.
        text_field: the field of a record that has its text.
        n_bytes: of all texts together, as they were when the corpus was opened.
    """

    sources: tuple[Document | Shard, ...]
    text_field: str
    n_bytes: int

    def documents(self) -> Iterator[Document]:
        """The texts in order.

        Raises:
            FormatError: a file is damaged, or not what it was.
        """
        for source in self.sources:
            yield from _documents(source, self.text_field)


def open_corpus(data: Text | Iterable[Text], *, text_field: str = "text") -> Corpus:
    """Look at all texts, before one is scored.

    Args:
        data: one text, or several.
        text_field: the field of a JSON record, or the column of a Parquet file, with its text.

    Raises:
        ArgumentError: no texts, or not one byte in all of them.
        FormatError: a file that cannot be read, or is damaged.
        MissingExtraError: a file needs a package that is not installed.
    """
    check_kind(text_field, str, "text_field")
    given = one_or_several(data, _TEXT, "data")
    sources = tuple(_source(text, place) for place, text in enumerate(given, 1))
    n_bytes = sum(_size(source, text_field) for source in sources)
    if not n_bytes:
        raise ArgumentError("the text is empty, so it has no bits per byte; give at least one byte")
    return Corpus(sources, text_field, n_bytes)


def _source(text: Any, place: int) -> Document | Shard:
    if isinstance(text, Chat):
        return _reply(text, f"chat {place}")
    if not isinstance(text, os.PathLike):
        return Document(f"text {place}", (as_bytes(text),))
    path = check_path(cast("os.PathLike[str]", text), "data")
    with refused_by_system(f"read {str(path)!r}", "give the path of a file"):
        read_head(path)
        status = path.stat()
    return Shard(str(path), status.st_size, "")


def _reply(chat: Chat, name: str) -> Document:
    """The last message of a chat, to be scored."""
    *before, last = chat.messages
    content = last.get("content")
    if last.get("role") != "assistant" or not isinstance(content, str) or not before:
        raise ArgumentError(
            f"{name}: the last message is what is scored; let it be one of the assistant, with a "
            "text as its content, after at least one other"
        )
    return Document(name, (content.encode(),), replace(chat, messages=before))


def _size(source: Document | Shard, text_field: str) -> int:
    if isinstance(source, Document):
        return sum(map(len, source.parts))
    if is_one_text(source):
        return source.n_bytes
    documents = _documents(source, text_field)
    return sum(len(part) for document in documents for part in document.parts)


def _documents(source: Document | Shard, text_field: str) -> Iterator[Document]:
    if isinstance(source, Document):
        yield source
        return
    options = ReadOptions(text_field, block_bytes=_PART)
    for number, (is_record, parts) in enumerate(read_parts(source, options), 1):
        yield Document(f"{source.path}:{number}" if is_record else source.path, parts)
