"""A batch whose frequent pairs have become one id each, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_ids
from tokkit.errors import ArgumentError, EncodingError
from tokkit.text.tokenizer import TextTokenizer

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class MergedSequences:
    """A batch of merged sequences, as data; what users get is a `MergedBatch`.

    Ids below `tokenizer.vocab_size` are the tokenizer's own; those from there on are strings that
    were merged in this batch and are no tokens of the vocabulary. They mean nothing in another.

    Attributes:
        tokenizer: whose ids were merged.
        sequences: int32, one array for each sequence that was given.
        merges: pairs of ids, in the order in which they were merged.
        results: the id that each merge makes; one id a string, whatever it was made of.
        counts: how often each pair stood in the batch when it was merged (twice in `a a a`).
        removed: by how many ids each merge made the batch shorter.
        originals: int32, the sequences before all merges.
        spans: int64 (n, 2) a sequence, which of its original ids each id stands for.
    """

    tokenizer: TextTokenizer
    sequences: list[NDArray[np.int32]]
    merges: list[tuple[int, int]]
    results: list[int]
    counts: list[int]
    removed: list[int]
    originals: list[NDArray[np.int32]]
    spans: list[NDArray[np.int64]]
    places: list[NDArray[np.int64] | None]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self.sequences)} sequences, {len(self.merges)} merges, "
            f"{self.n_original} -> {self.n_ids} ids)"
        )

    @property
    def n_original(self) -> int:
        """How many ids there were before."""
        return sum(map(len, self.originals))

    @property
    def n_ids(self) -> int:
        """How many ids there are."""
        return sum(map(len, self.sequences))

    @property
    def reduction(self) -> float:
        """The share of ids that merging saved, from 0 to less than 1; 0 of an empty batch."""
        return 1 - self.n_ids / self.n_original if self.n_original else 0.0

    @property
    def vocab_size(self) -> int:
        """Number of ids: the tokenizer's, and those made in this batch."""
        return self.tokenizer.vocab_size + len(self._parts)

    @cached_property
    def _parts(self) -> dict[int, tuple[int, int]]:
        """New id -> the pair that made it first."""
        parts: dict[int, tuple[int, int]] = {}
        for pair, result in zip(self.merges, self.results, strict=True):
            if result >= self.tokenizer.vocab_size:
                parts.setdefault(result, pair)
        return parts

    @cached_property
    def offsets(self) -> list[NDArray[np.int64]]:
        """Start and end of what each id stands for, int64 (n, 2) for each sequence.

        They are places in what was given: bytes of a text, as `encode_with_offsets` tells them,
        ids of a sequence of ids (then they are `spans`).
        """
        return [
            span if place is None else _union(place, span)
            for span, place in zip(self.spans, self.places, strict=True)
        ]

    def original_ids(self, id: int) -> tuple[int, ...]:
        """The tokenizer's ids that spell an id: itself, or those of which it was first merged.

        Raises:
            EncodingError: an id that is not in this batch's vocabulary.
        """
        found: list[int] = []
        todo = [self._checked(id)]
        while todo:
            token = todo.pop()
            if token in self._parts:
                todo += self._parts[token][::-1]
            else:
                found.append(token)
        return tuple(found)

    def token_bytes(self, id: int) -> bytes:
        """The bytes of an id; empty for special tokens and holes.

        Raises:
            EncodingError: an id that is not in this batch's vocabulary.
        """
        return b"".join(map(self.tokenizer.token_bytes, self.original_ids(id)))

    def _checked(self, id: int) -> int:
        try:
            token = index(id)
        except TypeError:
            raise ArgumentError(f"an id is a whole number, got {id!r:.60}") from None
        if not 0 <= token < self.vocab_size:
            raise EncodingError(
                f"id {token} is outside the vocabulary of this batch, which has the ids 0 to "
                f"{self.vocab_size - 1}; was it merged in another batch?"
            )
        return token

    def expand(self, ids: Iterable[int]) -> list[int]:
        """The tokenizer's ids of any ids of this batch's vocabulary, as a model may write them.

        A string may be spelled in several ways, and this takes the one that was merged first; for
        the sequences of the batch as they were, see `unmerge`.

        Raises:
            EncodingError: an id that is not in this batch's vocabulary.
        """
        return [token for one in as_ids(ids, "ids") for token in self.original_ids(one)]

    def unmerge(self) -> list[NDArray[np.int32]]:
        """The sequences before all merges, int32; new arrays."""
        return [ids.copy() for ids in self.originals]

    def map_word_ids(self, word_ids: Sequence[Sequence[T]]) -> list[list[T]]:
        """What belongs to each original id, told of each merged one: the first of its values.

        Merges within words (`within_words`) join ids of one word, if words begin with white space
        or a mark; where a comma is a word to the caller, it may now be in the word before it.

        Args:
            word_ids: one value for each original id of each sequence, as of `word_ids()` in
                transformers.

        Raises:
            ArgumentError: other numbers of values than of ids.
        """
        self._check_values(word_ids, "word_ids")
        return [
            [row[start] for start in span[:, 0].tolist()]
            for row, span in zip(word_ids, self.spans, strict=True)
        ]

    def map_labels(self, labels: Sequence[Sequence[T]], *, ignore: Any = -100) -> list[list[T]]:
        """Labels of the merged ids: of each the first of its parts' labels that is not ignored.

        Args:
            labels: one for each original id of each sequence.
            ignore: the label of ids that have none; an id is ignored where all its parts are.

        Raises:
            ArgumentError: other numbers of labels than of ids.
        """
        self._check_values(labels, "labels")
        return [
            [_first_label(row[start:end], ignore) for start, end in span.tolist()]
            for row, span in zip(labels, self.spans, strict=True)
        ]

    def _check_values(self, values: Sequence[Sequence[Any]], name: str) -> None:
        try:
            found = [len(row) for row in values]
        except TypeError:
            raise ArgumentError(
                f"{name} must be a sequence for each sequence of ids, got {values!r:.60}"
            ) from None
        expected = list(map(len, self.originals))
        if len(found) != len(expected):
            raise ArgumentError(f"{len(found)} rows of {name} for {len(expected)} sequences")
        for k, (got, wanted) in enumerate(zip(found, expected, strict=True)):
            if got != wanted:
                raise ArgumentError(
                    f"{name}[{k}] has {got} values for {wanted} ids; give one for each id that "
                    "there was before merging"
                )


def _first_label(labels: Sequence[T], ignore: Any) -> T:
    for label in labels:
        if label != ignore:
            return label
    return labels[0]


def _union(places: NDArray[np.int64], span: NDArray[np.int64]) -> NDArray[np.int64]:
    """From the first start to the last end of the parts of each id; parts may share bytes."""
    if not len(span):
        return np.zeros((0, 2), np.int64)
    starts = np.minimum.reduceat(places[:, 0], span[:, 0])
    return np.stack([starts, np.maximum.reduceat(places[:, 1], span[:, 0])], axis=1)
