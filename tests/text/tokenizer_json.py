"""Small `tokenizer.json` documents, and what the `tokenizers` library makes of them."""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Tokenizer

from tokkit.text.formats.byte_alphabet import BYTES_IN_GPT2_ORDER, CHAR_OF_BYTE
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.tokenizer import TextTokenizer

BYTES = {CHAR_OF_BYTE[byte]: i for i, byte in enumerate(BYTES_IN_GPT2_ORDER)}
"""The byte alphabet as ids 0 to 255; "a" is 64."""

CHARS = {"<unk>": 0, **{f"<0x{i:02X}>": i + 1 for i in range(256)}, "a": 257, "b": 258, "▁": 259}
"""An alphabet of a, b and the mark, with byte tokens for the rest."""

BYTE_LEVEL = {
    "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False,
}  # fmt: skip
PREPEND = {"type": "Prepend", "prepend": "▁"}
MARK_SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}


def metaspace(scheme: str) -> dict[str, Any]:
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True}


def added(content: str, token: int, *flags: str) -> dict[str, Any]:
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    assert set(flags) <= set(names)
    return {"id": token, "content": content, **{name: name in flags for name in names}}


def in_sequence(kind: str, steps: list[Any]) -> Any:
    if len(steps) < 2:
        return steps[0] if steps else None
    field = "normalizers" if kind == "normalizer" else "pretokenizers"
    return {"type": "Sequence", field: steps}


def document(
    vocab: dict[str, int],
    *tokens: dict[str, Any],
    normalizers: tuple[Any, ...] = (),
    pretokenizers: tuple[Any, ...] = (),
    **model: Any,
) -> dict[str, Any]:
    fallback = {"unk_token": "<unk>", "byte_fallback": True} if vocab is CHARS else {}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": list(tokens),
        "normalizer": in_sequence("normalizer", list(normalizers)),
        "pre_tokenizer": in_sequence("pre_tokenizer", list(pretokenizers)),
        "post_processor": None,
        "decoder": None,
        "model": {"type": "BPE", "vocab": vocab, "merges": [], **fallback, **model},
    }


def ours(root: dict[str, Any]) -> TextTokenizer:
    return TextTokenizer(read_hf_json(json.loads(json.dumps(root)), "toy"))


def reference(root: dict[str, Any], *, specials: bool = False) -> Tokenizer:
    library = Tokenizer.from_str(json.dumps(root))
    library.encode_special_tokens = not specials
    return library


def reference_ids(root: dict[str, Any], text: str, *, specials: bool = False) -> list[int]:
    return reference(root, specials=specials).encode(text, add_special_tokens=False).ids
