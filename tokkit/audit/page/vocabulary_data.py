"""The vocabulary and its model as streams: spellings, kinds, merge trees, scores.

Spellings are sorted and front-coded (what each shares with the one before it, and the rest), with
the order of the ids beside them: for 200,000 tokens that is a sixth smaller than spellings in order
of their ids. Of the merges only those are kept that can ever fire, one for each token that merges
reach (`BpeModel.merge_trees`): the encoding is the same without the others, since a merge that
fires has made its token, and a token has one tree (`tokkit.kernels.bpe.merge_forest`). Such a merge
is the length of its left half, and its place in the order of ranks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from tokkit.audit.page.streams import Streams, shared_length
from tokkit.audit.part import TokenStatus
from tokkit.text.segment_models.bpe import BpeModel
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer


def add_vocabulary(
    streams: Streams, tokenizer: TextTokenizer, *, with_scores: bool = True
) -> dict[str, Any]:
    """Add the streams of all tokens; scores are what only the live tokenizer needs.

    Returns:
        What of the model is no stream: its family, flags and few numbers, for JSON.
    """
    spec = tokenizer.spec
    order = sorted(range(spec.vocab_size), key=lambda token: (spec.token_bytes[token], token))
    _add_spellings(streams, [spec.token_bytes[token] for token in order])
    streams.add_planes("order", np.array(order, dtype=np.int64), width=3)
    streams.add_bytes("kinds", spec.kinds.tobytes())
    about: dict[str, Any] = {"family": spec.family, "size": spec.vocab_size}
    if spec.family == "bpe":
        about |= {"ignoreMerges": spec.ignore_merges, "charUnits": spec.char_units}
        _add_merges(streams, tokenizer, order)
    elif spec.family == "unigram" and spec.scores is not None:
        about |= {"unkScore": spec.unk_score, "singlePrecision": spec.float32_paths}
        if with_scores:
            streams.add_floats("scores", spec.scores.astype(np.float64))
    elif spec.family == "wordpiece" and spec.continuing is not None:
        about |= {"maxWordChars": spec.max_word_chars}
        streams.add_bytes("continuing", spec.continuing.astype(np.uint8).tobytes())
    return about


def _add_spellings(streams: Streams, spellings: list[bytes]) -> None:
    shared = [shared_length(*pair) for pair in pairwise([b"", *spellings])]
    rests = [spelling[n:] for spelling, n in zip(spellings, shared, strict=True)]
    streams.add_varints("shared", shared)
    streams.add_varints("restLengths", map(len, rests))
    streams.add_bytes("rests", b"".join(rests))


def _add_merges(streams: Streams, tokenizer: TextTokenizer, order: list[int]) -> None:
    model = tokenizer.model
    assert isinstance(model, BpeModel), "the family is bpe"
    trees = model.merge_trees()
    lengths = np.fromiter(map(len, tokenizer.spec.token_bytes), dtype=np.int64)
    # 0: no tree; 1: a unit, from which merges start; else 1 + the length of the left half.
    split = np.zeros(tokenizer.vocab_size, dtype=np.int64)
    split[model.units()] = 1
    split[trees.result] = 1 + lengths[trees.left]
    streams.add_varints("splits", split[order].tolist())
    by_rank = np.lexsort((trees.result, trees.rank))
    streams.add_differences("mergeOrder", trees.result[by_rank].tolist())
    ties = np.flatnonzero(np.diff(trees.rank[by_rank]) == 0) + 1
    streams.add_differences("mergeTies", ties.tolist())


def add_status(streams: Streams, tokens: TokenStatus | None, tokenizer: TextTokenizer) -> list[str]:
    """Add what the audit says of each token, as indices into a list of words.

    Returns:
        The list: status words and reasons, in the order in which they first occur. Without
        `tokens`, a token that is not the model's own is named for its kind.
    """
    names: dict[str, int] = {}
    if tokens is None:
        status = tuple(TokenKind(kind).name.lower() for kind in tokenizer.spec.kinds.tolist())
        reasons: tuple[str, ...] = ("",) * len(status)
        witnesses: tuple[bytes | None, ...] = (None,) * len(status)
    else:
        status, reasons, witnesses = tokens.status, tokens.reason, tokens.witness
    streams.add_varints("status", [names.setdefault(word, len(names)) for word in status])
    streams.add_varints("reasons", [names.setdefault(word, len(names)) for word in reasons])
    _add_witnesses(streams, witnesses, tokenizer)
    return list(names)


def _add_witnesses(
    streams: Streams, witnesses: tuple[bytes | None, ...], tokenizer: TextTokenizer
) -> None:
    """0: none; 1: the token's own bytes; else 2 + the length of a text that follows."""
    marks: list[int] = []
    texts: list[bytes] = []
    for token, witness in enumerate(witnesses):
        if witness is None:
            marks.append(0)
        elif witness == tokenizer.spec.token_bytes[token]:
            marks.append(1)
        else:
            marks.append(2 + len(witness))
            texts.append(witness)
    streams.add_varints("witnesses", marks)
    streams.add_bytes("witnessTexts", b"".join(texts))
