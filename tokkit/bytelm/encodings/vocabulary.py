"""`ByteVocabulary`: the tokens of a model in the order of their bytes, and which may follow."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import N_SYMBOLS
from tokkit.bytelm.encodings.pass_costs import PassCosts
from tokkit.bytelm.token_models.protocol import TokenLM
from tokkit.errors import ModelError
from tokkit.kernels.token_masses import byte_ranges
from tokkit.text.canonical.mask_cache import MaskCache
from tokkit.text.spec import TokenKind
from tokkit.text.token_trie import TokenTrie

UNKNOWN_ROW_COST = 0.3
"""What a further context adds to a call of a model, as a share, until it has been measured."""


class ByteVocabulary:
    """What the covers of one model share: its canonical automaton and its byte-sorted tokens.

    Attributes:
        costs: of calls of the model.
    """

    def __init__(self, token_lm: TokenLM) -> None:
        """Collect the tokens that stand for bytes.

        Raises:
            ModelError: an end-of-text id is outside the vocabulary.
        """
        self.token_lm = token_lm
        tokenizer = token_lm.tokenizer
        self.canonical = tokenizer.canonical
        self.vocab_size = tokenizer.vocab_size
        self.name = tokenizer.name
        kinds = tokenizer.spec.kinds
        text = (kinds != TokenKind.SPECIAL) & (kinds != TokenKind.UNUSED)
        self.trie = TokenTrie(tokenizer.spec.token_bytes, np.flatnonzero(text))
        self.end_ids = np.array(sorted(set(token_lm.eos_ids)), dtype=np.int64)
        self.costs = PassCosts(getattr(token_lm, "row_cost", UNKNOWN_ROW_COST))
        self._permitted = MaskCache(len(self.trie))
        outside = self.end_ids[(self.end_ids < 0) | (self.end_ids >= self.vocab_size)]
        if len(outside):
            raise ModelError(
                f"end-of-text id {outside[0]} is outside the vocabulary of {tokenizer.name}, which "
                f"has {self.vocab_size} ids; pass eos_ids that belong to this tokenizer"
            )

    @property
    def law(self) -> tuple[object, ...]:
        """What tells the models over these tokens from others: whose they are, and what ends."""
        return id(self.token_lm), *self.end_ids.tolist()

    def permitted(self, state: int) -> NDArray[np.uint8]:
        """The tokens that may follow a state of the canonical automaton, in the order of bytes.

        Returns:
            uint8 (ceil(n / 8),), as `numpy.packbits` makes it; not to be changed.
        """
        packed = self._permitted.get_packed(state)
        if packed is None:
            packed = self._permitted.put(state, self.canonical.mask(state)[self.order])
        return packed

    @cached_property
    def order(self) -> NDArray[np.unsignedinteger[Any]]:
        """`trie.order` in as little memory as will do: it is read for each head evaluated."""
        return self.trie.order.astype(np.min_scalar_type(self.vocab_size))

    @cached_property
    def first_bytes(self) -> NDArray[np.intp]:
        """The first byte of each sorted token, intp (n,): the type that counting wants."""
        return self.trie.bytes_at(np.arange(len(self.trie)), 0).astype(np.intp)

    @cached_property
    def first_offsets(self) -> NDArray[np.int64]:
        """int64 (257,): where the sorted tokens that begin with each byte start; their number."""
        return np.searchsorted(self.first_bytes, np.arange(257)).astype(np.int64)

    @cached_property
    def longest_token(self) -> int:
        """Bytes of the longest token, at least 1."""
        return int(self.trie.lengths.max(initial=1))

    def first_missing(self, data: bytes) -> int | None:
        """The offset of the first byte of a text that no token holds, or None."""
        held = set(self.trie.data.tolist())
        return next((k for k, byte in enumerate(data) if byte not in held), None)

    def narrow(self, low: int, high: int, depth: int, byte: int) -> tuple[int, int]:
        """The tokens of a range (all longer than `depth`, alike before it) with `byte` there."""
        if depth == 0:
            return int(self.first_offsets[byte]), int(self.first_offsets[byte + 1])
        return byte_ranges.narrow(self.trie.data, self.trie.offsets, low, high, depth, byte)

    def symbol_sums(
        self, low: int, depth: int, values: NDArray[np.floating[Any]]
    ) -> NDArray[np.float64]:
        """Sums of values by the byte at `depth`.

        Args:
            low: the first of the sorted tokens that the values belong to.
            depth: every one of the tokens is longer.
            values: float (k,).

        Returns:
            float64 (257,); the last, for end of text, is 0.
        """
        sums = np.zeros(N_SYMBOLS)
        byte_ranges.byte_sums(self.trie.data, self.trie.offsets, low, depth, values, 1.0, sums)
        return sums
