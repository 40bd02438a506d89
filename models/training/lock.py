"""A folder belongs to one training at a time.

The lock is on the folder itself, so it leaves no file behind, and the system lets go of it when the
process ends, however it ends. Windows has no such locks; there nobody is kept out.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tokkit.errors import ModelError, refused_by_system


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Within it, no other training can be in the folder.

    Args:
        folder: there already.

    Raises:
        FormatError: the folder cannot be opened, or its file system knows no locks.
        ModelError: another training is in it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with refused_by_system(f"open the folder {str(folder)!r}"):
        place = os.open(folder, os.O_RDONLY)
    try:
        with refused_by_system(f"lock the folder {str(folder)!r}"):
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ModelError(
                    f"another training is in {str(folder)!r}; wait until it ends, or give this one "
                    "a folder of its own"
                ) from None
        yield
    finally:
        os.close(place)
