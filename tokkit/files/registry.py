"""Kinds of saved folders, and the class that opens each.

A folder that tokkit writes names its kind in `tokkit.json`. The classes stand here by import path,
so that `load_tokenizer` and `load_lm` open what layers below them write, and import none of it.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from tokkit.errors import FormatError, needs_extra
from tokkit.files.checkpoints import as_path
from tokkit.files.json_text import parse_json, want_object, want_str
from tokkit.files.reading import read_bounded
from tokkit.files.writing import whole_file

MANIFEST = "tokkit.json"
CLASSES = {
    "text-tokenizer": "tokkit.text.tokenizer:TextTokenizer",
    "byteified": "tokkit.models.byteified.model:Byteified",
    "dynamic-tokenizer": "tokkit.dynamic.dynamic_tokenizer:DynamicTokenizer",
    "byte-transformer": "tokkit.models.byte.model:ByteTransformer",
    "hierarchical-transformer": "tokkit.models.hierarchical.model:HierarchicalTransformer",
    "spacebyte": "tokkit.models.spacebyte.model:SpaceByte",
    "subword-transformer": "tokkit.models.subword.model:SubwordTransformer",
    "word-pooled-transformer": "tokkit.models.word_pooled.model:WordPooledTransformer",
    "dm-codec": "tokkit.models.dm_codec.model:DMCodec",
    "vqgraph": "tokkit.models.vqgraph.model:VQGraph",
    "flextok": "tokkit.models.flextok.model:FlexTok",
    "flextok-generator": "tokkit.models.flextok.generator:PictureGenerator",
}
"""Kind -> module and class, whose `load(folder, **options)` reads what its `save(folder)` wrote."""

_MAX_BYTES = 1 << 20


def write_kind(folder: Path, kind: str) -> None:
    """Name the kind of a folder, which must be one of `CLASSES`.

    Raises:
        OSError: the file cannot be written.
    """
    assert kind in CLASSES, kind
    with whole_file(folder / MANIFEST) as stream:
        stream.write(json.dumps({"kind": kind}).encode() + b"\n")


def is_saved(source: Any) -> bool:
    """Whether a source is a folder with `tokkit.json`, or the name of one that is shipped."""
    path = as_path(source)
    return path is not None and (path / MANIFEST).is_file()


def open_saved(source: Any, wanted: type[Any], what: str, **options: Any) -> Any:
    """What a saved folder holds.

    Args:
        source: anything; what `is_saved` denies gives None.
        wanted: the class, or a base of those, that will do.
        what: what that is, for messages: "a tokenizer".
        **options: for the `load` of the class.

    Raises:
        FormatError: the file is damaged, names no kind that is known here, or another than is
            wanted.
        MissingExtraError: what it computes with is not installed.
    """
    folder = as_path(source)
    if folder is None or not is_saved(source):
        return None
    path = folder / MANIFEST
    where = str(path)
    document = want_object(parse_json(read_bounded(path, limit=_MAX_BYTES), where), where)
    kind = want_str(document.get("kind"), f"{where}.kind")
    if kind not in CLASSES:
        raise FormatError(
            f"{where}: the kind {kind[:80]!r}, expected one of {', '.join(CLASSES)}; was it "
            "written by a later version of tokkit?"
        )
    module, _, name = CLASSES[kind].partition(":")
    with needs_extra(f"{path.parent} holds a {kind}, which needs torch", extra="hf"):
        saved: Any = getattr(import_module(module), name)
    fits: bool = issubclass(saved, wanted)
    if not fits:
        inner = path.parent / "tokenizer"
        hint = f"; that of its tokens is {str(inner)!r}" if is_saved(inner) else ""
        raise FormatError(f"{path.parent}: holds a {kind}; expected {what}{hint}")
    return saved.load(path.parent, **options)
