"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tokkit.errors import FormatError


def write_whole(path: Path, text: str) -> None:
    """Write UTF-8 text under a temporary name beside `path`, and rename it.

    What `path` was before is replaced; a device or a pipe, as `/dev/stdout`, is written to.

    Raises:
        FormatError: the file cannot be written.
    """
    data = text.encode("utf-8", errors="surrogateescape")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        target = path.resolve()
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}-", delete=False
        ) as part:
            temporary = Path(part.name)
            try:
                part.write(data)
                part.close()
                temporary.chmod(mode)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise FormatError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
