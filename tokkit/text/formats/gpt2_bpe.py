"""GPT-2's own files: `vocab.bpe` (or `merges.txt`), with `encoder.json` (or `vocab.json`) for ids.

Without the latter, ids follow from the merges: the 256 bytes in GPT-2's order, the results of the
merges, then `<|endoftext|>`.

Files of the same names, whose words end in `</w>`, are of CLIP or of the first GPT; how these cut
text is in their code alone (`transformers`, `tokenization_clip.py`, `tokenization_openai.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import want_object
from tokkit.files.reading import decode_utf8
from tokkit.files.shipped import shipped_json
from tokkit.text.formats.byte_alphabet import BYTES_IN_GPT2_ORDER, CHAR_OF_BYTE
from tokkit.text.formats.hugging_face.special_ids import token_text
from tokkit.text.formats.hugging_face.tokenizer_config import added_tokens_beside
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.spec import TokenizerSpec

END = "<|endoftext|>"
START = "<|startoftext|>"
SUFFIX = "</w>"
_WORD_STEPS: dict[str, Any] = shipped_json("gpt2_word_steps.json", "tokkit.text.formats")
"""Normaliser and pretokenizer by class, as a tokenizer.json has them."""


def read_gpt2_bpe(
    data: bytes, name: str, vocab: object = None, config: Mapping[str, object] | None = None
) -> TokenizerSpec:
    """Read a list of merges.

    Args:
        data: the file: `left right` a line, comments at the top begin with `#version`.
        name: for messages.
        vocab: parsed `encoder.json`: token, in the byte alphabet -> id.
        config: tokenizer_config.json beside the file.

    Raises:
        FormatError: a line that is no merge, or a merge that the vocabulary cannot express.
        UnsupportedError: words end in `</w>`, and nothing says whose files these are.
    """
    lines = decode_utf8(data, name).split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    merges: list[object] = [line.rstrip("\r") for line in lines if line.strip("\r")]
    if not merges:
        raise FormatError(f"{name}: no merges; expected lines of two tokens and a space")
    if any(str(merge).endswith(SUFFIX) for merge in merges):
        return _read_words(merges, name, vocab, config or {})
    if vocab is None:
        ids = {CHAR_OF_BYTE[byte]: i for i, byte in enumerate(BYTES_IN_GPT2_ORDER)}
        for merge in merges:
            ids.setdefault(str(merge).replace(" ", ""), len(ids))
        ids[END] = len(ids)
    else:
        ids = want_object(vocab, f"{name}: encoder.json")
    added = [{"id": ids[END], "content": END, "special": True}] if END in ids else []
    document = {
        "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        "model": {"type": "BPE", "vocab": ids, "merges": merges},
    }
    return read_hf_json(document, name)


def _read_words(
    merges: list[object], name: str, vocab: object, config: Mapping[str, object]
) -> TokenizerSpec:
    """Words that end in `</w>`: CLIP's, or the first GPT's."""
    ids = cast("dict[str, int]", want_object(vocab or {}, f"{name}: vocab.json"))
    kind = config.get("tokenizer_class")
    kind = kind.removesuffix("Fast") if isinstance(kind, str) else None
    if kind is None and {START, END, CHAR_OF_BYTE[0x20] + SUFFIX} <= set(ids):
        kind = "CLIPTokenizer"
    if kind not in _WORD_STEPS or not ids:
        raise UnsupportedError(
            f"{name}: words end in {SUFFIX!r} (subword-nmt), and the file does not say how text is "
            "cut, nor which ids its tokens have; expected vocab.json beside it, and "
            "tokenizer_config.json with the class CLIPTokenizer or OpenAIGPTTokenizer"
        )
    clip = kind == "CLIPTokenizer"
    texts = dict.fromkeys(("unk_token", "eos_token", "pad_token"), END) | {"bos_token": START}
    roles = {
        role: token_text(config.get(role)) or text
        for role, text in (texts if clip else {"unk_token": "<unk>"}).items()
    }
    added = added_tokens_beside(ids, len(ids), roles, config, f"{name}: tokenizer_config.json")
    placed = {node["content"]: node["id"] for node in added}
    document: dict[str, object] = _WORD_STEPS[kind] | {
        "added_tokens": added,
        "model": {
            "type": "BPE",
            "vocab": ids,
            "merges": merges,
            "end_of_word_suffix": SUFFIX,
            "unk_token": roles["unk_token"],
        },
    }
    if clip:
        bos, eos = ([roles[role], placed[roles[role]]] for role in ("bos_token", "eos_token"))
        document["post_processor"] = {"type": "RobertaProcessing", "cls": bos, "sep": eos}
    return read_hf_json(document, name, config)
