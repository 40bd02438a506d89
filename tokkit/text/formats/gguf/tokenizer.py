"""The tokenizer in a GGUF file's metadata.

`gpt2` is byte-level BPE, `llama` SentencePiece BPE, `t5` Unigram, `bert` WordPiece, `rwkv`
RWKV's world vocabulary. Source: llama.cpp, `src/llama-vocab.cpp`. Notes:

- Conversion loses the pretokenizer; only a name is left (`tokenizer.ggml.pre`). The patterns come
  from `patterns`, among them SmolLM2's single digits. For `llama` the name means nothing.
- Token types: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Normal tokens of
  `gpt2` are written in the GPT-2 byte alphabet, user-defined and control tokens as they are.
- `add_space_prefix` is on for `llama` and `t5` unless the file says otherwise, without conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.gguf_headers import read_metadata
from tokkit.files.reading import MAX_VOCAB_SIZE, check_token_sizes, decode_utf8
from tokkit.text.formats import byte_alphabet
from tokkit.text.formats.gguf.pretokenizers import gguf_pretokenizer
from tokkit.text.formats.gguf.wordpiece import wordpiece_spec
from tokkit.text.formats.hugging_face.added_tokens import is_control_spelling
from tokkit.text.formats.hugging_face.models import HfModel, drop_merges_of, read_bpe_merges
from tokkit.text.formats.rwkv import escaped_bytes, greedy_spec
from tokkit.text.formats.sentencepiece.charsmap import CharsMap, read_charsmap
from tokkit.text.formats.sentencepiece.model_file import (
    KIND_OF_TYPE,
    place_pieces,
    spm_merges,
    unigram_scores,
)
from tokkit.text.formats.sentencepiece.proto import UNKNOWN, Pieces
from tokkit.text.normalizers import SpaceMark, SqueezeSpaces, chain, library_normalizer
from tokkit.text.spec import Normalizer, TokenizerSpec, TokenKind

_PREFIX = "tokenizer.ggml."
_ROLES = (
    *(f"{role}_token_id" for role in ("bos", "eos", "eot", "eom", "padding", "cls", "mask")),
    *("seperator_token_id", "separator_token_id"),
    *(f"fim_{part}_token_id" for part in ("pre", "suf", "mid", "pad", "rep", "sep")),
)
"""Keys of the metadata that name control tokens."""


class _Metadata:
    """Typed access to `tokenizer.ggml.*`."""

    def __init__(self, values: dict[str, Any], name: str) -> None:
        self.values = values
        self.name = name

    def get(self, key: str, kind: type[Any], default: Any) -> Any:
        """The value of a key, checked to be of `kind`, or `default` where it is absent."""
        value = self.values.get(_PREFIX + key)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise FormatError(
                f"{self.name}: {_PREFIX}{key} is of type {type(value).__name__}; "
                f"expected {kind.__name__}"
            )
        return value

    def strings(self, key: str) -> list[str]:
        """An array of strings."""
        raw: list[bytes] = self.get(key, list, [])
        try:
            return [item.decode("utf-8") for item in raw]
        except UnicodeDecodeError:
            where = f"{self.name}: {_PREFIX}{key}"
            return [decode_utf8(item, where) for item in raw]


def read_gguf(path: Path, name: str) -> TokenizerSpec:
    """Read the tokenizer of a GGUF file. Tensors are not touched.

    Raises:
        FormatError: damaged, contradictory, or without a tokenizer.
        UnsupportedError: a kind of tokenizer or a pretokenizer that tokkit does not know.
    """
    meta = _Metadata(read_metadata(path, lambda key: key.startswith(_PREFIX)), name)
    model = meta.get("model", str, None)
    if model is None:
        raise FormatError(f"{name}: no {_PREFIX}model; this GGUF file holds no tokenizer")
    if model not in GGUF_MODELS:
        raise UnsupportedError(
            f"{name}: {_PREFIX}model is {model[:60]!r}; tokkit reads {', '.join(GGUF_MODELS)}"
        )
    texts = meta.strings("tokens")
    if not texts or len(texts) > MAX_VOCAB_SIZE:
        raise FormatError(f"{name}: {_PREFIX}tokens holds {len(texts):,} tokens")
    types = _numbers(meta, "token_type", len(texts), default=1)
    unmarked = _unmarked_controls(meta, texts, types)
    types = types.copy()
    types[unmarked] = 3
    spec = GGUF_MODELS[model](meta, texts, types)
    return replace(spec, unmarked_ids=tuple(unmarked))


def _numbers(meta: _Metadata, key: str, count: int, default: float) -> NDArray[Any]:
    values = meta.get(key, np.ndarray, None)
    if values is None:
        return np.full(count, default)
    if len(values) != count:
        raise FormatError(
            f"{meta.name}: {_PREFIX}{key} has {len(values):,} entries for {count:,} tokens"
        )
    if not np.isfinite(values).all():
        raise FormatError(f"{meta.name}: {_PREFIX}{key} holds a number that is not finite")
    return values


def _unmarked_controls(meta: _Metadata, texts: list[str], types: NDArray[Any]) -> list[int]:
    """Control tokens that the file declares as user-defined text, as Gemma's `<start_of_image>`.

    The same model's tokenizer.json marks it, and user text that looks like it must stay text. Such
    a token is known by its spelling, or by the part that the file gives it (`eot_token_id`).
    """
    named = set(_ids(meta, _ROLES, len(texts)))
    return [
        token_id
        for token_id in np.flatnonzero(types == 4).tolist()
        if token_id in named or is_control_spelling(texts[token_id])
    ]


def _ids(meta: _Metadata, keys: tuple[str, ...], size: int) -> tuple[int, ...]:
    ids: list[int] = []
    for key in keys:
        value = meta.get(key, int, None)
        if value is None or value == 0xFFFFFFFF:
            continue
        if not 0 <= value < size:
            raise FormatError(f"{meta.name}: {_PREFIX}{key} is {value}; there are {size:,} ids")
        ids.append(value)
    return tuple(dict.fromkeys(ids))


def _begin_and_end(meta: _Metadata, size: int, *, adds_bos: bool) -> dict[str, Any]:
    adds_bos = meta.get("add_bos_token", bool, adds_bos)
    return {
        "bos_ids": _ids(meta, ("bos_token_id",), size) if adds_bos else (),
        "eos_ids": _ids(meta, ("eos_token_id", "eot_token_id"), size),
    }


def _byte_level(meta: _Metadata, texts: list[str], types: NDArray[Any]) -> TokenizerSpec:
    name = meta.name
    pre = gguf_pretokenizer(meta.get("pre", str, "default"), name)
    token_bytes = [b""] * len(texts)
    kinds = np.full(len(texts), TokenKind.UNUSED, dtype=np.uint8)
    specials: dict[str, int] = {}
    for token_id, (text, kind) in enumerate(zip(texts, types.tolist(), strict=True)):
        if kind == 1:
            data, in_text = byte_alphabet.bytes_of(text), TokenKind.NORMAL
            if data is None:
                data, in_text = text.encode("utf-8"), TokenKind.DECODE_ONLY
            if data:
                token_bytes[token_id], kinds[token_id] = data, in_text
        elif kind == 3:
            specials[text] = token_id
            kinds[token_id] = TokenKind.SPECIAL
        elif kind == 4 and text:
            token_bytes[token_id], kinds[token_id] = text.encode("utf-8"), TokenKind.LITERAL
        elif kind not in KIND_OF_TYPE:
            raise FormatError(f"{name}: token {token_id} has the type {kind}; expected 1 to 6")
    sizes = list(map(len, token_bytes))
    check_token_sizes(sizes, name, least=0)
    if 1 not in sizes:
        raise FormatError(f"{name}: byte-level BPE without a token for any single byte")
    ids = {text: i for i, text in enumerate(texts) if types[i] not in (2, 5)}
    pairs = [_merge_pair(text, name) for text in meta.strings("merges")]
    if not pairs:
        raise FormatError(f"{name}: no {_PREFIX}merges; expected the merges of a BPE")
    model = HfModel("bpe", ids, f"{name}: {_PREFIX}", merges=pairs)
    drop_merges_of(model, kinds)
    prefixed = meta.get("add_space_prefix", bool, False)
    return TokenizerSpec(
        name=name,
        family="bpe",
        token_bytes=tuple(token_bytes),
        kinds=kinds,
        special_tokens=specials,
        merges=read_bpe_merges(model, token_bytes, chars=False),
        ignore_merges=pre.ignore_merges,
        normalizer=library_normalizer("NFC") if pre.nfc else None,
        splits=pre.splits,
        prefix_space="always" if prefixed else "never",
        **_begin_and_end(meta, len(texts), adds_bos=pre.adds_bos),
    )


def _merge_pair(text: str, name: str) -> tuple[str, str]:
    left, _, right = text.partition(" ")
    if not left or not right:
        raise FormatError(f"{name}: the merge {text[:80]!r}; expected two tokens and a space")
    return left, right


def _wordpiece(meta: _Metadata, texts: list[str], types: NDArray[Any]) -> TokenizerSpec:
    spec = wordpiece_spec(
        texts,
        types.tolist(),
        name=meta.name,
        unknown_id=meta.get("unknown_token_id", int, None),
        lowercase=meta.get("normalizer.lowercase", bool, None),
        strip_accents=meta.get("normalizer.strip_accents", bool, None),
    )
    adds_bos = meta.get("add_bos_token", bool, True)
    keys = ("bos_token_id", "cls_token_id")
    return replace(spec, bos_ids=_ids(meta, keys, len(texts))[:1] if adds_bos else ())


def _greedy(meta: _Metadata, texts: list[str], types: NDArray[Any]) -> TokenizerSpec:
    """RWKV: normal tokens are written as in a bytes literal of Python."""
    tokens = {
        token_id: escaped_bytes(text, f"{meta.name}: token {token_id}", of_bytes=True)
        for token_id, text in enumerate(texts)
        if types[token_id] in (1, 4)
    }
    specials = {text: i for i, text in enumerate(texts) if types[i] == 3}
    return greedy_spec(tokens, specials, name=meta.name, size=len(texts))


def _sentencepiece(
    meta: _Metadata, texts: list[str], types: NDArray[Any], *, unigram: bool = False
) -> TokenizerSpec:
    scores = _numbers(meta, "scores", len(texts), default=0.0).tolist()
    pieces = Pieces(texts, scores, types.tolist())
    _number_holes(pieces)
    token_bytes, kinds, specials = place_pieces(pieces, meta.name)
    fields: dict[str, Any]
    if unigram:
        unknown = pieces.of_type(UNKNOWN).values()
        fields = {"unk_id": next(iter(unknown), None), "fuse_unk": True} | unigram_scores(pieces)
    else:
        fields = {"merges": spm_merges(pieces, meta.name), "char_units": True}
    return TokenizerSpec(
        name=meta.name,
        family="unigram" if unigram else "bpe",
        token_bytes=tuple(token_bytes),
        kinds=kinds,
        special_tokens=specials,
        normalizer=_normalizer(meta, unigram=unigram),
        prefix_space="always" if meta.get("add_space_prefix", bool, True) else "never",
        **_begin_and_end(meta, len(texts), adds_bos=not unigram),
        **fields,
    )


def _number_holes(pieces: Pieces) -> None:
    """Converters fill holes with equal texts (`[PAD...]`, empty); give each its own."""
    for token_id, kind in enumerate(pieces.types):
        if kind == 5:
            pieces.texts[token_id] = f"<unused at {token_id}>"


def _normalizer(meta: _Metadata, *, unigram: bool) -> Normalizer | None:
    steps: list[Normalizer] = []
    blob = meta.get("precompiled_charsmap", np.ndarray, None)
    if unigram and blob is not None and len(blob):
        where = f"{meta.name}: {_PREFIX}precompiled_charsmap"
        steps.append(CharsMap(read_charsmap(blob.tobytes(), where)))
    if unigram and meta.get("remove_extra_whitespaces", bool, False):
        steps.append(SqueezeSpaces())
    steps.append(SpaceMark())
    return chain(steps)


GGUF_MODELS: dict[str, Callable[[_Metadata, list[str], NDArray[Any]], TokenizerSpec]] = {
    "gpt2": _byte_level,
    "llama": _sentencepiece,
    "t5": partial(_sentencepiece, unigram=True),
    "bert": _wordpiece,
    "rwkv": _greedy,
}
"""By `tokenizer.ggml.model`."""
