"""A Git LFS pointer is told as what it is by everything that reads large files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokkit.audit.costs.samples import read_folder
from tokkit.audit.vocabulary.embeddings.matrix_files import open_embeddings
from tokkit.errors import FormatError
from tokkit.mixture.samples.shard_text import ReadOptions, read_texts
from tokkit.mixture.samples.sources import Shard

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n"


def layout(path: Path) -> Any:
    pytest.importorskip("gguf", reason="needs the hf extra")
    from tokkit.files.gguf_layout import read_layout

    return read_layout(path)


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "embeddings": ("model.safetensors", open_embeddings),
    "embeddings of a folder": ("model.safetensors", lambda path: open_embeddings(path.parent)),
    "header of a model": ("model.gguf", layout),
    "sample": ("t.jsonl", lambda path: list(read_texts(Shard(str(path), -1, ""), ReadOptions()))),
    "parallel text": ("eng.txt", lambda path: read_folder(path.parent)),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_git_lfs_pointer_is_told(reader: str, tmp_path: Path) -> None:
    name, read = READERS[reader]
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(FormatError, match=rf"{name}: a Git LFS pointer.*1,234 bytes.*git lfs pull"):
        read(tmp_path / name)
