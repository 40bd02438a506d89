"""The words of a batch of texts, as arrays: which are read, which are predicted, and what is right.

A text of n words is decoded as n words, and as one more without bytes where the document ends: its
first symbol is END. The last word of a text that goes on elsewhere is open: how it ends is not
known, and nobody reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END
from tokkit.models.end_of_word.packing import Packing
from tokkit.models.text_models.windows import NO_TARGET
from tokkit.models.words.cutting import UnitCutter
from tokkit.text.words import Rule, beginning_rows


@dataclass(frozen=True, eq=False)
class WordBatch:
    """The words of some texts, text by text.

    Attributes:
        data: uint8 (n_bytes,), the texts one after another.
        text: int64 (words,), which text each word is of.
        number: int64 (words,), which word of the text it is.
        starts: int64 (words,), in `data`.
        lengths: int64 (words,), bytes; 0 for the word that stands for the end of a document.
        closed: bool (words,), whether its end is known.
        rows: int32 (n_bytes,), of `beginning_rows`, for the place behind each byte.
        text_starts: int64 (texts,), in `data`.
    """

    data: NDArray[np.uint8]
    text: NDArray[np.int64]
    number: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    closed: NDArray[np.bool_]
    rows: NDArray[np.int32]
    text_starts: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[bytes], ends: Sequence[bool], cutter: UnitCutter) -> WordBatch:
        """Split texts.

        Args:
            texts: any number, any of them empty.
            ends: whether the document ends with each.
            cutter: what a word is.
        """
        bounds: list[NDArray[np.int64]] = []
        rows: list[NDArray[np.int32]] = []
        counts = np.zeros(len(texts), np.int64)
        sizes = np.array([len(each) for each in texts], np.int64)
        text_starts = np.cumsum(sizes) - sizes
        for place, (text, final) in enumerate(zip(texts, ends, strict=True)):
            cuts, found, _ = cutter.extend_with_places(cutter.begin(), text)
            first = [0] if text else []
            last = [len(text)] if final else []
            bounds.append(np.concatenate([first, cuts.ends, last]) + text_starts[place])
            rows.append(found)
            counts[place] = len(bounds[-1])
        starts = np.concatenate([np.zeros(0), *bounds]).astype(np.int64)
        of = np.repeat(np.arange(len(texts)), counts)
        firsts = np.cumsum(counts) - counts
        is_last = np.arange(len(starts)) == (firsts + counts - 1)[of]
        following = np.append(starts[1:], 0)
        stops = np.where(is_last, (text_starts + sizes)[of], following)
        return cls(
            data=np.frombuffer(b"".join(texts), np.uint8),
            text=of,
            number=np.arange(len(starts)) - firsts[of],
            starts=starts,
            lengths=stops - starts,
            closed=~is_last | np.array(ends, np.bool_)[of],
            rows=np.concatenate([np.zeros(0, np.int32), *rows]),
            text_starts=text_starts,
        )

    def slots(self, vector: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 (texts, most + 1): what the backbone reads, by number of a vector, from 1.

        Args:
            vector: int64 (words,), the number of each word's vectors.

        Returns:
            0 for the beginning of each text, then those of its closed words, and 0 behind them.
        """
        read = self.closed & (self.lengths > 0)
        most = int(self.number[read].max(initial=-1)) + 1
        slots = np.zeros((len(self.text_starts), 1 + most), np.int64)
        slots[self.text[read], 1 + self.number[read]] = 1 + vector[read]
        return slots

    def targets(
        self, packing: Packing, rule: Rule
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """What is predicted at each place of the packed words: before, and after each byte.

        Returns:
            int64 (words + bytes,) each: the target or `NO_TARGET`, the row of `forbidden_symbols`,
            the text.
        """
        word, step = packing.steps(more=1)
        n_rows = len(beginning_rows(rule))
        place = self.starts[word] + step
        inside = step < self.lengths[word]
        if not len(self.data):
            symbols = np.full(len(place), END)
        else:
            symbols = self.data[np.minimum(place, len(self.data) - 1)].astype(np.int64)
        ending = np.where(self.closed[word], END, NO_TARGET)
        before = np.append(np.int64(0), self.rows)[place]
        kind = np.where(step > 0, before, n_rows + before)
        kind[(step == 0) & (self.number[word] == 0)] = 2 * n_rows
        return np.where(inside, symbols, ending), kind, self.text[word]
