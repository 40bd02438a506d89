"""SentencePiece `.model` files.

Source: SentencePiece's C++ (`model_interface.cc`, `bpe_model.cc`, `unigram_model.cc`,
`char_model.cc`, `normalizer.cc`); what is noted here was found to hold for version 0.2.3.

- A space is U+2581 in pieces, and a U+2581 in the text counts as a space.
- `add_dummy_prefix` puts a space before every text that is not empty, also before one that begins
  with a space (hence `"always"`).
- Pieces that merge are NORMAL ones; byte pieces come last. User-defined pieces are cut out of the
  normalised text, the space before it included, but in a Unigram model they compete with the others
  by a score that nearly always wins: 0.1 for each byte but the first.
- WORD models look up each word, which begins at a U+2581; what is unknown is so as a whole.
- UNUSED pieces are unknown. In BPE they take part in merges, and are divided again in the way that
  any such piece was made *last in the whole text*; such models are refused.
- The library adds no BOS by itself. By the convention of Llama, Mistral and Gemma, a BPE model with
  byte fallback expects its `bos_id`; tokenizer_config.json beside the file overrules this.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.reading import check_token_sizes
from tokkit.text.formats.hugging_face.added_tokens import is_control_spelling
from tokkit.text.formats.hugging_face.models import UNK_PENALTY
from tokkit.text.formats.hugging_face.special_ids import begin_ids
from tokkit.text.formats.merge_tables import dense_ranks, merges_by_rank
from tokkit.text.formats.sentencepiece import proto
from tokkit.text.formats.sentencepiece.charsmap import read_charsmap
from tokkit.text.formats.sentencepiece.proto import Model, Pieces, parse_model
from tokkit.text.sentencepiece_normalizer import MARK, SentencePieceNormalizer
from tokkit.text.spec import Family, MergeTable, SplitRule, TokenizerSpec, TokenKind

_FAMILIES: dict[int, Family] = {
    proto.UNIGRAM: "unigram",
    proto.BPE: "bpe",
    proto.WORD: "words",
    proto.CHAR: "bpe",
}
_FLOAT = np.finfo(np.float32)
KIND_OF_TYPE = {
    proto.NORMAL: TokenKind.NORMAL,
    proto.UNKNOWN: TokenKind.UNUSED,
    proto.CONTROL: TokenKind.SPECIAL,
    proto.USER_DEFINED: TokenKind.LITERAL,
    proto.UNUSED: TokenKind.UNUSED,
    proto.BYTE: TokenKind.BYTE,
}
"""What the types of pieces mean, in GGUF files too."""


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
        UnsupportedError: a model of which the library makes what no tokens of the text spell.
    """
    model = parse_model(data, name)
    unmarked = _mark_controls(model.pieces)
    if model.kind not in _FAMILIES:
        raise FormatError(f"{name}: model type {model.kind}; expected 1 to 4")
    pieces, mark = model.pieces, MARK if model.escape else ""
    token_bytes, kinds, specials = place_pieces(pieces, name, mark=mark)
    for text, token in pieces.of_type(proto.USER_DEFINED).items() if mark else ():
        if " " in text:  # found in no normalised text, where spaces are marks
            token_bytes[token], kinds[token] = b"", TokenKind.UNUSED
    if model.kind in (proto.UNIGRAM, proto.WORD):
        # User-defined symbols compete with the others, or are words like them.
        kinds[kinds == TokenKind.LITERAL] = TokenKind.NORMAL
    _check_bytes(model, kinds, mark, name)
    unknown = pieces.of_type(proto.UNKNOWN)
    if len(unknown) > 1:
        raise FormatError(f"{name}: {len(unknown)} unknown pieces; expected one")
    expects_bos = model.kind == proto.BPE and model.byte_fallback
    bos = (model.bos_id,) if expects_bos and _is_special(kinds, model.bos_id) else ()
    if config is not None and isinstance(config.get("add_bos_token"), bool):
        bos = begin_ids(config, specials)
    prefixed = model.dummy_prefix and not model.suffix_space
    return TokenizerSpec(
        name=name,
        family=_FAMILIES[model.kind],
        token_bytes=tuple(token_bytes),
        kinds=kinds,
        special_tokens=specials,
        normalizer=_normalizer(model, name),
        prefix_space="always" if prefixed else "never",
        prefix_alone=prefixed and not model.squeeze and len(model.charsmap) > 0,
        bos_ids=bos,
        eos_ids=(model.eos_id,) if _is_special(kinds, model.eos_id) else (),
        unk_id=next(iter(unknown.values()), None),
        fuse_unk=True,
        unmarked_ids=unmarked,
        **_model_fields(model, mark, name),
    )


