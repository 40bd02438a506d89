"""What a name means, for every entry that takes one: a model that is packaged, a path, or a hub id.

Packaged are models that install with pip, and tokenizers that come with tokkit. In that order:
`./smollm2` is the folder where `smollm2` is the model that installs with pip.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from tokkit.arguments import check_kind
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.checkpoints import CHECKPOINTS, checkpoint_folder, is_checkpoint
from tokkit.files.hub import is_cached, is_hub_id, snapshot
from tokkit.files.packaged import PACKAGED, find_packaged

Meaning = Literal["packaged", "path", "hub"]
_NAMES = (*PACKAGED, *CHECKPOINTS)
_PACKAGED = (
    f"no packaged model ({', '.join(PACKAGED)}) or tokenizer of signals ({', '.join(CHECKPOINTS)})"
)
_GENERIC_STEMS = {"tokenizer", "tekken", "vocab", "merges", "model"}


def meaning_of(source: str | os.PathLike[str]) -> Meaning:
    """What a name means; nothing is opened or fetched.

    Raises:
        ArgumentError: neither a name nor a path, or empty.
        FormatError: nothing of that name.
    """
    check_kind(source, (str, os.PathLike), "source", "pass a name, a path or a hub id")
    text = os.fspath(source)
    if not text:
        raise ArgumentError("source is empty; expected a name, a path or a hub id")
    if text in _NAMES:
        return "packaged"
    try:
        if Path(text).exists():
            return "path"
    except (OSError, ValueError) as error:
        raise FormatError(f"{text[:200]!r}: not a usable path ({error})") from error
    if is_hub_id(text):
        return "hub"
    close = get_close_matches(text, _NAMES, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    raise FormatError(f"{text[:200]}: no such file or folder, and {_PACKAGED}{guess}")


def locate(
    source: str | os.PathLike[str], files: Sequence[str], *, allow_download: bool = False
) -> Path:
    """The file or folder that a name means.

    Args:
        source: the name of a packaged model, a path, or a hub id.
        files: patterns of what is wanted of a repository on a hub.
        allow_download: whether that may be fetched.

    Raises:
        ArgumentError: neither a name nor a path, or empty.
        FormatError: nothing of that name, or not to be had.
        MissingExtraError: the packages of a packaged model, or of the hub, are not installed.
    """
    meaning = meaning_of(source)
    if meaning == "packaged":
        return _packaged(os.fspath(source))
    if meaning == "hub":
        return snapshot(os.fspath(source), files, allow_download=allow_download)
    return Path(source)


def _packaged(name: str) -> Path:
    return checkpoint_folder(name) if is_checkpoint(name) else find_packaged(name)


def check_source(source: str, *, allow_download: bool = False) -> None:
    """Refuse a name that `locate` would refuse; nothing is fetched.

    Raises:
        FormatError: nothing of that name, or not in the local cache without permission to fetch.
        MissingExtraError: the packages of a packaged model are not installed.
    """
    meaning = meaning_of(source)
    if meaning == "packaged":
        _packaged(source)
    elif meaning == "hub" and not allow_download and not is_cached(source):
        raise FormatError(
            f"{source}: no such file or folder, no hub id in the local cache, and {_PACKAGED}; "
            "--download fetches it"
        )


def short_name(source: str, path: Path) -> str:
    """What to call it for a reader: a name or hub id as it is, else its file, or folder and file.

    `llama/tokenizer.json` is both, since a `tokenizer.json` could be anyone's.

    Args:
        source: as the user names it.
        path: the file that was found for it.
    """
    if meaning_of(source) != "path":
        return source
    folder = path.resolve().parent.name
    is_generic = path.name.partition(".")[0] in _GENERIC_STEMS and folder
    return f"{folder}/{path.name}" if is_generic else path.name


def full_name(source: str | os.PathLike[str]) -> str:
    """A path in full, so that it is found from elsewhere; a name or id as it is."""
    check_kind(source, (str, os.PathLike), "source", "pass a name, a path or a hub id")
    text = os.fspath(source)
    return text if text in _NAMES or not Path(text).exists() else str(Path(text).resolve())
