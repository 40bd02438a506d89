"""Random little byte-level BPE vocabularies behind a normaliser that rules some tokens out."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st

from tests.bytelm.toy_models import PRETOKENIZERS
from tokkit.text.normalizers import Chain, SpaceMark, library_normalizer
from tokkit.text.spec import MergeTable, Normalizer, TokenizerSpec, TokenKind

LETTERS = "eE é\u0301\u212b\u1100\u1161"
"""Cases, a composed letter, a mark that composes, a character that NFC replaces, two jamo."""

NORMALIZERS: dict[str, Normalizer | None] = {
    "none": None,
    "nfc": library_normalizer("NFC"),
    "nfd": library_normalizer("NFD"),
    "nfkc": library_normalizer("NFKC"),
    "lowercase": library_normalizer("Lowercase"),
    "nfc, lowercase": Chain((library_normalizer("NFC"), library_normalizer("Lowercase"))),
    "bert": library_normalizer("BertNormalizer"),
    "mark": SpaceMark("e"),
}


@st.composite
def normalized_specs(draw: st.DrawFn, normalizer: str) -> TokenizerSpec:
    """All bytes, and merges of random stretches of text over `LETTERS`, down to single bytes."""
    tokens = [bytes([value]) for value in range(256)]
    known = {spelling: token for token, spelling in enumerate(tokens)}
    merges: list[tuple[int, int, int]] = []
    wanted = st.text(LETTERS, min_size=1, max_size=3)
    for text in draw(st.lists(wanted, max_size=6)):
        data = text.encode()
        start = draw(st.integers(0, len(data) - 1))
        spelling = data[start : draw(st.integers(start, len(data)))]
        for size in range(2, len(spelling) + 1):
            left, right, whole = spelling[: size - 1], spelling[size - 1 : size], spelling[:size]
            if whole not in known:
                known[whole] = len(tokens)
                tokens.append(whole)
                merges.append((known[left], known[right], known[whole]))
    columns = np.array(merges, dtype=np.int32).reshape(-1, 3).T
    ranks = draw(st.permutations(range(len(merges))))
    spec = TokenizerSpec(
        name="random",
        family="bpe",
        token_bytes=tuple(tokens),
        kinds=np.full(len(tokens), TokenKind.NORMAL, dtype=np.uint8),
        merges=MergeTable(columns[0], columns[1], columns[2], np.array(ranks, dtype=np.int32)),
        ignore_merges=draw(st.booleans()),
        splits=PRETOKENIZERS[draw(st.sampled_from(["none", "gpt2"]))],
    )
    return dataclasses.replace(spec, normalizer=NORMALIZERS[normalizer])
