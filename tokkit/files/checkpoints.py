"""Small learned tokenizers that come with the package: a name each, and the folder that it means.

They were saved as any other; `scripts/make_checkpoints.py` trains them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

from tokkit.errors import ArgumentError, FormatError

CHECKPOINTS = {
    "flextok-mnist": "pictures of digits, 28 x 28, in 1 to 16 ids",
    "vqgraph-cora": "papers that cite each other, by the words in them, an id each",
    "dm-codec-english": "English speech at 8,000 samples a second, 0.5 to 4 kbit/s",
}
"""Name -> what it is a tokenizer of."""
_FOLDER = Path(__file__).parents[1] / "models" / "checkpoints"


def is_checkpoint(source: Any) -> bool:
    """Whether a source is the name of one, and no path that looks like it."""
    return isinstance(source, str) and source in CHECKPOINTS


def checkpoint_folder(name: str) -> Path:
    """The folder that a name means.

    Raises:
        ArgumentError: no tokenizer of that name comes with the package.
        FormatError: it is not where it was installed.
    """
    if name not in CHECKPOINTS:
        raise ArgumentError(
            f"no tokenizer {str(name)[:80]!r} comes with tokkit, expected one of "
            f"{', '.join(CHECKPOINTS)}"
        )
    folder = _FOLDER / name
    if not folder.is_dir():
        raise FormatError(f"{folder} is missing, which comes with tokkit; install it again")
    return folder


def as_path(source: Any) -> Path | None:
    """The path that a source is, or that its name means; None for what is neither."""
    if is_checkpoint(source):
        return checkpoint_folder(source)
    if isinstance(source, (str, os.PathLike)):
        return Path(cast("str | os.PathLike[str]", source))
    return None
