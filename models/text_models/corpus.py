"""Texts cut into windows, and batches by their number: the same bytes in the same order for all.

1. Each document is cut into windows of even length, before white space where there is some near.
2. Of each document's windows the last ones, a share, are held out for evaluation.
3. The others are shuffled anew for each time through the text, and laid end to end. Batch k is the
   windows that begin between bytes k * `batch_bytes` and (k + 1) * `batch_bytes` of that endless
   line, so that models of any kind read the same bytes in the same batch.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_real, check_whole
from tokkit.bytelm.documents import Text, read_documents
from tokkit.errors import ArgumentError
from tokkit.models.text_models.windows import Windows
from tokkit.models.training.fingerprints import hashed

_LONGEST_NAME = 255
_NEAR = 8
"""A window may end a part of one in so many earlier, before white space."""
_WHITE_SPACE = b" \t\r\n"
_KEPT_ORDERS = 4


@dataclass(frozen=True)
class Texts:
    """Texts to train on, and how they are read.

    Attributes:
        data: one text or several, each a document: a `str` or `bytes` is the text itself, an
            `os.PathLike` is a file with it.
        batch_bytes: of a batch, on average; no less than a window.
        window_bytes: that the model reads at once, at most.
        held_out: share of the windows that nothing is learned from, but bits per byte told of.
        evaluated_bytes: of them, at most, spread evenly, at each evaluation.
    """

    data: Text | Sequence[Text]
    batch_bytes: int = 4096
    window_bytes: int = 1024
    held_out: float = 0.05
    evaluated_bytes: int = 65_536

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: one is out of range.
        """
        for each in self.data if isinstance(self.data, list | tuple) else [self.data]:
            _refuse_name(each)
        for name in ("window_bytes", "batch_bytes", "evaluated_bytes"):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), 1))
        if self.batch_bytes < self.window_bytes:
            raise ArgumentError(
                f"batch_bytes is {self.batch_bytes:,}, and a window has up to "
                f"{self.window_bytes:,} bytes (window_bytes); make it more, or windows smaller"
            )
        if not 0 <= check_real("held_out", self.held_out) < 1:
            raise ArgumentError(f"held_out must be at least 0 and below 1, got {self.held_out!r}")


Piece: TypeAlias = tuple[int, int, int]
"""Number of a document, and the first byte of a window in it and the one after its last."""


class Corpus:
    """Documents in windows.

    Attributes:
        n_bytes: of the windows to learn from, all together.
        held_out: the windows that nothing is learned from.
    """

    def __init__(self, texts: Texts, *, seed: int) -> None:
        """Read and cut them.

        Args:
            texts: what to read.
            seed: of the order of the windows.

        Raises:
            ArgumentError: there is not one byte, or no such seed.
            FormatError: a file cannot be read.
        """
        check_whole("seed", seed, 0)
        self._documents = [data for _, data in read_documents(texts.data)]
        self._texts, self._seed = texts, seed
        learned: list[Piece] = []
        self.held_out: list[Piece] = []
        owed = 0.0  # windows that were to be held out, and are not yet
        for number, data in enumerate(self._documents):
            pieces = [(number, *each) for each in cut_document(data, texts.window_bytes)]
            owed += texts.held_out * len(pieces)
            n_learned = len(pieces) - math.floor(owed)
            owed -= math.floor(owed)
            learned += pieces[:n_learned]
            self.held_out += pieces[n_learned:]
        if texts.held_out and not self.held_out and len(learned) > 1:
            self.held_out.append(learned.pop())
        self._learned = np.array(learned, dtype=np.int64)
        self._sizes = self._learned[:, 2] - self._learned[:, 1]
        self.n_bytes = int(self._sizes.sum())
        self.batch_bytes = min(texts.batch_bytes, self.n_bytes)
        self._order = lru_cache(_KEPT_ORDERS)(self._drawn_order)

    def fingerprint(self) -> str:
        """A hash of the documents."""
        return hashed(*self._documents)

    def learned_texts(self) -> list[bytes]:
        """What is learned of each document: all before the windows that are held out."""
        stops: dict[int, int] = {}
        for number, _, stop in self._learned.tolist():
            stops[number] = max(stop, stops.get(number, 0))
        return [self._documents[number][:stop] for number, stop in stops.items()]

    def batch(self, number: int) -> Windows:
        """The windows of a batch, from number 0 on; never none."""
        first = number * self.batch_bytes
        last = first + self.batch_bytes
        found: list[int] = []
        for epoch in range(first // self.n_bytes, -(-last // self.n_bytes)):
            order, begins = self._order(epoch)
            places = np.searchsorted(begins, [k - epoch * self.n_bytes for k in (first, last)])
            found += order[slice(*places)].tolist()
        return self._windows([tuple(self._learned[k].tolist()) for k in found])

    def evaluated(self) -> Iterator[Windows]:
        """The windows to evaluate on, in batches; none where nothing is held out."""
        pieces = self.held_out
        n_bytes = sum(stop - start for _, start, stop in pieces)
        share = min(1.0, self._texts.evaluated_bytes / max(n_bytes, 1))
        n_chosen = math.ceil(len(pieces) * share)
        chosen = [pieces[k * len(pieces) // n_chosen] for k in range(n_chosen)]
        at_once = max(1, self._texts.batch_bytes // self._texts.window_bytes)
        for k in range(0, len(chosen), at_once):
            yield self._windows(chosen[k : k + at_once])

    def _drawn_order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Windows as they are read that time, and where each begins in the line."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._learned))
        ends = np.cumsum(self._sizes[order])
        return order, ends - self._sizes[order]

    def _windows(self, pieces: Sequence[Piece]) -> Windows:
        return Windows.of(
            [self._documents[number][start:stop] for number, start, stop in pieces],
            ends=[stop == len(self._documents[number]) for number, _, stop in pieces],
        )


def _refuse_name(text: object) -> None:
    """Refuse a `str` that is the name of a file: who gives one means what is in it."""
    if isinstance(text, str) and len(text) <= _LONGEST_NAME and os.path.isfile(text):  # noqa: PTH113
        raise ArgumentError(
            f"{text!r} is the name of a file, and a str is the text itself; give a pathlib.Path "
            "for the file, or bytes for the text"
        )


def as_texts(data: Texts | Text | Sequence[Text]) -> Texts:
    """What a training is given, with the default options where it has none."""
    return data if isinstance(data, Texts) else Texts(data)


def cut_document(data: bytes, window_bytes: int) -> Iterator[tuple[int, int]]:
    """Windows that cover a document once, of even length but for where white space lies.

    Args:
        data: the document.
        window_bytes: at most so many each.

    Yields:
        The first byte of each, and the one after its last.
    """
    start = 0
    while start < len(data):
        left = len(data) - start
        stop = start + math.ceil(left / math.ceil(left / window_bytes))
        if stop < len(data):
            stop = _better_cut(data, stop - (stop - start) // _NEAR, stop)
        yield start, stop
        start = stop


def _better_cut(data: bytes, least: int, most: int) -> int:
    """From `least` to `most` the last place before white space, or else before a character."""
    spaces = [data.rfind(bytes([each]), least, most + 1) for each in _WHITE_SPACE]
    if (place := max(spaces)) >= 0:
        return place
    for place in range(most, max(least, most - 4), -1):
        if data[place] & 0xC0 != 0x80:
            return place
    return most