def _mark_controls(pieces: Pieces) -> tuple[int, ...]:
    """Make control tokens of user-defined pieces that are spelled so; their ids.

    Trainers of chat models add `<|im_start|>` as they would any symbol, and user text that looks
    like it must stay text.
    """
    user_defined = pieces.of_type(proto.USER_DEFINED).items()
    ids = tuple(token for text, token in user_defined if is_control_spelling(text))
    for token in ids:
        pieces.types[token] = proto.CONTROL
    return ids


def _is_special(kinds: NDArray[np.uint8], token_id: int) -> bool:
    return 0 <= token_id < len(kinds) and int(kinds[token_id]) == TokenKind.SPECIAL


def _model_fields(model: Model, mark: str, name: str) -> dict[str, Any]:
    if model.kind == proto.UNIGRAM:
        return unigram_scores(model.pieces)
    if model.kind == proto.WORD:
        # Words begin at each mark, wherever spaces are put, and whether or not they are marked.
        return {"splits": (SplitRule(" [^ ]*" if mark else f"{MARK}[^{MARK}]*"),)}
    if model.kind == proto.CHAR:
        none = np.zeros(0, dtype=np.int32)
        return {"merges": MergeTable(none, none, none, none), "char_units": True}
    return {"merges": spm_merges(model.pieces, name, mark=mark), "char_units": True}


def _check_bytes(model: Model, kinds: NDArray[np.uint8], mark: str, name: str) -> None:
    if not model.byte_fallback:
        return
    if model.kind == proto.WORD:
        raise UnsupportedError(
            f"{name}: a WORD model with byte_fallback, which spells unknown words by the bytes of "
            f"{MARK} and the rest; no bytes of the text are these"
        )
    if (kinds == TokenKind.BYTE).sum() != 256:
        raise FormatError(f"{name}: byte_fallback, but not all of the 256 byte pieces are there")
    if mark and mark not in model.pieces.of_type(proto.NORMAL, proto.USER_DEFINED):
        raise UnsupportedError(
            f"{name}: byte_fallback without a piece for the space, which the library would spell "
            f"by the bytes of {mark}; no bytes of the text are these"
        )


def _normalizer(model: Model, name: str) -> SentencePieceNormalizer | None:
    mapping: dict[str, str] = {}
    if model.charsmap:
        mapping = read_charsmap(model.charsmap, f"{name}: precompiled_charsmap")
    made = SentencePieceNormalizer(
        mapping,
        tuple(model.pieces.of_type(proto.USER_DEFINED)),
        squeeze=model.squeeze,
        marked=model.escape,
        suffix=model.dummy_prefix and model.suffix_space,
    )
    idle = not (mapping or made.symbols or made.squeeze or made.marked or made.suffix)
    return None if idle else made


