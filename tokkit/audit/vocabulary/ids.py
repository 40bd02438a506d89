"""Ids that are not what they seem: several with the same bytes, renumbered, without a token."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

import numpy as np

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.vocabulary import ADDED_WORD, DUPLICATE_TOKEN, RENUMBERED_TOKEN, UNUSED_ID
from tokkit.audit.vocabulary.showing import decoded, examples
from tokkit.report.wording import plural
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

_N_WITNESSES = 4
_WORD_LETTERS = 2


def id_findings(tokenizer: TextTokenizer) -> Iterator[Finding]:
    """What is odd about ids, rule by rule."""
    yield from _duplicates(tokenizer)
    yield from _renumbered(tokenizer)
    yield from _unused(tokenizer)
    yield from _added_words(tokenizer)


def duplicate_groups(tokenizer: TextTokenizer) -> list[tuple[int, ...]]:
    """Ids that stand for the same bytes in the same way, at least two each.

    Tokens of byte fallback are apart: that a character has a token and its byte one, too, is by
    design. So are WordPiece's beginnings and continuations of words.
    """
    spec = tokenizer.spec
    groups: dict[tuple[bytes, bool, bool], list[int]] = defaultdict(list)
    is_fallback = (spec.kinds == TokenKind.BYTE).tolist()
    for token, data in enumerate(spec.token_bytes):
        if not data:  # control tokens and holes
            continue
        continuing = spec.continuing is not None and bool(spec.continuing[token])
        groups[data, is_fallback[token], continuing].append(token)
    return [tuple(ids) for ids in groups.values() if len(ids) > 1]


def _duplicates(tokenizer: TextTokenizer) -> Iterator[Finding]:
    groups = duplicate_groups(tokenizer)
    if not groups:
        return
    twin = {second: first for first, second, *_ in groups[:_N_WITNESSES]}
    yield Finding(
        DUPLICATE_TOKEN,
        f"{plural(len(groups), 'string')} of bytes with more than one id, as "
        f"{examples(tokenizer, groups[0])} with the ids {' and '.join(map(str, groups[0][:3]))}.",
        len(groups),
        tuple(sorted(chain(*groups))),
        decoded(tokenizer, twin, lambda token: f"the same as id {twin[token]}"),
    )


def _renumbered(tokenizer: TextTokenizer) -> Iterator[Finding]:
    moved = tokenizer.spec.runtime_ids
    if not moved:
        return
    declared = sorted(moved)
    first = declared[0]
    yield Finding(
        RENUMBERED_TOKEN,
        f"{plural(len(moved), 'token')} declared at one id and read at another by the tokenizers "
        f"library, as id {first}, which it places at {moved[first]}.",
        len(moved),
        tuple(token for token in declared if token < tokenizer.vocab_size),
        (Witness("load", note=f"id {first} of the file is id {moved[first]} there"),),
    )


def _unused(tokenizer: TextTokenizer) -> Iterator[Finding]:
    unused = np.flatnonzero(tokenizer.spec.kinds == TokenKind.UNUSED).tolist()
    if unused:
        yield Finding.of(
            UNUSED_ID,
            f"{plural(len(unused), 'id')} of {tokenizer.vocab_size:,} that no text produces, "
            "control tokens aside.",
            unused,
            [Witness("decode", ids=(unused[0],), result=b"", note="stands for nothing")],
        )


def _added_words(tokenizer: TextTokenizer) -> Iterator[Finding]:
    """Literals of letters, where a longer word that holds one is cut."""
    spec = tokenizer.spec
    words: list[int] = []
    witnesses: list[Witness] = []
    for token in np.flatnonzero(spec.kinds == TokenKind.LITERAL).tolist():
        text = spec.token_bytes[token].decode(errors="replace")
        if len(text) < _WORD_LETTERS or not (text.isalpha() and text.isascii()):
            continue
        inside = f"un{text}ly"
        ids = ids_or_none(tokenizer, inside)
        if ids is not None and token in ids:
            words.append(token)
            witnesses.append(Witness("encode", inside.encode(), ids, note=f"cut around '{text}'"))
    if words:
        yield Finding.of(
            ADDED_WORD,
            f"{plural(len(words), 'added token')} spelt like words and cut out of longer ones, as "
            f"{examples(tokenizer, words)}.",
            words,
            witnesses[:_N_WITNESSES],
        )
