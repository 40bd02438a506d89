"""Embeddings of merged tokens: who predicts them, and a cache of what was predicted.

An `Embedder` gives a row for each spelling in the ids of the source vocabulary, whether by a
heuristic (`SubtokenEmbedder`, here) or by a network. There is one for each matrix: input rows are
predicted by one embedder, output rows by another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_array, as_ids, check_kind, check_real, check_whole
from tokkit.errors import ArgumentError, EncodingError

Float32s = NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """Gives rows for spellings."""

    @property
    def width(self) -> int:
        """Numbers in a row."""
        ...

    def rows(self, spellings: Sequence[Sequence[int]]) -> NDArray[Any]:
        """A row for each spelling.

        Args:
            spellings: each a non-empty sequence of ids of the source vocabulary; one of a single id
                is that token's own.

        Returns:
            float32 (n, width).
        """
        ...


class SubtokenEmbedder:
    """A weighted mean of the rows of the subtokens; a token's own row where it stands alone.

    The row is `first` times that of the first subtoken, `last` times that of the last, and the rest
    of 1 times their mean (FVT, "Fast Vocabulary Transfer", Gee et al., EMNLP 2022, is the mean).
    """

    def __init__(self, matrix: Any, *, first: float = 0.0, last: float = 0.0) -> None:
        """Take the rows of a model's vocabulary.

        Args:
            matrix: float32 (ids, width), input or output rows; kept, not copied, where it is that.
            first: the share of the first subtoken.
            last: the share of the last subtoken.

        Raises:
            ArgumentError: no matrix, one with a number that is not finite in float32, or shares
                that are negative or above 1 together.
        """
        self.matrix = as_matrix(matrix, "the matrix", "pass weight.detach().float().cpu().numpy()")
        shares = check_real("first", first), check_real("last", last)
        if min(shares) < 0 or sum(shares) > 1:
            raise ArgumentError(
                f"first={first!r} and last={last!r}, expected shares from 0 that make up 1 at most"
            )
        self.first, self.last = shares

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.matrix.shape[1]

    def rows(self, spellings: Sequence[Sequence[int]]) -> Float32s:
        """The weighted mean of each spelling's rows, float32 (n, width).

        Raises:
            ArgumentError: no spellings, or an empty one.
            EncodingError: an id without a row.
        """
        check_kind(spellings, Sequence, "spellings")
        out = np.empty((len(spellings), self.width), np.float32)
        for number, spelling in enumerate(spellings):
            ids = np.array(as_ids(spelling, f"spellings[{number}]"), np.int64)
            if not len(ids):
                raise ArgumentError(f"spellings[{number}] is empty; a row needs at least one id")
            if ids.min() < 0 or ids.max() >= len(self.matrix):
                raise EncodingError(
                    f"spellings[{number}] holds an id outside the {len(self.matrix)} rows of the "
                    f"matrix: {ids.tolist()[:8]}"
                )
            parts = self.matrix[ids]
            mean = (1 - self.first - self.last) * parts.mean(axis=0)
            out[number] = (
                parts[0]
                if len(ids) == 1
                else (self.first * parts[0] + self.last * parts[-1] + mean)
            )
        return out


def as_matrix(values: Any, name: str, of_torch: str = "") -> Float32s:
    """Rows of a vocabulary, float32 (ids, width); not copied where they are that.

    Args:
        values: of a float type.
        name: of the argument.
        of_torch: how to make it of a model's weight.

    Raises:
        ArgumentError: no matrix of a float type, or one that is not finite in float32.
    """
    array = as_array(values, name)
    if array.ndim != 2 or array.dtype.kind != "f":
        hint = of_torch and f"; of torch, {of_torch}"
        raise ArgumentError(
            f"{name} must be a matrix of a float type, one row an id, got {array.dtype} "
            f"{array.shape}{hint}"
        )
    # The sum is not finite where a number is not; a finite sum may overflow, and is looked into.
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = np.asarray(array, dtype=np.float32)
        if not np.isfinite(matrix.sum()) and not np.isfinite(matrix).all():
            raise ArgumentError(f"{name} holds numbers that are not finite in float32")
    return matrix


class EmbeddingCache:
    """An embedder that remembers the rows that were asked for last.

    At most `max_rows` rows are kept. A request may be for more: it is answered in full, and the
    last of its rows are kept. What a request needs is copied into its answer before anything is
    pushed out.

    Attributes:
        embedder: who predicts the rows.
        max_rows: how many are kept.
        n_predicted: how many rows the embedder was asked for so far.
    """

    def __init__(self, embedder: Embedder, max_rows: int) -> None:
        """An empty cache.

        Raises:
            ArgumentError: no embedder, or no room for a row.
        """
        if not callable(getattr(embedder, "rows", None)) or not hasattr(embedder, "width"):
            raise ArgumentError(
                f"expected an embedder, with a width and a method rows, got {embedder!r:.60}"
            )
        self.embedder = embedder
        self.max_rows = check_whole("max_rows", max_rows, 1)
        self.n_predicted = 0
        self._places: OrderedDict[tuple[int, ...], int] = OrderedDict()
        self._rows = np.empty((0, embedder.width), np.float32)

    def __len__(self) -> int:
        """How many rows are kept."""
        return len(self._places)

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.embedder.width

    def rows(self, spellings: Sequence[Sequence[int]]) -> Float32s:
        """The rows of the spellings, float32 (n, width); each distinct one is predicted once.

        Raises:
            ArgumentError: the embedder's rows do not have the shape that they should.
        """
        keys = [as_ids(spelling, f"spellings[{k}]") for k, spelling in enumerate(spellings)]
        distinct = list(dict.fromkeys(keys))
        of_key = {key: row for row, key in enumerate(distinct)}
        found = np.empty((len(distinct), self.width), np.float32)
        missing: list[tuple[int, ...]] = []
        for key in distinct:
            if key in self._places:
                self._places.move_to_end(key)
                found[of_key[key]] = self._rows[self._places[key]]
            else:
                missing.append(key)
        if missing:
            predicted = self._predict(missing)
            found[[of_key[key] for key in missing]] = predicted
            self._keep(missing[-self.max_rows :], predicted[-self.max_rows :])
        return found[[of_key[key] for key in keys]]

    def _predict(self, keys: list[tuple[int, ...]]) -> Float32s:
        predicted = np.asarray(self.embedder.rows(keys), np.float32)
        if predicted.shape != (len(keys), self.width):
            raise ArgumentError(
                f"the embedder gave rows of shape {predicted.shape} for {len(keys)} spellings, "
                f"expected ({len(keys)}, {self.width})"
            )
        self.n_predicted += len(keys)
        return predicted

    def _keep(self, keys: list[tuple[int, ...]], rows: Float32s) -> None:
        """Store new rows, in the places of the longest unused ones where there is no room."""
        n_wanted = min(self.max_rows, len(self._places) + len(keys))
        if n_wanted > len(self._rows):
            grown = np.empty((min(self.max_rows, 2 * n_wanted), self.width), np.float32)
            grown[: len(self._rows)] = self._rows
            self._rows = grown
        for key, row in zip(keys, rows, strict=True):
            full = len(self._places) == self.max_rows
            place = self._places.popitem(last=False)[1] if full else len(self._places)
            self._places[key] = place
            self._rows[place] = row
