"""What a text costs: tokens, bytes, characters and words of each text of a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.costs.bootstrap import Estimate, ratio
from tokkit.audit.expressible import ids_or_none
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

    def at(self, places: Sequence[int]) -> Cost:
        """Of the texts that stood in some places."""
        index = {place: k for k, place in enumerate(self.places)}
        chosen = [index[place] for place in places]
        texts, ids = tuple(self.texts[k] for k in chosen), tuple(self.ids[k] for k in chosen)
        return Cost(texts, ids, tuple(places), ())

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
    encoded = {place: ids_or_none(tokenizer, text) for place, text in enumerate(texts) if text}
    kept = {place: np.array(ids, np.int32) for place, ids in encoded.items() if ids is not None}
    return Cost(
        texts=tuple(texts[place] for place in kept),
        ids=tuple(kept.values()),
        places=tuple(kept),
        lost=tuple(texts[place] for place in encoded if place not in kept),
    )


def in_both(one: Cost, other: Cost) -> tuple[Cost, Cost]:
    """The costs of two samples, of the texts in the places that both of them have."""
    shared = sorted(set(one.places) & set(other.places))
    return one.at(shared), other.at(shared)


def premium_of(
    tokenizer: TextTokenizer, cost: Cost, change: Callable[[str], str]
) -> Estimate | None:
    """Tokens of changed texts over those before the change; None if no changed one is encodable."""
    changed = measure(tokenizer, [change(text) for text in cost.texts])
    before = [cost.n_tokens[k] for k in changed.places]
    return ratio(changed.n_tokens, before, 2) if before else None
