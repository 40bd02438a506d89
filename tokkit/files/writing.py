"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import cast

from tokkit.errors import ArgumentError, refused_by_system


@contextmanager
def whole_file(path: Path) -> Generator[BufferedRandom]:
    """Open a file beside `path`, which takes its place once all is written.

    What `path` was before stays until then, and for good when something is raised.

    Raises:
        OSError: the file cannot be written.
    """
    target = path.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    with tempfile.NamedTemporaryFile(
        "w+b", dir=target.parent, prefix=f".{target.name}-", delete=False
    ) as part:
        temporary = Path(part.name)
        try:
            yield cast(BufferedRandom, part.file)
            part.flush()
            os.fsync(part.fileno())
            part.close()
            temporary.chmod(mode)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def check_empty_folder(path: Path) -> None:
    """Refuse what is no folder, or holds something.

    Raises:
        ArgumentError: it is there, and is no empty folder.
    """
    if path.exists() and not path.is_dir():
        raise ArgumentError(f"{str(path)!r} is a file; expected a folder")
    if path.is_dir() and any(path.iterdir()):
        raise ArgumentError(f"the folder {str(path)!r} is not empty; give a new one, or empty it")


@contextmanager
def whole_folder(path: Path, *, last: str) -> Generator[Path]:
    """A folder within `path`, all of which is moved up to `path` once it is written.

    When something is raised, nothing is left of it.

    Args:
        path: made where it is missing; must be empty.
        last: name of what is moved last: without it, nobody takes the folder for a whole one.

    Raises:
        ArgumentError: `path` is a file, or holds something.
        OSError: it cannot be written to.
    """
    check_empty_folder(path)
    made = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    moved: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(prefix=".part-", dir=path) as name:
            part = Path(name)
            yield part
            for each in sorted(part.iterdir(), key=lambda each: (each.name == last, each.name)):
                moved.append(path / each.name)
                each.rename(moved[-1])
    except BaseException:
        for each in moved:
            shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
        for each in made:
            each.rmdir()
        raise


def write_whole(path: Path, text: str) -> None:
    """Write UTF-8 text to a file, whole; to a device or a pipe, as `/dev/stdout`, as it comes.

    Raises:
        FormatError: the file cannot be written.
    """
    data = text.encode("utf-8", errors="surrogateescape")
    with refused_by_system(f"write {str(path)!r}"):
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        with whole_file(path) as stream:
            stream.write(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
