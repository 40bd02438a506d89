"""`Source`: where the sample of a category comes from, and `find_shards`: the files behind it.

A source is one of

- `bytes`: the text itself;
- a path: a file, or a folder, of which every file counts that is not hidden;
- a `str`: text if it holds a line break or more than 1,024 characters; otherwise a path, a glob
  (`corpus/en/*.txt.gz`), or the URL of a file system that fsspec knows (`s3://bucket/en/*.parquet`);
- an iterable of paths, or of texts (documents). Strings in it are paths if the first one is a path
  that exists, a glob or a URL, and texts otherwise.

Files are *shards*: they are counted one by one, here or elsewhere, and their counts add up.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, cast

from tokkit.errors import ArgumentError, FormatError, MissingExtraError, TokkitError, needs_extra

Source: TypeAlias = str | bytes | PathLike[str] | Iterable[str | bytes | PathLike[str]]

MAX_PATH_CHARS = 1024
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")
_SUFFIXES = {".gz", ".bz2", ".xz", ".zst", ".txt", ".jsonl", ".ndjson", ".parquet"}
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Shard:
    """One file of a category's sample.

    Attributes:
        path: a local path, or a URL for fsspec.
        n_bytes: its size as stored; -1 where the file system does not tell.
        version: changes when the content does, as far as the file system tells.
    """

    path: str
    n_bytes: int
    version: str


@dataclass(frozen=True, eq=False)
class Sample:
    """What a source amounts to: files, or texts that are in memory.

    Attributes:
        shards: the files, sorted by path, each once.
        texts: UTF-8 or other bytes, read once; None when there are shards.
    """

    shards: tuple[Shard, ...]
    texts: Iterable[bytes] | None = None


def find_shards(category: str, source: Source) -> Sample:
    """The files or texts of a source.

    Args:
        category: whose sample it is, for messages.
        source: see the module.

    Raises:
        ArgumentError: not a source.
        FormatError: a path or a glob that leads to no file.
        MissingExtraError: a URL without fsspec, or without what its file system needs.
    """
    if isinstance(source, bytes):
        return Sample((), [source])
    if isinstance(source, str):
        if not _may_be_path(source):
            return Sample((), [source.encode(errors="surrogatepass")])
        return Sample(_shards_of([source], category))
    if isinstance(source, PathLike):
        return Sample(_shards_of([fspath(source)], category, is_glob=False))
    if isinstance(cast(object, source), Iterable):
        return _from_iterable(category, iter(source))
    raise ArgumentError(
        f"category {category!r}: got {type(source).__name__} as its sample; expected bytes, "
        "a path, a glob, or an iterable of paths or of texts"
    )


def _from_iterable(category: str, items: Iterator[str | bytes | PathLike[str]]) -> Sample:
    first = next(items, None)
    if first is None:
        raise ArgumentError(f"category {category!r}: its sample is an iterable of nothing")
    everything = chain([first], items)
    if isinstance(first, PathLike) or (isinstance(first, str) and _is_path(first)):
        return Sample(_shards_of([_as_path(item, category) for item in everything], category))
    return Sample((), (_as_text(item, category) for item in everything))


def _as_path(item: object, category: str) -> str:
    if isinstance(item, str | PathLike):
        return fspath(cast("str | PathLike[str]", item))
    raise ArgumentError(
        f"category {category!r}: a list of paths holds {type(item).__name__}; give paths or texts"
    )


def _as_text(item: object, category: str) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        return item.encode(errors="surrogatepass")
    raise ArgumentError(
        f"category {category!r}: an iterable of texts holds {type(item).__name__}; "
        "give str or bytes"
    )


def _may_be_path(text: str) -> bool:
    return len(text) <= MAX_PATH_CHARS and not re.search("[\n\r\0]", text)


def _is_path(text: str) -> bool:
    if not _may_be_path(text):
        return False
    return bool(_SCHEME.match(text)) or _exists(text) or bool(_MAGIC.search(text) and _glob(text))


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # too long a name
        return False


def _glob(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # absolute patterns too


def find_categories(folder: str | PathLike[str]) -> dict[str, str | Path]:
    """The samples in a folder, which has a file or a subfolder for each category.

    Args:
        folder: a local path, or the URL of a folder for fsspec.

    Returns:
        Category -> path or URL, sorted. A file's category is its name without the endings of
        formats (`de.jsonl.gz`: `de`); what is hidden does not count.

    Raises:
        ArgumentError: two entries with the same category.
        FormatError: no such folder.
        MissingExtraError: a URL without fsspec, or without what its file system needs.
    """
    if isinstance(folder, str) and is_url(folder):
        entries = _remote_entries(folder)
    elif Path(folder).is_dir():
        entries = [(path.name, path.is_file(), path) for path in Path(folder).iterdir()]
    else:
        raise FormatError(
            f"{fspath(folder)!r} is not a folder; give one with a file or a subfolder a category"
        )
    found: dict[str, str | Path] = {}
    files: dict[str, str] = {}
    for entry, is_file, place in sorted(entries):
        if entry.startswith("."):
            continue
        name = entry
        while is_file and Path(name).suffix in _SUFFIXES:
            name = Path(name).stem
        if name in found:
            raise ArgumentError(
                f"{files[name]!r} and {entry!r} are both category {name!r}; put the files of a "
                "category into a subfolder"
            )
        found[name], files[name] = place, entry
    return found


def _remote_entries(url: str) -> list[tuple[str, bool, str]]:
    """Name, whether it is a file, and URL, of what a remote folder holds."""

    def entries(fsspec: Any, folder: str) -> list[tuple[str, bool, str]]:
        system, path = _open_file_system(fsspec, folder)
        if not system.isdir(path):
            raise FormatError(
                f"{folder!r} is not a folder; give one with a file or a subfolder a category"
            )
        listed = cast("list[dict[str, Any]]", system.ls(path, detail=True))
        return [
            (
                str(each["name"]).rstrip("/").rpartition("/")[2],
                each["type"] == "file",
                str(system.unstrip_protocol(each["name"])),
            )
            for each in listed
        ]

    return cast("list[tuple[str, bool, str]]", with_fsspec(url, "samples", entries))


# -- from paths to files ---------------------------------------------------------------------


def _shards_of(paths: list[str], category: str, *, is_glob: bool = True) -> tuple[Shard, ...]:
    found: dict[str, Shard] = {}
    for path in paths:
        if _SCHEME.match(path):
            shards = _remote_shards(path, category)
        else:
            shards = list(_local_shards(path, is_glob=is_glob))
        if not shards:
            raise FormatError(
                f"category {category!r}: {path!r} leads to no file; give a file, a folder that "
                "holds some, a glob or a URL (a str is taken as text if it has a line break)"
            )
        found |= {shard.path: shard for shard in shards}
    return tuple(found[path] for path in sorted(found))


def _local_shards(path: str, *, is_glob: bool) -> Iterator[Shard]:
    matches = [path] if _exists(path) or not is_glob else _glob(path)
    for match in matches:
        place = Path(match)
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for file in files:
            hidden = any(part.startswith(".") for part in file.relative_to(place).parts)
            if file.is_file() and not hidden:
                status = file.stat()
                yield Shard(str(file), status.st_size, f"mtime {status.st_mtime_ns}")


def _remote_shards(url: str, category: str) -> list[Shard]:
    system, path = with_fsspec(url, f"category {category!r}", _open_file_system)
    try:
        if _MAGIC.search(path):
            matches = cast("list[str]", system.glob(path))
        elif system.isdir(path):
            matches = cast("list[str]", system.find(path))
        else:
            matches = [path] if system.exists(path) else []
        return [
            _remote_shard(system, match, system.info(match))
            for match in matches
            if system.isfile(match) and not match.rpartition("/")[2].startswith(".")
        ]
    except Exception as error:
        raise FormatError(f"category {category!r}: cannot list {url!r}: {error}") from error


def _remote_shard(system: Any, path: str, info: dict[str, Any]) -> Shard:
    # What tells versions apart is called differently everywhere.
    names = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")
    version = "; ".join(f"{name} {info[name]}" for name in names if info.get(name) is not None)
    size = info.get("size")
    return Shard(system.unstrip_protocol(path), -1 if size is None else int(size), version)


def with_fsspec(url: str, where: str, use: Callable[[Any, str], Any]) -> Any:
    """`use(fsspec, url)`, with the errors of a missing package or a missing file told clearly.

    Raises:
        MissingExtraError: fsspec, or what the file system needs, is not installed.
        FormatError: the file system refuses.
    """
    missing = f"{where}: {url!r} is read through fsspec, which is not installed"
    with needs_extra(missing, extra="mixture"):
        import fsspec
    try:
        return use(fsspec, url)
    except ImportError as error:
        raise MissingExtraError(f"{where}: {url!r} needs another package: {error}") from error
    except TokkitError:
        raise
    except Exception as error:
        raise FormatError(f"{where}: cannot open {url!r}: {error}") from error


def _open_file_system(fsspec: Any, url: str) -> tuple[Any, str]:
    return fsspec.core.url_to_fs(url)


def is_url(path: str) -> bool:
    """Whether a path is for fsspec."""
    return bool(_SCHEME.match(path))
