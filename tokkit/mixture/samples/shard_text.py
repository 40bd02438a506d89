"""`read_texts`: the texts of one shard, streamed in parts of bounded size.

Plain text, JSON lines (`.jsonl`, `.ndjson`) and Parquet; any of the first two compressed by gzip,
bzip2, xz or Zstandard, which is told by the content and not by the name. The records of JSON lines
and Parquet are texts of their own. A text longer than a block is cut, by preference after a line
break that a letter or digit follows: the pretokenizers in use all cut there themselves, so that the
size of the blocks changes no count.

Compressed files are not trusted: a stream that grows by more than `max_expansion` is refused.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, BinaryIO, cast

from tokkit.arguments import check_kind
from tokkit.errors import ArgumentError, FormatError, needs_extra, refused_by_system
from tokkit.files.reading import refuse_lfs_pointer
from tokkit.mixture.samples.sources import Shard, is_url, with_fsspec

BOM = b"\xef\xbb\xbf"
FREE_BYTES = 64 << 20
"""What a compressed file may grow to, however small it is."""
_MAX_RECORD = 256 << 20
_LINE_WITH_TEXT = re.compile(rb"\n(?=[0-9A-Za-z])")
_OF_RECORDS = (".jsonl", ".ndjson")
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}


@dataclass(frozen=True)
class ReadOptions:
    """How shards are read.

    Attributes:
        text_field: the field of a JSON record, or the column of a Parquet file, that has the text.
        block_bytes: the size that parts of a text have at most, roughly.
        max_expansion: a compressed file may be so many times as long when it is decompressed;
            64 MiB are always allowed.
    """

    text_field: str = "text"
    block_bytes: int = 1 << 22
    max_expansion: float = 250.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ArgumentError: one out of range.
        """
        check_kind(self.text_field, str, "text_field")
        check_kind(self.max_expansion, Real, "max_expansion")
        check_kind(self.block_bytes, Integral, "block_bytes")
        if self.block_bytes < 64 or not self.max_expansion >= 1:
            raise ArgumentError(
                "block_bytes must be at least 64 and max_expansion at least 1; "
                f"got {self.block_bytes} and {self.max_expansion}"
            )


def read_texts(shard: Shard, options: ReadOptions) -> Iterator[bytes]:
    """The texts of a shard, none of them empty, none much longer than a block.

    Raises:
        FormatError: the file cannot be read, is damaged, or grows beyond all measure.
        MissingExtraError: it needs a package that is not installed.
    """
    for _, parts in read_parts(shard, options):
        yield from blocks_of(parts, options.block_bytes)


def is_one_text(shard: Shard) -> bool:
    """Whether a shard is a text as it stands: of no records, and not compressed.

    Raises:
        FormatError: the file cannot be read.
    """
    with _open(shard) as raw:
        head = raw.read(1024)
    packed = head.startswith((b"PAR1", *_MAGIC))
    return not packed and not shard.path.lower().endswith((*_OF_RECORDS, *_SUFFIXES))


def read_parts(shard: Shard, options: ReadOptions) -> Iterator[tuple[bool, Iterable[bytes]]]:
    """Each text of a shard: whether it is one of several records, and its bytes in parts.

    The parts of a text are gone through before the next text is asked for.

    Raises:
        FormatError: the file cannot be read, is damaged, or grows beyond all measure.
        MissingExtraError: it needs a package that is not installed.
    """
    with _open(shard) as raw:
        head = raw.read(1024)
        refuse_lfs_pointer(head, shard.path)
        raw.seek(0)
        name = shard.path.lower()
        if head.startswith(b"PAR1"):
            yield from ((True, [text]) for text in _parquet_texts(shard, raw, options))
            return
        suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")
        kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
        if suffix and kind is None and head:
            raise FormatError(
                f"{shard.path}: named as {_SUFFIXES[suffix]}, but its content is something else; "
                "is the file damaged?"
            )
        parts = _guarded_parts(shard, raw, kind, options)
        if name.removesuffix(suffix).endswith(_OF_RECORDS):
            yield from ((True, [text]) for text in _json_texts(shard, parts, options))
        else:
            yield False, parts


@contextmanager
def _open(shard: Shard) -> Generator[BinaryIO]:
    if is_url(shard.path):
        opened = with_fsspec(shard.path, "sample", lambda fs, url: fs.open(url, "rb").open())
        with opened as stream:
            yield cast(BinaryIO, stream)
        return
    with refused_by_system(f"read {shard.path!r}"):
        stream = Path(shard.path).open("rb")  # noqa: SIM115  # closed below
    with stream:
        yield stream


def _decompressed(shard: Shard, raw: BinaryIO, kind: str | None, step: int) -> Iterator[bytes]:
    if kind == "zstd":
        yield from _zstd_parts(shard, raw)
        return
    openers: dict[str | None, Callable[[Any], Any]] = {
        "gzip": lambda file: gzip.GzipFile(fileobj=file),
        "bzip2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
    }
    stream = openers[kind](raw) if kind in openers else raw
    while part := stream.read(step):
        yield part


