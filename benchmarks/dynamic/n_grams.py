"""N-grams of SmolLM2's tokens, as further rows of a large vocabulary, and the texts they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.shared.sample_texts import sample_texts
from tokkit.text.tokenizer import TextTokenizer

N_ROWS = 1_000_000
HELD_OUT = 12_000
"""Characters at the end of each text, of which no n-gram is taken or counted."""
_TEXT_BYTES = 3_000_000


@dataclass(frozen=True)
class NGrams:
    """What the texts hold.

    Attributes:
        texts: by name.
        origin: of the texts.
        ids: of all texts but for their held-out ends.
        parts: distinct n-grams of these.
    """

    texts: Mapping[str, str]
    origin: str
    ids: list[int]
    parts: list[list[int]]

    @classmethod
    def of(cls, corpus: Path, tokenizer: TextTokenizer, n_rows: int) -> NGrams:
        """Of a folder of texts, so many that they and the tokenizer's ids are `n_rows`."""
        texts, origin = sample_texts(corpus, _TEXT_BYTES)
        ids = [i for text in texts.values() for i in tokenizer.encode(text[:-HELD_OUT])]
        parts = n_grams(np.array(ids, dtype=np.int32), n_rows - tokenizer.vocab_size)
        return cls(texts, origin, ids, parts)


def n_grams(ids: NDArray[np.int32], n_wanted: int) -> list[list[int]]:
    """Distinct n-grams of two to four ids, a third of each length as far as there are."""
    found: list[list[int]] = []
    for length, share in ((4, n_wanted // 3), (3, n_wanted // 3), (2, n_wanted)):
        windows = np.lib.stride_tricks.sliding_window_view(ids, length)
        distinct = np.unique(windows, axis=0)
        rng = np.random.default_rng(length)
        n = min(share, n_wanted - len(found), len(distinct))
        found += distinct[np.sort(rng.permutation(len(distinct))[:n])].tolist()
    return found
