"""Rows for merged tokens as `shared-first` makes the input rows of new ones.

.7 of the mean of the parts and .3 of the last, and a correction by a linear map that is fitted to
the model's own vocabulary, respelled with its commonest tokens (`hypernets.heuristics`). The map is
fitted once, so all spellings are told beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.alignment import from_spellings
from tokkit.hypernets.heuristics.respelling import correction
from tokkit.hypernets.heuristics.shared_first import LAST_SHARE, blend
from tokkit.text.tokenizer import TextTokenizer

Float32s = NDArray[np.float32]


class MappedEmbedder:
    """An `Embedder` for spellings that are known beforehand."""

    def __init__(
        self, tokenizer: TextTokenizer, matrix: Float32s, spellings: Iterable[tuple[int, ...]]
    ) -> None:
        """Fit the map, and make the rows.

        Args:
            tokenizer: of the model.
            matrix: float32 (ids, width), its input rows.
            spellings: of all merged tokens that will be asked for.
        """
        known = sorted({each for each in spellings if len(each) > 1})
        self._places: dict[tuple[int, ...], int] = {each: k for k, each in enumerate(known)}
        copied = np.zeros(len(known), dtype=np.bool_)
        alignment = from_spellings(known, copied=copied, n_source=tokenizer.vocab_size)
        self._matrix = matrix[: tokenizer.vocab_size]
        made = partial(blend, kind="last", share=LAST_SHARE)
        added = correction(tokenizer, self._matrix, alignment, made, seed=0)
        self._rows = made(alignment, self._matrix) + added

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self._matrix.shape[1]

    def rows(self, spellings: Sequence[Sequence[int]]) -> Float32s:
        """float32 (n, width): a token's own row where it stands alone."""
        return np.stack(
            [
                self._matrix[each[0]] if len(each) == 1 else self._rows[self._places[tuple(each)]]
                for each in spellings
            ]
        )
