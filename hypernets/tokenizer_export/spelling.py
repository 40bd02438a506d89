"""How the tokens of a spec are spelled in a tokenizer.json, by id.

The library knows a token by its spelling alone, and so two ids never share one. An id without bytes
(a hole, an unknown token without a name) gets a spelling that no text has.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.tokenizer_export.refusal import refused
from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.formats.byte_alphabet import bytes_of, text_of
from tokkit.text.spec import AddedToken, TokenizerSpec, TokenKind

CONTINUES = "##"
"""What BERT puts before a token that goes on with a word."""


def is_byte_level(spec: TokenizerSpec) -> bool:
    """Whether tokens are spelled in the GPT-2 byte alphabet."""
    return spec.family == "bytes" or (spec.family == "bpe" and not spec.char_units)


def spellings(spec: TokenizerSpec, *, mark: str) -> list[str]:
    """The spelling of each id.

    Args:
        spec: the tokenizer.
        mark: what stands for a space, or "".

    Raises:
        UnsupportedError: two ids would be spelled alike, or a token that is no text.
    """
    # Nearly all are plain tokens; asking each for its kind would take most of the time.
    plain = _plain_spelling(spec, mark)
    normal = (spec.kinds == TokenKind.NORMAL).tolist()
    texts = [
        plain(token, data) if is_normal else _spelling(spec, token, mark)
        for token, (data, is_normal) in enumerate(zip(spec.token_bytes, normal, strict=True))
    ]
    for text, token in spec.special_tokens.items():
        texts[token] = text
    for added in all_added_tokens(spec):
        if spec.kinds[added.id] == TokenKind.LITERAL:
            data = spec.token_bytes[added.id]
            if _is_prefixed(added, spec):
                data = data.removeprefix(b" ")
            texts[added.id] = _marked(data, mark, spec)
    owners: dict[str, int] = {}
    for token, text in enumerate(texts):
        if owners.setdefault(text, token) != token:
            both = f"{owners[text]} and {token}"
            raise refused(spec, f"has the ids {both}, which would both be spelled {text[:60]!r}")
    return texts


def _is_prefixed(added: AddedToken, spec: TokenizerSpec) -> bool:
    """Whether a token is looked for with the space that is put before every text."""
    always = spec.prefix_space == "always" and spec.prefix_unit == "normalized"
    return added.normalized and always


def _plain_spelling(spec: TokenizerSpec, mark: str) -> Callable[[int, bytes], str]:
    """How a token that the model makes is spelled, by its id and bytes."""
    if spec.family == "wordpiece":
        return lambda token, data: _of_word(data, spec, token, mark)
    if is_byte_level(spec):
        return lambda _, data: text_of(data)
    return lambda _, data: _marked(data, mark, spec)


def _spelling(spec: TokenizerSpec, token: int, mark: str) -> str:
    """How a token is spelled that is none of the model's plain ones."""
    data, kind = spec.token_bytes[token], spec.kinds[token]
    if kind in (TokenKind.UNUSED, TokenKind.SPECIAL):
        return _unknown(spec, mark) if token == spec.unk_id else f"<unused {token}>"
    if kind == TokenKind.DECODE_ONLY:
        return _decode_only(data, spec, token)
    if kind == TokenKind.BYTE and not is_byte_level(spec):
        return f"<0x{data[0]:02X}>"
    return _plain_spelling(spec, mark)(token, data)


def _unknown(spec: TokenizerSpec, mark: str) -> str:
    """A name for an unknown token that has none, which text does not produce."""
    if spec.family == "wordpiece":
        return "[UNK]"
    if spec.family == "unigram" and mark and not covers_its_characters(spec, "<unk>"):
        return "<unk token>"  # with a space, where text has marks
    return "<unk>"


def covers_its_characters(spec: TokenizerSpec, *others: str) -> bool:
    """Whether every character of a piece, and of `others`, is a piece (Unigram).

    Then no unknown character competes with a piece.
    """
    normal = np.flatnonzero(spec.model_kinds == TokenKind.NORMAL).tolist()
    data = [spec.token_bytes[token].decode() for token in normal]
    single = {text for text in data if len(text) == 1}
    return all(char in single for text in (*data, *others) if len(text) > 1 for char in text)


def _decode_only(data: bytes, spec: TokenizerSpec, token: int) -> str:
    """Bytes that no text produces: outside the alphabet, or with a real space beside marks."""
    text = data.decode(errors="replace")
    produced = bytes_of(text) is not None if is_byte_level(spec) else " " not in text
    return f"<unused {token}> {text}" if produced else text


def _marked(data: bytes, mark: str, spec: TokenizerSpec) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise refused(spec, f"has the token {data[:40]!r}, which is no text ({error})") from None
    return text.replace(" ", mark) if mark else text


def _of_word(data: bytes, spec: TokenizerSpec, token: int, mark: str) -> str:
    assert spec.continuing is not None
    is_first = not spec.continuing[token]
    text = _marked(data.removeprefix(b" ") if is_first else data, mark, spec)
    if not is_first:
        return CONTINUES + text
    if text.startswith(CONTINUES) and text != CONTINUES:
        raise refused(spec, f"begins words with {text[:60]!r}, which is spelled like what goes on")
    return text


def producible(spec: TokenizerSpec) -> NDArray[np.bool_]:
    """Which ids the model makes of text, not only cuts out or decodes: bool (vocab_size,)."""
    return np.isin(spec.model_kinds, (TokenKind.NORMAL, TokenKind.BYTE))
