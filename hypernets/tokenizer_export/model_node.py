"""The `model` of a tokenizer.json, from a spec: BPE, Unigram, WordPiece, WordLevel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tokkit.files.reading import MAX_TOKEN_BYTES
from tokkit.hypernets.tokenizer_export.nodes import Node
from tokkit.hypernets.tokenizer_export.refusal import refused
from tokkit.hypernets.tokenizer_export.spelling import (
    CONTINUES,
    covers_its_characters,
    is_byte_level,
    producible,
)
from tokkit.text.formats.hugging_face.models import UNK_PENALTY
from tokkit.text.formats.merge_tables import drop_idle_merges
from tokkit.text.segment_models.vocabulary import is_character
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind

_OUT_OF_REACH = 1e6
"""How far below the others a Unigram entry lies that no text may produce."""
_SAME_SCORE = 1e-4
"""SentencePiece rounds to float32 what the library keeps in float64."""


def model_node(spec: TokenizerSpec, texts: Sequence[str], in_model: Sequence[int]) -> Node:
    """The node of a spec's model.

    Args:
        spec: the tokenizer.
        texts: spelling of each id.
        in_model: the ids that the model's vocabulary holds; the others are added tokens.

    Raises:
        UnsupportedError: a setting that the library does not have.
    """
    return _FAMILIES[spec.family](spec, texts, in_model)


def check_family(spec: TokenizerSpec) -> None:
    """Refuse a family for which the library has no model.

    Raises:
        UnsupportedError: it has none.
    """
    if spec.family not in _FAMILIES:
        known = ", ".join(_FAMILIES)
        raise refused(spec, f"is of the family {spec.family!r}, and is none of {known}")


def _bpe(spec: TokenizerSpec, texts: Sequence[str], in_model: Sequence[int]) -> Node:
    held = set(in_model)
    outside = [] if spec.merges is None else _outside(spec.merges, held)
    if outside:
        raise refused(spec, f"merges to the added token {texts[outside[0]]!r}")
    unknown = None if spec.unk_id is None else texts[spec.unk_id]
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": spec.fuse_unk,
        "byte_fallback": _falls_back(spec),
        "ignore_merges": spec.ignore_merges,
        "vocab": {texts[token]: token for token in in_model},
        "merges": merges_in_order(spec, texts),
    }


def _outside(merges: MergeTable, held: set[int]) -> list[int]:
    used = np.unique(np.concatenate((merges.left, merges.right, merges.result)))
    return [token for token in used.tolist() if token not in held]


def _falls_back(spec: TokenizerSpec) -> bool:
    """Whether characters that are no tokens are spelled by bytes."""
    n_bytes = int((spec.kinds == TokenKind.BYTE).sum())
    return n_bytes > 0 and not is_byte_level(spec)


def merges_in_order(spec: TokenizerSpec, texts: Sequence[str]) -> list[list[str]]:
    """Pairs of spellings in the order in which they merge; without those that never do.

    Of several with one result and rank any order does, since at most one ever fires (see
    `tokkit.text.formats.merge_tables`).

    Args:
        spec: a BPE tokenizer.
        texts: spelling of each id.

    Raises:
        UnsupportedError: merges of one rank to different tokens, which no list can order.
    """
    if spec.merges is None:
        return []
    merges = _without_idle(spec, spec.merges)
    _refuse_other_ties(spec, merges, texts)
    # In a run of one character, leftmost first is longest first: what began first is longest.
    sizes = np.array(list(map(len, spec.token_bytes)), dtype=np.int64)[merges.result]
    order = np.lexsort((-sizes, merges.rank))
    pairs = zip(merges.left[order].tolist(), merges.right[order].tolist(), strict=True)
    return [[texts[int(left)], texts[int(right)]] for left, right in pairs]


def _refuse_other_ties(spec: TokenizerSpec, merges: MergeTable, texts: Sequence[str]) -> None:
    """Refuse merges of one rank to different tokens, but for runs of one character.

    Of equal ranks the leftmost in a text goes first, which a list cannot say. Llama's runs of
    spaces are such.
    """
    same = np.flatnonzero(np.diff(merges.rank) == 0)
    for k in same[merges.result[same] != merges.result[same + 1]].tolist():
        results = [int(merges.result[k]), int(merges.result[k + 1])]
        chars = {char for token in results for char in texts[token]}
        if len(chars) > 1:
            one, other = (texts[token][:40] for token in results)
            raise refused(
                spec, f"merges to {one!r} and to {other!r} at the same rank, the leftmost first"
            )


def _without_idle(spec: TokenizerSpec, merges: MergeTable) -> MergeTable:
    """The merges that ever fire: rank files list hundreds of thousands that do not."""
    results = np.flatnonzero(np.bincount(merges.result, minlength=1) > 1).tolist()
    normal = np.flatnonzero(producible(spec)).tolist()
    if is_byte_level(spec):
        pieces = _bytes
        atoms = {spec.token_bytes[i]: i for i in normal if len(spec.token_bytes[i]) == 1}
    else:
        pieces = _characters
        atoms = {
            spec.token_bytes[i]: i
            for i in normal
            if spec.kinds[i] != TokenKind.BYTE and is_character(spec.token_bytes[i])
        }
    units = {t: [atoms.get(unit, -1) for unit in pieces(spec.token_bytes[t])] for t in results}
    known = {token: ids for token, ids in units.items() if min(ids, default=-1) >= 0}
    return drop_idle_merges(merges, known, list(map(len, spec.token_bytes)))


def _bytes(data: bytes) -> list[bytes]:
    return [data[k : k + 1] for k in range(len(data))]


def _characters(data: bytes) -> list[bytes]:
    return [char.encode() for char in data.decode()]


def _unigram(spec: TokenizerSpec, texts: Sequence[str], in_model: Sequence[int]) -> Node:
    """A Unigram model.

    The library finds every entry of the vocabulary in a text, those of control tokens, bytes and
    holes as well. So these score so low that no path takes them, where that is possible: the score
    of an unknown character hangs on the lowest entry, and must then decide nothing.
    """
    assert spec.scores is not None
    if list(in_model) != list(range(len(in_model))):
        raise refused(spec, "is a Unigram model whose ids have holes")
    normal = np.asarray(producible(spec) & (spec.kinds != TokenKind.BYTE))[: len(in_model)]
    scores = spec.scores[: len(in_model)].copy()
    lowest = float(scores[normal].min(initial=0.0))
    if covers_its_characters(spec):
        scores[~normal] = lowest - _OUT_OF_REACH
    else:
        scores[~normal] = max(lowest, 0.0)
        if abs(lowest - UNK_PENALTY - spec.unk_score) > _SAME_SCORE * max(1.0, abs(lowest)):
            raise refused(
                spec,
                f"scores an unknown character {spec.unk_score}, and the tokenizers library "
                f"{lowest - UNK_PENALTY}",
            )
    unknown = spec.unk_id
    if unknown is None and _falls_back(spec):
        # Bytes take the place of every unknown token, but the library wants to know one.
        unknown = int(np.flatnonzero(spec.kinds == TokenKind.BYTE)[0])
    return {
        "type": "Unigram",
        "unk_id": unknown,
        "vocab": [[texts[i], score] for i, score in enumerate(scores.tolist())],
        "byte_fallback": _falls_back(spec),
    }


def _wordpiece(spec: TokenizerSpec, texts: Sequence[str], in_model: Sequence[int]) -> Node:
    assert spec.continuing is not None
    vocab = {texts[token]: token for token in in_model}
    unknown = None if spec.unk_id is None else texts[spec.unk_id]
    if unknown is None or unknown not in vocab:
        raise refused(spec, "has a vocabulary of words without an unknown token")
    if not spec.continuing.any() and spec.max_word_chars >= MAX_TOKEN_BYTES:
        return {"type": "WordLevel", "vocab": vocab, "unk_token": unknown}
    return {
        "type": "WordPiece",
        "unk_token": unknown,
        "continuing_subword_prefix": CONTINUES,
        "max_input_chars_per_word": spec.max_word_chars,
        "vocab": vocab,
    }


_FAMILIES: dict[str, Callable[[TokenizerSpec, Sequence[str], Sequence[int]], Node]] = {
    "bpe": _bpe,
    "bytes": _bpe,
    "unigram": _unigram,
    "wordpiece": _wordpiece,
}
