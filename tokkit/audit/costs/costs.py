"""What a text costs: tokens, bytes, characters and words of each text of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.costs.bootstrap import Estimate, ratio
from tokkit.errors import EncodingError
from tokkit.text.tokenizer import TextTokenizer

MAX_WORD_CHARS = 15
"""A script whose "words" between spaces are longer on average does not put spaces between words."""


@dataclass(frozen=True, eq=False)
class Cost:
    """What each text of a sample costs. Texts that cannot be encoded are left out, and counted.

    Attributes:
        texts: those that can be encoded.
        ids: of each text, int32 (n,): its canonical encoding, without special tokens.
        places: of each text, where it stood in the sample.
        lost: the texts that have no encoding.
    """

    texts: tuple[str, ...]
    ids: tuple[NDArray[np.int32], ...]
    places: tuple[int, ...]
    lost: tuple[str, ...]

    @cached_property
    def n_tokens(self) -> list[int]:
        """Of each text."""
        return [len(each) for each in self.ids]

    @cached_property
    def n_bytes(self) -> list[int]:
        """Of each text in UTF-8."""
        return [len(text.encode()) for text in self.texts]

    @cached_property
    def n_chars(self) -> list[int]:
        """Code points of each text."""
        return [len(text) for text in self.texts]

    @cached_property
    def n_words(self) -> list[int] | None:
        """Words between spaces of each text; None for a script that does not write spaces."""
        words = [len(text.split()) for text in self.texts]
        return words if sum(self.n_chars) <= MAX_WORD_CHARS * sum(words) else None

    @property
    def bytes_per_token(self) -> Estimate:
        """UTF-8 bytes of the texts over their tokens."""
        return ratio(self.n_bytes, self.n_tokens)

    @property
    def tokens_per_char(self) -> Estimate:
        """Tokens over code points."""
        return ratio(self.n_tokens, self.n_chars)

    @property
    def tokens_per_word(self) -> Estimate | None:
        """Tokens over words between spaces ("fertility")."""
        return None if self.n_words is None else ratio(self.n_tokens, self.n_words)


def measure(tokenizer: TextTokenizer, texts: Sequence[str]) -> Cost:
    """Encode each of `texts` that is not empty."""
    kept: list[str] = []
    ids: list[NDArray[np.int32]] = []
    places: list[int] = []
    lost: list[str] = []
    for place, text in enumerate(texts):
        if not text:
            continue
        try:
            encoded = tokenizer.encode(text)
        except EncodingError:
            lost.append(text)
            continue
        kept.append(text)
        ids.append(np.asarray(encoded, dtype=np.int32))
        places.append(place)
    return Cost(tuple(kept), tuple(ids), tuple(places), tuple(lost))
