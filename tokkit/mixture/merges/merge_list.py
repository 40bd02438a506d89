"""`MergeList`: the merges of a BPE tokenizer in the order of its training.

Files hold more than that, and less. A published list may hold merges that can never fire, or every
way in which two tokens spell a third; tiktoken files hold no merges at all; SentencePiece has
scores. What all have is an encoder, and with it one *merge tree* for each token that the encoder
can reach: the last merge that makes it. Sorted by rank these are the merges of the training, each
token once (Hayase et al., NeurIPS 2024, appendix C, clean the lists to the same end).

Two things are mended. SentencePiece numbers its pieces in the order of training and scores them by
minus that number, and files have scores that were changed later: Mistral's put the runs of spaces
last, though they were the first merges of all. So where a tokenizer starts from characters and
nearly all of its merges have rising ids, ids give the order. And tokens that are cut out of the
text before the model runs were not made by merging, whatever a converted file says (Gemma's runs of
line breaks).

Training merges pairs of symbols within words. Where a tokenizer starts from characters, those that
it does not know become bytes, which no merge touches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.text.segment_models.bpe import BpeModel
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

UNKNOWN = -1
"""The symbol of a byte or character that no merge can touch."""

_MOST_FALLS = 0.01
"""If at most this share of the merges has a lower id than the one before, ids are in order."""


@dataclass(frozen=True, eq=False)
class MergeList:
    """Merges in order, and what they start from.

    Attributes:
        pairs: int32 (m, 3): left, right and result of each merge, as ids of the tokenizer.
        units: the bytes of each first symbol -> its id: single bytes, or characters.
        spellings: the bytes of each id.
    """

    pairs: NDArray[np.int32]
    units: dict[bytes, int]
    spellings: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.pairs)

    def beginning(self, n: int) -> MergeList:
        """The first `n` merges."""
        return replace(self, pairs=self.pairs[:n])

    def spelt(self) -> list[tuple[bytes, bytes]]:
        """The two halves of each merge, as bytes: what two tokenizers can be compared by."""
        return [(self.spellings[a], self.spellings[b]) for a, b, _ in self.pairs.tolist()]

    def symbols_of(
        self, text: NDArray[np.uint8], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The first symbols of words.

        Args:
            text: uint8 (n,).
            starts: int64 (w + 1,), where each word starts.

        Returns:
            int32 (s,), ids or UNKNOWN; int64 (w + 1,), where the symbols of each word start.
        """
        if self._byte_symbols is not None:
            return self._byte_symbols[text], starts
        first, symbol = self._characters(text)
        # A character never lies across two words, for the pretokenizer cuts between characters.
        return symbol, np.searchsorted(first, starts).astype(np.int64)

    @cached_property
    def _byte_symbols(self) -> NDArray[np.int32] | None:
        """int32 (256,), where every unit is a single byte."""
        if any(len(unit) != 1 for unit in self.units):
            return None
        table = np.full(256, UNKNOWN, dtype=np.int32)
        for unit, token in self.units.items():
            table[unit[0]] = token
        return table

    def _characters(self, text: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Where each character starts, and its symbol; bytes that are no UTF-8 are characters."""
        decoded = text.tobytes().decode(errors="surrogateescape")
        points = np.frombuffer(decoded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        distinct, inverse = np.unique(points, return_inverse=True)
        spelt = [chr(point).encode(errors="surrogateescape") for point in distinct.tolist()]
        symbols = np.array([self.units.get(s, UNKNOWN) for s in spelt], dtype=np.int32)
        lengths = np.array([len(s) for s in spelt], dtype=np.int64)[inverse]
        return np.cumsum(lengths) - lengths, symbols[inverse]


def merge_list(tokenizer: TextTokenizer, *, limit: int | None = None) -> MergeList:
    """The merges of a tokenizer in the order of its training.

    Args:
        tokenizer: a BPE tokenizer, from any file format.
        limit: at most so many merges, the first ones.

    Raises:
        ArgumentError: not BPE, or a BPE without any merge.
    """
    model = tokenizer.model
    if not isinstance(model, BpeModel):
        raise ArgumentError(
            f"{tokenizer.name} is {tokenizer.spec.family}; a training mixture can only be inferred "
            "from the merges of a BPE tokenizer"
        )
    trees = _as_trained(tokenizer.spec, model).merge_trees()
    pairs = np.stack([trees.left, trees.right, trees.result], axis=1)
    pairs = pairs[tokenizer.spec.kinds[trees.result] != TokenKind.LITERAL][:limit]
    if not len(pairs):
        raise ArgumentError(f"{tokenizer.name} has no merges, so nothing can be inferred from them")
    spellings = tokenizer.spec.token_bytes
    return MergeList(
        pairs=np.ascontiguousarray(pairs, dtype=np.int32),
        units={spellings[token]: token for token in model.units().tolist()},
        spellings=spellings,
    )


def _as_trained(spec: TokenizerSpec, model: BpeModel) -> BpeModel:
    """The model with ids for ranks, if it is one of SentencePiece whose ids are nearly in order."""
    merges = spec.merges
    if not spec.char_units or merges is None:
        return model
    by_rank = merges.result[np.argsort(merges.rank, kind="stable")]
    falls = np.count_nonzero(np.diff(by_rank) < 0)
    if not 0 < falls <= _MOST_FALLS * len(by_rank):
        return model
    return BpeModel(replace(spec, merges=replace(merges, rank=merges.result)))


def shared_beginning(ours: MergeList, theirs: MergeList) -> int:
    """How many merges at the beginning two lists share, as bytes.

    >>> from tokkit.mixture.merges.merge_list import MergeList
    >>> spellings = (b"a", b"b", b"ab", b"aba", b"ba")
    >>> one = MergeList(np.array([[0, 1, 2], [2, 0, 3]], np.int32), {b"a": 0, b"b": 1}, spellings)
    >>> two = MergeList(np.array([[0, 1, 2], [1, 0, 4]], np.int32), {b"a": 0, b"b": 1}, spellings)
    >>> shared_beginning(one, two)
    1
    """
    pairs = zip(ours.spelt(), theirs.spelt(), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
