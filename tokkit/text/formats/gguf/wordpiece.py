"""GGUF `bert`: WordPiece whose words begin with U+2581, where BERT marks what goes on by `##`.

Source: llama.cpp, `conversion/bert.py` (which renames the tokens) and `llm_tokenizer_wpm` of
`src/llama-vocab.cpp`. Its own way with accents, case and punctuation differs from BERT's for rare
characters; as everywhere, the tokenizer that the model was trained with is what is read.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tokkit.errors import FormatError
from tokkit.text.formats.bert_vocab import bert_document
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.spec import TokenizerSpec, TokenKind

_MARK = "\u2581"
_INSIDE = "##"


def wordpiece_spec(
    texts: list[str],
    types: list[int],
    *,
    name: str,
    unknown_id: int | None,
    lowercase: bool | None,
    strip_accents: bool | None,
) -> TokenizerSpec:
    """The tokenizer behind the tokens of a GGUF file, without its BOS and EOS.

    Args:
        texts: the tokens as the file holds them.
        types: their types.
        name: for messages.
        unknown_id: the id of the unknown token; None: by type or by name.
        lowercase: whether text is lowercased; None (files before 2026): if no token that text
            produces holds an upper-case letter.
        strip_accents: whether accents are dropped; None: as `lowercase`.

    Raises:
        FormatError: no unknown token, or two tokens that are one in BERT's spelling.
    """
    if unknown_id is None:
        unknown_id = _unknown_id(texts, types)
    if not 0 <= unknown_id < len(texts):
        raise FormatError(f"{name}: no unknown token, which a WordPiece vocabulary needs")
    vocab: dict[str, int] = {}
    added: list[dict[str, object]] = []
    for token_id, (text, kind) in enumerate(zip(texts, types, strict=True)):
        if kind in (3, 4):
            added.append({"id": token_id, "content": text, "special": kind == 3})
        elif kind == 5:
            continue
        if token_id != unknown_id and kind == 1:
            text = _bert_spelling(text)
        if text in vocab:
            raise FormatError(f"{name}: tokens {vocab[text]} and {token_id} are both {text[:60]!r}")
        vocab[text] = token_id
    if lowercase is None:
        ordinary = (text for text, token_id in vocab.items() if types[token_id] == 1)
        lowercase = not any(text != text.lower() for text in ordinary if text != texts[unknown_id])
    options = {"strip_accents": strip_accents, "lowercase": lowercase}
    document = bert_document(vocab, added, texts[unknown_id], **options)
    return _padded(read_hf_json(document, name), len(texts))


def _unknown_id(texts: list[str], types: list[int]) -> int:
    if 2 in types:
        return types.index(2)
    return texts.index("[UNK]") if "[UNK]" in texts else -1


def _bert_spelling(text: str) -> str:
    return text[1:] if text.startswith(_MARK) and len(text) > 1 else _INSIDE + text


def _padded(spec: TokenizerSpec, size: int) -> TokenizerSpec:
    """`spec` with holes up to `size` ids: files are padded for the sake of the embeddings."""
    missing = size - spec.vocab_size
    assert spec.continuing is not None
    return replace(
        spec,
        token_bytes=spec.token_bytes + (b"",) * missing,
        kinds=np.append(spec.kinds, np.full(missing, TokenKind.UNUSED, dtype=np.uint8)),
        continuing=np.append(spec.continuing, np.zeros(missing, dtype=np.bool_)),
    )
