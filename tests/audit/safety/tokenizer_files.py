"""Small tokenizer.json files that `tokenizers` itself loads, whole and damaged."""

from __future__ import annotations

import json
from pathlib import Path

from tokkit.text.formats.byte_alphabet import CHAR_OF_BYTE

ALPHABET = {char: byte for byte, char in enumerate(CHAR_OF_BYTE)}
BYTE_LEVEL = {
    "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True
}  # fmt: skip


def model(**changes):
    """A byte-level BPE with one merge."""
    base = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": ALPHABET | {"ab": 256},
        "merges": ["a b"],
    }
    return base | changes


def added(token_id, content, *, special=True):
    return {
        "id": token_id,
        "content": content,
        "special": special,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": not special,
    }


def document(**changes):
    base = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": BYTE_LEVEL,
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": model(),
    }  # fmt: skip
    return base | changes


def split_by(pattern):
    """The document, cut by a pattern."""
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    stages = [split | {"invert": False}, BYTE_LEVEL | {"use_regex": False}]
    return document(pre_tokenizer={"type": "Sequence", "pretokenizers": stages})


def write(folder: Path, content) -> Path:
    path = folder / "tokenizer.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path
