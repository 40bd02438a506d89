"""From what a user names to a `TokenizerSpec`: which format a file has is seen from its content.

Nothing is fetched unless asked, nothing is unpickled, and every file is read within bounds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokkit.arguments import check_kind
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.gguf_headers import is_gguf
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import MAX_FILE_BYTES, collector_paused, read_bounded
from tokkit.files.sources import locate
from tokkit.text.formats.bert_vocab import read_bert_vocab
from tokkit.text.formats.gguf.tokenizer import read_gguf
from tokkit.text.formats.gpt2_bpe import read_gpt2_bpe
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.formats.phobert import read_phobert
from tokkit.text.formats.rwkv import read_rwkv
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.formats.tekken import read_tekken
from tokkit.text.formats.tiktoken import RankFileOptions, read_tiktoken
from tokkit.text.formats.tokkit_file import FILE_NAME, MAGIC, read_tokkit
from tokkit.text.loaded_objects import is_loaded, read_loaded
from tokkit.text.spec import TokenizerSpec

FORMATS = (
    "hf", "sentencepiece", "tiktoken", "gguf", "tekken", "gpt2-bpe", "bert", "rwkv",
    "phobert", "tokkit",
)  # fmt: skip
"""Values of `format`; `"tiktoken:NAME"` also names the encoding, as `"tiktoken:cl100k_base"`."""

_MAX_CONFIG_BYTES = 16 * 1024 * 1024
_IN_FOLDER = (
    FILE_NAME, "tokenizer.json", "tekken.json", "tokenizer.model", "*.model", "*.model.v*",
    "tekken*.json", "*.tiktoken", "vocab.bpe", "merges.txt",
    "bpe.codes", "vocab.txt",
    "rwkv_vocab*.txt", "*.gguf",
)  # fmt: skip
_HUB_FILES = [
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "tekken.json", "*.tiktoken",
    "merges.txt", "vocab.json", "bpe.codes", "vocab.txt", "rwkv_vocab*.txt",
]  # fmt: skip
_RANK_LINE = re.compile(rb"\s*[A-Za-z0-9+/]+=*[ \t]+\d+\s")
_RWKV_LINE = re.compile(rb"\d+ b?['\"].*['\"] \d+\r?\n")
_UNKNOWN_LINE = re.compile(rb"^\[UNK\]\r?$", re.MULTILINE)
_BINARY = {b"PK\x03\x04": "a zip archive", b"\x80": "a pickle", b"\x1f\x8b": "a gzip file"}


def read_spec(
    source: Any,
    *,
    format: str | None = None,
    pattern: str | None = None,
    special_tokens: Mapping[str, int] | None = None,
    allow_download: bool = False,
) -> TokenizerSpec:
    """Read a tokenizer.

    Args:
        source: a packaged model; a file; a folder, in which the first of `tokenizer.tokkit`,
            `tokenizer.json`, `tekken.json`, `tokenizer.model`, another `.model`, `.tiktoken`,
            `vocab.bpe`, `merges.txt`, `bpe.codes`, `vocab.txt` or `rwkv_vocab*.txt`, and `.gguf` is
            taken; or a hub id, as `"org/name"`, looked up in the local Hugging Face cache; or a
            loaded tokenizer of `tokenizers`, `transformers`, `sentencepiece` or `tiktoken`.
        format: one of `FORMATS`; None: told from the content.
        pattern: of a rank file (tiktoken), which does not hold it: what cuts text into pieces.
        special_tokens: of a rank file: text of each control token -> id.
        allow_download: fetch a hub id that is not in the cache.

    Raises:
        ArgumentError: an unknown `format`, a `source` of another type, or a `format`, `pattern` or
            `special_tokens` for what has its own.
        FormatError: missing, truncated, damaged, hostile, or of no known format.
        UnsupportedError: sound, but it asks for something that tokkit does not do.
        MissingExtraError: a hub id, and huggingface_hub is not installed.
    """
    kind, encoding = _parts_of(format)
    if is_loaded(source):
        if not (format is None and pattern is None and special_tokens is None):
            raise ArgumentError(
                f"format, pattern and special_tokens are of files; {type(source).__name__} is "
                "loaded already and has its own"
            )
        return read_loaded(source, read_spec)
    path = find_file(source, format=format, allow_download=allow_download)
    options = RankFileOptions(pattern, special_tokens)
    with collector_paused():
        return _read_file(path, kind, encoding, options)


def find_file(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,
    allow_download: bool = False,
) -> Path:
    """The file that `read_spec` reads, for the same arguments.

    Raises:
        ArgumentError: an unknown `format`, or a `source` that is no path.
        FormatError: nothing there, or no tokenizer in the folder.
        MissingExtraError: a hub id, and huggingface_hub is not installed.
    """
    kind, _ = _parts_of(format)
    path = locate(source, _HUB_FILES, allow_download=allow_download)
    try:
        return _choose(path, kind) if path.is_dir() else path
    except OSError as error:
        raise FormatError(f"{str(source)[:200]!r}: not a usable path ({error})") from error


def _parts_of(format: str | None) -> tuple[str, str]:
    """The kind of a file, and of a rank file its encoding; "" where nothing is said."""
    if format is not None:
        check_kind(format, str, "format", f"expected one of {', '.join(FORMATS)}")
    kind, _, encoding = (format or "").partition(":")
    if (kind and kind not in FORMATS) or (encoding and kind != "tiktoken"):
        raise ArgumentError(
            f"format {format!r}; expected one of {', '.join(FORMATS)}, or tiktoken:NAME"
        )
    return kind, encoding


def _choose(folder: Path, kind: str) -> Path:
    wanted = {
        "tokkit": (FILE_NAME,),
        "gguf": ("*.gguf",),
        "tiktoken": ("*.tiktoken", "tokenizer.model", "*"),
    }
    for pattern in wanted.get(kind, _IN_FOLDER):
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if len(found) > 1:
            raise FormatError(
                f"{folder}: holds {len(found)} files {pattern} ({found[0].name}, "
                f"{found[1].name}, ...); give the path of one"
            )
        if found:
            return found[0]
    raise FormatError(f"{folder}: no tokenizer in this folder; expected {', '.join(_IN_FOLDER)}")


def _read_file(path: Path, kind: str, encoding: str, options: RankFileOptions) -> TokenizerSpec:
    name = path.name
    if not kind and is_gguf(path):
        kind = "gguf"
    data = b"" if kind == "gguf" else read_bounded(path)
    kind = kind or sniff_format(data, path)
    if kind == "tiktoken":
        config = _config(path)
        return read_tiktoken(data, name, encoding or None, options=options, config=config)
    if options != RankFileOptions():
        raise ArgumentError(
            f"{name} is read as {kind}, which holds its own pattern and control tokens; pattern "
            "and special_tokens are for rank files (format='tiktoken')"
        )
    if kind == "gguf":
        return read_gguf(path, name)
    if kind in _OF_ONE_FILE:
        return _OF_ONE_FILE[kind](data, name)
    if kind in _WITH_CONFIG:
        return _WITH_CONFIG[kind](data, name, _config(path))
    if kind == "gpt2-bpe":
        vocab = _json_beside(path, "encoder.json", "vocab.json")
        return read_gpt2_bpe(data, name, vocab, _config(path))
    if kind == "phobert":
        beside = path.parent / "vocab.txt"
        if not beside.is_file():
            raise FormatError(f"{name}: needs vocab.txt beside it, which is not there")
        return read_phobert(data, read_bounded(beside), name, _config(path))
    return _read_json(path, kind, data)


_OF_ONE_FILE = {"tokkit": read_tokkit, "rwkv": read_rwkv}
_WITH_CONFIG = {"sentencepiece": read_sentencepiece, "bert": read_bert_vocab}


def _read_json(path: Path, kind: str, data: bytes) -> TokenizerSpec:
    name = path.name
    document = want_object(parse_json(data, name), name)
    if kind == "hf" or (kind == "json" and "model" in document):
        return read_hf_json(document, name, _config(path))
    if kind == "tekken" or ("config" in document and isinstance(document.get("vocab"), list)):
        return read_tekken(document, name)
    raise FormatError(
        f"{name}: JSON, but neither a tokenizer.json (which has 'model') nor a tekken file (which "
        f"has 'config' and 'vocab'); its keys are {', '.join(list(document)[:8])[:200]}"
    )


def sniff_format(data: bytes, path: Path) -> str:
    """What a file is, from how it begins: one of `FORMATS`, or `"json"` for `hf` and `tekken`.

    Args:
        data: the file, or its first 8 kB. A GGUF file is told apart before it is read.
        path: for its name.

    Raises:
        FormatError: none of the formats, or white space alone.
    """
    if data.startswith(MAGIC[:6]):
        return "tokkit"
    if _RWKV_LINE.match(data):
        return "rwkv"
    if path.name == "bpe.codes":
        return "phobert"
    if path.suffix == ".txt" and (path.name == "vocab.txt" or _UNKNOWN_LINE.search(data[:8192])):
        return "bert"
    start = data[:4096].lstrip()
    if start[:1] in (b"{", b"["):
        return "json"
    if data.startswith(b"#version"):
        return "gpt2-bpe"
    if _RANK_LINE.match(data[:8192] + b"\n"):
        return "tiktoken"
    _refuse_foreign(data, path.name)
    if data[:1] == b"\n":
        return "sentencepiece"
    if path.name in ("vocab.bpe", "merges.txt"):
        return "gpt2-bpe"
    raise FormatError(
        f"{path.name}: begins with {data[:16]!r}, which is none of the formats that tokkit reads "
        f"({', '.join(FORMATS)}); give the path of a tokenizer, or name its format"
    )


def _refuse_foreign(data: bytes, name: str) -> None:
    if not data.strip():
        raise FormatError(f"{name}: the file is empty but for white space; download it again")
    for magic, what in _BINARY.items():
        if data.startswith(magic):
            raise FormatError(f"{name}: {what}, which tokkit never opens; give the tokenizer")


def _config(path: Path) -> dict[str, object] | None:
    return _json_beside(path, "tokenizer_config.json", limit=_MAX_CONFIG_BYTES)


def _json_beside(path: Path, *names: str, limit: int = MAX_FILE_BYTES) -> dict[str, object] | None:
    """The first of some JSON files beside a file; None if none of them is there."""
    for beside in map(path.parent.joinpath, names):
        if beside.is_file():
            return want_object(
                parse_json(read_bounded(beside, limit=limit), beside.name), beside.name
            )
    return None