def _zstd_parts(shard: Shard, raw: BinaryIO) -> Iterator[bytes]:
    missing = f"{shard.path} is compressed with Zstandard, which is not installed"
    with needs_extra(missing, extra="mixture"):
        import zstandard
    codec = zstandard.ZstdDecompressor()
    frame = None
    # A block of three bytes can hold 128 KiB, and all of it comes at once: hence little steps.
    while data := raw.read(1024):
        while data:
            frame = frame or codec.decompressobj()
            try:
                yield frame.decompress(data)
            except zstandard.ZstdError as error:
                raise FormatError(f"{shard.path}: the zstd data is damaged: {error}") from error
            data = b""
            if frame.eof:
                data, frame = frame.unused_data, None
    if frame is not None:
        raise FormatError(f"{shard.path}: the zstd data is cut off")


def _guarded_parts(
    shard: Shard, raw: BinaryIO, kind: str | None, options: ReadOptions
) -> Iterator[bytes]:
    """Raw parts, with the errors of the decompressors told, and their growth bounded."""
    n_bytes = 0
    is_first = True
    try:
        for part in _decompressed(shard, raw, kind, min(options.block_bytes, 1 << 20)):
            n_bytes += len(part)
            if kind is not None:
                _check_growth(shard, n_bytes, options)
            yield part.removeprefix(BOM) if is_first else part
            is_first = is_first and not part
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        what = f"the {kind} data is damaged or cut off" if kind else "it cannot be read"
        raise FormatError(f"{shard.path}: {what}: {error}") from error


def _check_growth(shard: Shard, n_bytes: int, options: ReadOptions) -> None:
    if n_bytes > FREE_BYTES + options.max_expansion * max(0, shard.n_bytes):
        raise FormatError(
            f"{shard.path}: {shard.n_bytes:,} bytes grow to more than {n_bytes:,}; refused as a "
            "decompression bomb (max_expansion raises the limit)"
        )


# -- blocks ----------------------------------------------------------------------------------


def blocks_of(parts: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """One text, given in parts, as blocks of at most about `block_bytes`."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) > block_bytes:
            cut = _cut(held[:block_bytes])
            yield bytes(held[:cut])
            del held[:cut]
    if held:
        yield bytes(held)


def _cut(block: bytearray) -> int:
    """Where to end a block: after a line, failing that before a space, or between characters."""
    for start in (max(0, len(block) - (1 << 16)), 0):
        *_, last = (-1, *(match.end() for match in _LINE_WITH_TEXT.finditer(block, start)))
        if last > 0:
            return last
    for cut in (block.rfind(b"\n") + 1, block.rfind(b" ")):
        if cut > 0:
            return cut
    for cut in range(len(block) - 1, max(0, len(block) - 5), -1):
        if block[cut] & 0xC0 != 0x80:
            return cut
    return len(block)


# -- records ---------------------------------------------------------------------------------


def _lines(shard: Shard, parts: Iterator[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for part in parts:
        held += part
        *lines, rest = held.split(b"\n")
        yield from map(bytes, lines)
        held = bytearray(rest)
        if len(held) > _MAX_RECORD:
            raise FormatError(f"{shard.path}: a line of more than {_MAX_RECORD:,} bytes is no JSON")
    yield bytes(held)


def _json_texts(shard: Shard, parts: Iterator[bytes], options: ReadOptions) -> Iterator[bytes]:
    for number, line in enumerate(_lines(shard, parts), 1):
        if not line.strip():
            continue
        try:
            record: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{shard.path}, line {number}: not JSON: {error}") from error
        fields = cast("dict[str, object]", record) if isinstance(record, dict) else {}
        text = fields.get(options.text_field)
        if not isinstance(text, str):
            raise FormatError(
                f"{shard.path}, line {number}: expected the text in the field "
                f"{options.text_field!r}, found the fields {sorted(fields)}; "
                "name the field with text_field"
            )
        yield text.encode(errors="surrogatepass")


def _parquet_texts(shard: Shard, raw: BinaryIO, options: ReadOptions) -> Iterator[bytes]:
    missing = f"{shard.path} is a Parquet file, and pyarrow is not installed"
    with needs_extra(missing, extra="parquet"):
        import pyarrow as pa
        from pyarrow import parquet
    # Some file systems give streams that pyarrow takes for something else.
    source = raw if raw.seekable() else io.BytesIO(raw.read())
    try:
        file = cast(Any, parquet.ParquetFile(source))
        names = [str(name) for name in file.schema_arrow.names]
        if options.text_field not in names:
            raise FormatError(
                f"{shard.path}: no column {options.text_field!r} among {names}; "
                "name the column with text_field"
            )
        n_bytes = 0
        for batch in file.iter_batches(batch_size=256, columns=[options.text_field]):
            for value in batch.column(0):
                text = value.as_py()
                if isinstance(text, str | bytes):
                    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
                    n_bytes += len(data)
                    _check_growth(shard, n_bytes, options)
                    yield data
    except (cast(Any, pa).ArrowException, OSError) as error:
        raise FormatError(f"{shard.path}: the Parquet file is damaged: {error}") from error
