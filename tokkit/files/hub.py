"""A hub of models: ids of repositories, and their files in the local cache.

Nothing is fetched without permission.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokkit.errors import FormatError, needs_extra

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_hub_id(text: str) -> bool:
    """Whether a text has the form of an id, `owner/name`."""
    return _HUB_ID.fullmatch(text) is not None


def is_cached(hub_id: str) -> bool:
    """Whether something of a repository lies in the local cache."""
    try:
        from huggingface_hub import constants
    except ImportError:
        return False
    cache: Any = constants
    return (Path(cache.HF_HUB_CACHE) / f"models--{hub_id.replace('/', '--')}").is_dir()


def snapshot(hub_id: str, files: Sequence[str], *, allow_download: bool) -> Path:
    """The folder of a repository in the local cache.

    Args:
        hub_id: `owner/name`.
        files: patterns of the files that are wanted.
        allow_download: whether those that are missing may be fetched.

    Raises:
        FormatError: not in the cache and not to be fetched, or it cannot be.
        MissingExtraError: huggingface_hub is not installed.
    """
    missing = f"{hub_id}: no such file or folder; to read it as a hub id install huggingface_hub"
    with needs_extra(missing, extra="hf"):
        import huggingface_hub
    client: Any = huggingface_hub
    try:
        folder = client.snapshot_download(
            hub_id, allow_patterns=list(files), local_files_only=not allow_download
        )
    except Exception as error:  # the client raises what its HTTP library raises
        cure = (
            "check the id and the network"
            if allow_download
            else "pass allow_download=True (--download) to fetch it"
        )
        raise FormatError(
            f"{hub_id}: no such file or folder, and no repository of that id in the local cache "
            f"({type(error).__name__}); {cure}"
        ) from error
    return Path(folder)
