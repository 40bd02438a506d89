"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import cast

from tokkit.errors import refused_by_system


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