def place_pieces(
    pieces: Pieces, name: str, *, mark: str = MARK
) -> tuple[list[bytes], NDArray[np.uint8], dict[str, int]]:
    """Bytes and kinds by id, and the control tokens.

    Args:
        pieces: all of them.
        name: for messages.
        mark: what a space is written as in pieces; a real space in a NORMAL one is produced by
            nothing then. Empty: spaces are spaces.

    Raises:
        FormatError: a piece twice, an empty or an overlong piece, a byte piece that names no byte,
            an unknown type.
    """
    texts, types = pieces.texts, pieces.types
    if len(set(texts)) != len(texts):
        raise FormatError(f"{name}: a piece stands twice; expected every piece once")
    check_token_sizes(list(map(len, texts)), name, least=0)
    token_bytes = [(text.replace(mark, " ") if mark else text).encode("utf-8") for text in texts]
    kinds = np.full(len(texts), TokenKind.NORMAL, dtype=np.uint8)
    specials: dict[str, int] = {}
    for token_id, kind in enumerate(types):
        text = texts[token_id]
        if kind not in KIND_OF_TYPE:
            raise FormatError(f"{name}: piece {token_id} has the type {kind}; expected 1 to 6")
        if kind == proto.USER_DEFINED and not text:
            raise FormatError(f"{name}: the user-defined piece {token_id} is empty")
        is_made = kind != proto.NORMAL or (text and not (mark and " " in text))
        kinds[token_id] = KIND_OF_TYPE[kind] if is_made else TokenKind.UNUSED
        if kind == proto.BYTE:
            token_bytes[token_id] = byte_of_piece(text, name)
        elif kind == proto.CONTROL:
            specials[text] = token_id
        if kinds[token_id] in (TokenKind.SPECIAL, TokenKind.UNUSED):
            token_bytes[token_id] = b""
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


def spm_merges(pieces: Pieces, name: str, *, mark: str = MARK) -> MergeTable:
    """All merges among NORMAL pieces, the highest score first.

    Raises:
        UnsupportedError: the library makes a piece from what is no token by itself.
    """
    tokens = {
        text: token
        for text, token in pieces.of_type(proto.NORMAL).items()
        if text and not (mark and " " in text)
    }
    _refuse_unknown_halves(tokens, pieces, name, mark=mark)
    ranks = dense_ranks(np.asarray(pieces.scores, dtype=np.float64))
    return merges_by_rank(tokens, dict(enumerate(map(int, ranks))))


def _refuse_unknown_halves(
    tokens: Mapping[str, int], pieces: Pieces, name: str, *, mark: str
) -> None:
    """Refuse models that merge UNUSED pieces, or characters that are no pieces, to something.

    The library asks only whether two neighbours spell a piece. It divides an UNUSED piece again, in
    a way that depends on all of the text.

    Raises:
        UnsupportedError: it is such a model.
    """
    unused, symbols = pieces.of_type(proto.UNUSED), pieces.of_type(proto.USER_DEFINED)

    @cache
    def makes(text: str) -> bool:
        if len(text) == 1:
            return text not in symbols and not (mark and text == " ")
        if text not in tokens and text not in unused:
            return False
        return any(makes(text[:cut]) and makes(text[cut:]) for cut in range(1, len(text)))

    doubtful = [text for text in tokens if not all(char in tokens for char in text)]
    for text in sorted([*doubtful, *(text for text in unused if len(text) > 1)], key=len):
        if makes(text):
            reason = "is UNUSED (a restricted vocabulary)"
            if text in tokens:
                reason = "holds a character that is no piece by itself"
            raise UnsupportedError(
                f"{name}: the piece {text[:60]!r} of a BPE model {reason}, but the library merges "
                "it all the same; tokkit reads models whose pieces are made of pieces"
            )


def unigram_scores(pieces: Pieces) -> dict[str, Any]:
    """The spec's Unigram fields.

    User-defined pieces score 0.1 for each byte but the first, in float32 (found by experiment with
    version 0.2.3; in 0.2.0 it was -0.1 in most models).
    """
    scores = np.asarray(pieces.scores, dtype=np.float64)
    types = np.asarray(pieces.types)
    normal = scores[types == proto.NORMAL].astype(np.float32)
    lowest = np.float32(normal.min(initial=_FLOAT.max))
    for token in np.flatnonzero(types == proto.USER_DEFINED).tolist():
        scores[token] = np.float32(len(pieces.texts[token].encode()) * 0.1 - 0.1)
    return {
        "scores": scores,
        "unk_score": float(np.float32(lowest - np.float32(UNK_PENALTY))),
        "float32_paths": True,
    }
