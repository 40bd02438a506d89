"""The merges are those that training made, in its order, whatever a file's ranks say."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from tokkit.mixture.merges.merge_list import merge_list
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz"
RUNS = {4: 2, 8: 4, 9: 3}
"""Tokens of spaces: length -> number in the list of what is made."""


def sentencepiece_like(*, moved: bool) -> TokenizerSpec:
    """Pairs of letters, and among the first of them runs of spaces; `moved` ranks these last."""
    units = [" ", "é", *LETTERS]
    made = ["  ", *("".join(pair) for pair in product(LETTERS, repeat=2))]
    for length, place in sorted(RUNS.items(), key=lambda run: run[1]):
        made.insert(place, " " * length)
    tokens = units + made
    ids = {token: k for k, token in enumerate(tokens)}
    rows: list[tuple[int, int, int, int]] = []
    for token in made:
        rank = len(tokens) if moved and not token.strip() else ids[token]
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ids and right in ids:
                rows.append((ids[left], ids[right], ids[token], rank))
    return TokenizerSpec(
        name="toy",
        family="bpe",
        token_bytes=tuple(token.encode() for token in tokens),
        kinds=np.zeros(len(tokens), dtype=np.uint8),
        merges=MergeTable(*np.array(rows, dtype=np.int32).T.copy()),
        char_units=True,
    )


def test_scores_changed_after_training_do_not_move_merges() -> None:
    spelt = merge_list(TextTokenizer(sentencepiece_like(moved=True))).spelt()
    assert spelt == merge_list(TextTokenizer(sentencepiece_like(moved=False))).spelt()
    assert spelt[0] == (b" ", b" ") and (b"    ", b"    ") in spelt[:6]


def test_ids_in_no_order_say_nothing() -> None:
    spec = sentencepiece_like(moved=False)
    assert spec.merges is not None
    turned = replace(spec, merges=replace(spec.merges, rank=2000 - spec.merges.rank))
    made = merge_list(TextTokenizer(turned)).pairs[:, 2]
    assert (np.diff(made) < 0).all()


def test_tokens_cut_out_beforehand_were_not_merged() -> None:
    spec = sentencepiece_like(moved=False)
    cut = spec.token_bytes.index(b"ab")
    kinds = spec.kinds.copy()
    kinds[cut] = TokenKind.LITERAL
    left = merge_list(TextTokenizer(replace(spec, kinds=kinds)))
    assert cut not in left.pairs[:, 2]
    assert len(left) == len(merge_list(TextTokenizer(spec))) - 1
