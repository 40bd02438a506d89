"""SentencePiece `.model` files: BPE and Unigram.

Source: `sentencepiece_model.proto` and `bpe_model.cc`, `unigram_model.cc`, `normalizer.cc` of
SentencePiece 0.2. Notes on what the library does:

- A space is U+2581 in pieces, and a U+2581 in the text counts as a space.
- `add_dummy_prefix` puts a space before every text that is not empty, also before one that begins
  with a space (hence `"always"`).
- Pieces that merge are NORMAL ones; user-defined pieces are cut out first, byte pieces come last.
- The library adds no BOS by itself. By the convention of Llama, Mistral and Gemma, a BPE model with
  byte fallback expects its `bos_id`; tokenizer_config.json beside the file overrules this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.text.formats import protobuf
from tokkit.text.formats.charsmap import CharsMap, growth, read_charsmap
from tokkit.text.formats.files import MAX_TOKEN_BYTES, MAX_VOCAB_BYTES, MAX_VOCAB_SIZE, decode_utf8
from tokkit.text.formats.hf_models import UNK_PENALTY
from tokkit.text.formats.hf_special_ids import begin_ids
from tokkit.text.formats.merge_tables import dense_ranks, merges_by_rank
from tokkit.text.normalizers import MAX_GROWTH, SpaceMark, SqueezeSpaces, chain, protect
from tokkit.text.spec import MergeTable, Normalizer, TokenizerSpec, TokenKind

MARK = "\u2581"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
_UNIGRAM, _BPE = 1, 2
_MODEL_NAMES = {1: "UNIGRAM", 2: "BPE", 3: "WORD", 4: "CHAR"}


@dataclass
class Pieces:
    """The pieces of a model, by id: spelling (with U+2581), score, and type as in the proto."""

    texts: list[str] = field(default_factory=list[str])
    scores: list[float] = field(default_factory=list[float])
    types: list[int] = field(default_factory=list[int])


@dataclass
class _Model:
    pieces: Pieces = field(default_factory=Pieces)
    kind: int = _UNIGRAM
    bos_id: int = 1
    eos_id: int = 2
    byte_fallback: bool = False
    suffix_space: bool = False
    charsmap: bytes = b""
    dummy_prefix: bool = True
    squeeze: bool = True
    escape: bool = True


def read_sentencepiece(
    data: bytes, name: str, config: Mapping[str, object] | None = None
) -> TokenizerSpec:
    """Read a `.model` file.

    Args:
        data: the file.
        name: for messages.
        config: tokenizer_config.json beside it.

    Raises:
        FormatError: truncated, damaged, or contradictory.
        UnsupportedError: a WORD or CHAR model, or spaces written as suffixes or left as they are.
    """
    model = _parse(data, name)
    if model.kind not in (_UNIGRAM, _BPE):
        raise UnsupportedError(
            f"{name}: model type {_MODEL_NAMES.get(model.kind, model.kind)}; "
            "tokkit reads BPE and UNIGRAM"
        )
    if model.suffix_space or not model.escape:
        raise UnsupportedError(
            f"{name}: treat_whitespace_as_suffix, or escape_whitespaces off; tokkit reads models "
            "that mark the space before a word"
        )
    token_bytes, kinds, specials = place_pieces(model.pieces, name)
    if model.byte_fallback and (kinds == TokenKind.BYTE).sum() != 256:
        raise FormatError(f"{name}: byte_fallback, but not all of the 256 byte pieces are there")
    fields: dict[str, Any]
    if model.kind == _BPE:
        fields = {"merges": spm_merges(model.pieces, name), "char_units": True}
    else:
        fields = unigram_scores(model.pieces)
    expects_bos = model.kind == _BPE and model.byte_fallback
    bos = (model.bos_id,) if expects_bos and _is_special(kinds, model.bos_id) else ()
    if config is not None and isinstance(config.get("add_bos_token"), bool):
        bos = begin_ids(config, specials)
    return TokenizerSpec(
        name=name,
        family="bpe" if model.kind == _BPE else "unigram",
        token_bytes=tuple(token_bytes),
        kinds=kinds,
        special_tokens=specials,
        normalizer=_normalizer(model, name),
        prefix_space="always" if model.dummy_prefix else "never",
        bos_ids=bos,
        eos_ids=(model.eos_id,) if _is_special(kinds, model.eos_id) else (),
        **fields,
    )


def _is_special(kinds: NDArray[np.uint8], token_id: int) -> bool:
    return 0 <= token_id < len(kinds) and int(kinds[token_id]) == TokenKind.SPECIAL


def _parse(data: bytes, name: str) -> _Model:
    model = _Model()
    for number, wire, value in protobuf.fields(data, name):
        if number not in (1, 2, 3):
            continue
        if not isinstance(value, bytes) or wire != protobuf.BYTES:
            raise FormatError(f"{name}: field {number} is no message; not a SentencePiece model")
        if number == 1:
            _parse_piece(value, model.pieces, name)
        elif number == 2:
            _parse_trainer(value, model, name)
        else:
            _parse_normalizer(value, model, name)
    if not model.pieces.texts:
        raise FormatError(f"{name}: no pieces; expected a SentencePiece model with a vocabulary")
    return model


def _parse_piece(message: bytes, pieces: Pieces, name: str) -> None:
    text, score, kind = b"", 0.0, NORMAL
    size = message[1] + 2 if len(message) > 1 else 0
    if size < 130 and len(message) == size + 5 and message[0] == 0x0A and message[size] == 0x15:
        # The shape of nearly all pieces: a short text, a score, and the default type.
        text, score, message = message[2:size], protobuf.float32(message[size + 1 :]), b""
    where = f"{name}: piece {len(pieces.texts)}"
    for number, wire, value in protobuf.fields(message, where):
        if number == 1 and isinstance(value, bytes) and wire == protobuf.BYTES:
            text = value
        elif number == 2 and isinstance(value, bytes) and wire == protobuf.FIXED32:
            score = protobuf.float32(value)
        elif number == 3 and isinstance(value, int):
            kind = value
    if len(pieces.texts) >= MAX_VOCAB_SIZE:
        raise FormatError(f"{name}: more than {MAX_VOCAB_SIZE:,} pieces")
    if not math.isfinite(score):
        raise FormatError(f"{where}: the score {score}; expected a finite number")
    pieces.texts.append(decode_utf8(text, where))
    pieces.scores.append(score)
    pieces.types.append(kind)


def _parse_trainer(message: bytes, model: _Model, name: str) -> None:
    for number, _, value in protobuf.fields(message, f"{name}: trainer_spec"):
        if not isinstance(value, int):
            continue
        if number == 3:
            model.kind = value
        elif number == 24:
            model.suffix_space = bool(value)
        elif number == 35:
            model.byte_fallback = bool(value)
        elif number == 41:
            model.bos_id = protobuf.signed(value)
        elif number == 42:
            model.eos_id = protobuf.signed(value)


def _parse_normalizer(message: bytes, model: _Model, name: str) -> None:
    for number, _, value in protobuf.fields(message, f"{name}: normalizer_spec"):
        if number == 2 and isinstance(value, bytes):
            model.charsmap = value
        elif isinstance(value, int):
            if number == 3:
                model.dummy_prefix = bool(value)
            elif number == 4:
                model.squeeze = bool(value)
            elif number == 5:
                model.escape = bool(value)


def _normalizer(model: _Model, name: str) -> Normalizer | None:
    steps: list[Normalizer] = []
    if model.charsmap:
        mapping = read_charsmap(model.charsmap, f"{name}: precompiled_charsmap")
        if growth(mapping) > MAX_GROWTH:
            raise FormatError(
                f"{name}: precompiled_charsmap makes text {growth(mapping):,.0f} times longer; "
                f"expected at most {MAX_GROWTH:.0f}"
            )
        pieces = zip(model.pieces.texts, model.pieces.types, strict=True)
        user = [text for text, kind in pieces if kind == USER_DEFINED]
        steps.append(protect(CharsMap(mapping), user))
    if model.squeeze:
        steps.append(SqueezeSpaces())
    steps.append(SpaceMark(MARK))
    return chain(steps)


def place_pieces(
    pieces: Pieces, name: str
) -> tuple[list[bytes], NDArray[np.uint8], dict[str, int]]:
    """Bytes and kinds by id, and the control tokens.

    Raises:
        FormatError: a piece twice, an empty or an overlong piece, a byte piece that names no byte,
            an unknown type.
    """
    texts, types = pieces.texts, pieces.types
    if len(set(texts)) != len(texts):
        raise FormatError(f"{name}: a piece stands twice; expected every piece once")
    if sum(map(len, texts)) > MAX_VOCAB_BYTES or max(map(len, texts)) > MAX_TOKEN_BYTES:
        raise FormatError(f"{name}: a piece, or all of them together, are too long")
    token_bytes = [text.replace(MARK, " ").encode("utf-8") for text in texts]
    kinds = np.full(len(texts), TokenKind.NORMAL, dtype=np.uint8)
    specials: dict[str, int] = {}
    for token_id, kind in enumerate(types):
        if kind == NORMAL:
            # A piece with a real space is produced by nothing: spaces are marked.
            if " " in texts[token_id] or not texts[token_id]:
                token_bytes[token_id], kinds[token_id] = b"", TokenKind.UNUSED
        elif kind == USER_DEFINED:
            if not texts[token_id]:
                raise FormatError(f"{name}: the user-defined piece {token_id} is empty")
            kinds[token_id] = TokenKind.LITERAL
        elif kind == BYTE:
            token_bytes[token_id] = byte_of_piece(texts[token_id], name)
            kinds[token_id] = TokenKind.BYTE
        elif kind == CONTROL:
            specials[texts[token_id]] = token_id
            token_bytes[token_id], kinds[token_id] = b"", TokenKind.SPECIAL
        elif kind in (UNKNOWN, UNUSED):
            token_bytes[token_id], kinds[token_id] = b"", TokenKind.UNUSED
        else:
            raise FormatError(f"{name}: piece {token_id} has the type {kind}; expected 1 to 6")
    return token_bytes, kinds, specials


def byte_of_piece(text: str, name: str) -> bytes:
    """The byte of `<0xXX>`.

    Raises:
        FormatError: it is not of that form.
    """
    digits = text[3:5]
    try:
        if len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
            return bytes.fromhex(digits)
    except ValueError:
        pass
    raise FormatError(f"{name}: the byte piece {text[:60]!r}; expected the form <0xXX>")


def spm_merges(pieces: Pieces, name: str) -> MergeTable:
    """All merges among NORMAL pieces, the highest score first.

    Raises:
        UnsupportedError: an UNUSED piece takes part, which the library merges and splits again.
    """
    tokens: dict[str, int] = {}
    unused = False
    for token_id, (text, kind) in enumerate(zip(pieces.texts, pieces.types, strict=True)):
        if kind == NORMAL and " " not in text:
            tokens[text] = token_id
        unused |= kind == UNUSED and len(text) > 1 and text[0] != "<"
    if unused:
        raise UnsupportedError(f"{name}: UNUSED pieces in a BPE model (a restricted vocabulary)")
    ranks = dense_ranks(np.asarray(pieces.scores, dtype=np.float64))
    return merges_by_rank(tokens, dict(enumerate(map(int, ranks))))


def unigram_scores(pieces: Pieces) -> dict[str, Any]:
    """The spec's Unigram fields."""
    scores = np.asarray(pieces.scores, dtype=np.float64)
    normal = scores[np.asarray(pieces.types) == NORMAL]
    lowest = float(normal.min()) if len(normal) else 0.0
    return {
        "scores": scores,
        "unk_score": float(np.float32(lowest - UNK_PENALTY)),
        "float32_paths": True,
    }
