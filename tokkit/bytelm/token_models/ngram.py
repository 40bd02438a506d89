"""A token n-gram model that trains in seconds and needs no torch: for tests, docs and first steps.

Interpolated with Witten-Bell weights (Witten and Bell, 1991; Chen and Goodman, 1999, section 2.3):

    P(t | h) = (c(h t) + n(h) P(t | h')) / (c(h) + n(h))

where c counts, n(h) is the number of distinct tokens seen after h, and h' is h without its first
token; below the empty context stands the uniform distribution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_kind, check_whole, refuse_single_text
from tokkit.bytelm.token_models.protocol import as_contexts
from tokkit.bytelm.token_models.starting_ids import ending_id
from tokkit.errors import EncodingError
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

MAX_ORDER = 10

Context = tuple[int, ...]


class NgramLM:
    """A `TokenLM` of n-gram counts; make one with `NgramLM.train`.

    Attributes:
        tokenizer: whose ids it counts.
        order: length of the longest n-gram.
        name: for tables.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        counts: dict[Context, dict[int, int]],
        *,
        order: int,
        eos_id: int,
    ) -> None:
        """Take counts as they are; `train` makes them.

        Args:
            tokenizer: whose ids are counted.
            counts: for each context of up to order - 1 ids, how often each token follows it.
            order: at least 1.
            eos_id: the id that ends a text.
        """
        self.tokenizer = tokenizer
        self.order = order
        self.eos_ids: Sequence[int] = (eos_id,)
        self.name = f"{order}-gram over {tokenizer.name}"
        self._counts = {
            context: (
                np.fromiter(followers, dtype=np.int64, count=len(followers)),
                np.fromiter(followers.values(), dtype=np.float64, count=len(followers)),
            )
            for context, followers in counts.items()
        }
        kinds = tokenizer.spec.kinds
        possible = (kinds != TokenKind.SPECIAL) & (kinds != TokenKind.UNUSED)
        possible[eos_id] = True
        self._uniform = possible / possible.sum()

    def __repr__(self) -> str:
        return f"NgramLM({self.name!r}, {len(self._counts)} contexts)"

    @classmethod
    def train(
        cls,
        texts: Iterable[str | bytes],
        tokenizer: TextTokenizer,
        *,
        order: int = 3,
        eos_id: int | None = None,
    ) -> NgramLM:
        """Count the n-grams of some texts, each of which ends with end of text.

        Args:
            texts: the training data; each is one document.
            tokenizer: encodes them.
            order: length of the longest n-gram.
            eos_id: default: the first of the tokenizer's `eos_ids`, or else of its special tokens.

        Raises:
            ArgumentError: order out of range, or no id to end a text with.
            EncodingError: a text that the vocabulary cannot express.
        """
        refuse_single_text(texts, "texts")
        check_kind(tokenizer, TextTokenizer, "tokenizer", "load one with load_tokenizer")
        check_whole("order", order, 1, MAX_ORDER)
        eos_id = ending_id(tokenizer, eos_id)
        counts: dict[Context, Counter[int]] = {}
        for text in texts:
            ids = [*tokenizer.encode(text), eos_id]
            for i, token in enumerate(ids):
                for size in range(min(order - 1, i) + 1):
                    counts.setdefault(tuple(ids[i - size : i]), Counter())[token] += 1
        return cls(tokenizer, dict(counts), order=order, eos_id=eos_id)

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """See `TokenLM.next_token_logprobs`.

        Raises:
            EncodingError: an id outside the vocabulary.
        """
        asked = as_contexts(contexts)
        rows = np.empty((len(asked), self.tokenizer.vocab_size))
        for row, context in zip(rows, asked, strict=True):
            recent = context[max(0, len(context) - self.order + 1) :]
            if any(not 0 <= token < self.tokenizer.vocab_size for token in recent):
                raise EncodingError(
                    f"context {list(recent)} holds ids outside the vocabulary of "
                    f"{self.tokenizer.name}, which has {self.tokenizer.vocab_size}"
                )
            row[:] = self._distribution(recent)
        with np.errstate(divide="ignore"):
            return np.log(rows)

    def _distribution(self, context: Context) -> NDArray[np.float64]:
        distribution = self._uniform.copy()
        for size in range(len(context) + 1):
            followers = self._counts.get(context[len(context) - size :])
            if followers is None:
                break  # nor is any longer context known
            ids, counts = followers
            distribution *= len(ids)
            distribution[ids] += counts
            distribution /= len(ids) + counts.sum()
        return distribution
