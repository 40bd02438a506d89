"""The windows of a text: what the old model makes of them, and what the new one does.

The windows are divided once: some for methods to fit to, some for them to choose by, and some for
the figures of the report, which nothing else ever reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.token_models.starting_ids import boundary_ids
from tokkit.errors import EncodingError
from tokkit.hypernets.alignment import Alignment
from tokkit.hypernets.heuristics.shares import guessed_frequencies
from tokkit.hypernets.masked.frame import MaskedFrame, frame_of
from tokkit.hypernets.masked.reading import masked_bits, masked_states
from tokkit.hypernets.plain_models.source_models import SourceModel
from tokkit.hypernets.telling.figures import BitsPerByte
from tokkit.hypernets.windows import Progress, Reading, cut_windows, read
from tokkit.hypernets.written_by_model import (
    N_TEXTS,
    N_TOKENS,
    drawn_beginnings,
    written_on,
)
from tokkit.text.tokenizer import TextTokenizer

_SHARES = (0.7, 0.1, 0.2)
"""Of the windows of a text: to fit, to choose, to report."""
_MOST_REPORTED = 72
_MOST_CHOOSING = 16
_MOST_STATES = 64_000
_FEW_TEXTS = 16
_MOST_LOGITS = 2 * 10**9
"""States times tokens that a fit goes over; more are left out at random."""


@dataclass(frozen=True)
class References:
    """What the new model is compared with; see `BitsPerByte`."""

    before: float
    control: float
    n_bytes: int
    bytes_per_token_before: float
    bytes_per_token_after: float


@dataclass(frozen=True, eq=False)
class Bench:
    """The windows of a text, and what the old model makes of them.

    Attributes:
        source: the old model.
        target: the new tokenizer.
        alignment: of its tokens.
        starts: ids that precede a text; none for models that are not causal.
        frame: what stands around a text of a masked model, and its mask; None for others.
        reported: windows for the report alone.
        fitting_windows: windows that methods fit to.
        choosing_windows: windows that they choose their settings by.
        learning: all windows but those of the report.
        fitting: what the old model made of the first, and of a text of its own; None for none.
        choosing: what it made of the second; None for none.
        progress: called while a model reads.
    """

    source: SourceModel
    target: TextTokenizer
    alignment: Alignment
    starts: tuple[int, ...]
    frame: MaskedFrame | None = None
    reported: tuple[bytes, ...] = ()
    fitting_windows: tuple[bytes, ...] = ()
    choosing_windows: tuple[bytes, ...] = ()
    learning: tuple[bytes, ...] = ()
    fitting: Reading | None = None
    choosing: Reading | None = None
    progress: Progress | None = None

    @classmethod
    def of(
        cls,
        source: SourceModel,
        target: TextTokenizer,
        alignment: Alignment,
        starts: tuple[int, ...],
        text: bytes | None,
        seed: int,
        progress: Progress | None,
        *,
        fits: bool,
    ) -> Bench:
        """Divide a text, and let the old model read what methods need.

        Beside the text, a method fits to one that the old model writes: alone where there is none,
        or too short a one, and then nothing is chosen.

        Args:
            source: the old model.
            target: the new tokenizer.
            alignment: of its tokens.
            starts: what `starting_ids` gives for the old model.
            text: bytes, or None for none. Of models that are neither causal nor masked nothing is
                reported.
            seed: of the division.
            progress: called while the model reads.
            fits: whether the method fits the rows of new tokens to something.
        """
        frame = frame_of(source.tokenizer) if source.masked else None
        bench = cls(source, target, alignment, starts, frame, progress=progress)
        windows = [] if text is None else cut_windows(text)
        if not starts and frame is None:
            return replace(bench, learning=tuple(windows))
        order = np.random.default_rng(seed).permutation(len(windows)).tolist()
        n_reported = min(_MOST_REPORTED, max(1, round(_SHARES[2] * len(windows))))
        n_choosing = min(_MOST_CHOOSING, round(_SHARES[1] * len(windows)))
        bench = replace(
            bench,
            reported=tuple(windows[k] for k in order[:n_reported]),
            learning=tuple(windows[k] for k in order[n_reported:]),
        )
        if not fits or alignment.copied.all():
            return bench
        choosing = [windows[k] for k in order[n_reported : n_reported + n_choosing]]
        fitting = [windows[k] for k in order[n_reported + n_choosing :]]
        most = min(_MOST_STATES, _MOST_LOGITS // len(alignment))
        own = bench._own_text(seed, most) if starts else []
        if not choosing or not fitting:
            return replace(bench, fitting=bench._control(own, most)) if own else bench
        return replace(
            bench,
            fitting_windows=tuple(fitting),
            choosing_windows=tuple(choosing),
            fitting=bench._control([*fitting, *own], most),
            choosing=bench._control(choosing, most),
        )

    def own_states(self, seed: int) -> NDArray[np.float32]:
        """float32 (n, width): last hidden states along a text of the old model's own."""
        texts = self._written([()] * _FEW_TEXTS, seed)
        states = self._read(self.source.model, texts, "reading the text", states=True).states
        assert states is not None
        return states

    def _own_text(self, seed: int, most: int) -> list[bytes]:
        """What the old model writes on tokens of the new vocabulary that are more than a byte."""
        spec = self.target.spec
        longer = np.array([len(data) > 1 for data in spec.token_bytes])
        n_texts = min(N_TEXTS, -(-most // N_TOKENS))
        weights = longer * guessed_frequencies(spec)
        texts = self._written(drawn_beginnings(self.alignment, weights, n_texts, seed=seed), seed)
        whole = (self.source.tokenizer.decode(text).decode(errors="ignore") for text in texts)
        return [text.encode() for text in whole if self._is_encoded(text)]

    def _written(self, beginnings: Sequence[Sequence[int]], seed: int) -> list[list[int]]:
        return written_on(
            self.source.model,
            self.starts,
            beginnings,
            n_vocab=self.source.tokenizer.vocab_size,
            seed=seed,
            progress=self._telling("writing a text"),
        )

    def _is_encoded(self, text: str) -> bool:
        """Whether the new tokenizer takes a text: some have no token for a character."""
        try:
            self.target.encode(text)
        except EncodingError:
            return False
        return bool(text)

    def _control(self, windows: Sequence[bytes], most: int) -> Reading:
        """The old model, where the new tokenizer cuts, and its states; about `most` pieces."""
        pieces: list[list[int]] = []
        n_pieces = 0
        for window in windows:
            pieces.append(self.target.encode(window))
            n_pieces += len(pieces[-1])
            if n_pieces > most:
                break
        what = "reading the text"
        if self.frame is None:
            return self._read(self.source.model, pieces, what, spelled=True, states=True)
        return masked_states(
            self.source.model,
            pieces,
            self.frame,
            spelled=self.alignment.__getitem__,
            progress=self._telling(what),
        )

    @cached_property
    def references(self) -> References:
        """What the old model makes of the windows that are for the report, at least one."""
        n_bytes = sum(map(len, self.reported))
        old = [self.source.tokenizer.encode(window) for window in self.reported]
        model = self.source.model
        before = self._bits(model, old, "scoring the old model")
        control = self._bits(model, self.pieces, "scoring the segmentation", spelled=True)
        return References(
            before / n_bytes,
            control / n_bytes,
            n_bytes,
            n_bytes / max(1, sum(map(len, old))),
            n_bytes / max(1, sum(map(len, self.pieces))),
        )

    @cached_property
    def pieces(self) -> list[list[int]]:
        """The windows that are for the report, as the new tokenizer cuts them."""
        return [self.target.encode(window) for window in self.reported]

    def bits_after(self, model: Any) -> float:
        """Bits per byte of a model with the new tokenizer, on the same windows."""
        after = self._bits(model, self.pieces, "scoring the new model", target=True)
        return after / sum(map(len, self.reported))

    def judge(self, model: Any) -> BitsPerByte | None:
        """Bits per byte before, between and after, on the windows that are for the report.

        None without a text, and where a masked model would have no mask.
        """
        if not self.reported or (self.frame is not None and frame_of(self.target) is None):
            return None
        given = self.references
        return BitsPerByte(
            given.before,
            given.control,
            self.bits_after(model),
            given.n_bytes,
            given.bytes_per_token_before,
            given.bytes_per_token_after,
            masked=self.frame is not None,
        )

    def _bits(
        self,
        model: Any,
        windows: Sequence[Sequence[int]],
        what: str,
        *,
        spelled: bool = False,
        target: bool = False,
    ) -> float:
        """Of windows of pieces: of each after those before it, or of a masked model, from all."""
        if self.frame is None:
            return self._read(model, windows, what, spelled=spelled, target=target).bits()
        frame = frame_of(self.target) if target else self.frame
        assert frame is not None
        return masked_bits(
            model,
            windows,
            frame,
            spelled=self.alignment.__getitem__ if spelled else None,
            progress=self._telling(what),
        )

    def _read(
        self,
        model: Any,
        windows: Sequence[Sequence[int]],
        what: str,
        *,
        spelled: bool = False,
        states: bool = False,
        target: bool = False,
    ) -> Reading:
        starts = _boundary(self.target, model) if target else self.starts
        return read(
            model,
            windows,
            starts=starts,
            spelled=self.alignment.__getitem__ if spelled else None,
            keep_states=states,
            progress=self._telling(what),
        )

    def _telling(self, what: str) -> Callable[[int, int], None] | None:
        tell = self.progress
        return None if tell is None else lambda done, total: tell(what, done, total)


def starting_ids(source: SourceModel) -> tuple[int, ...]:
    """The ids that precede a text; none for models that are not causal."""
    if source.masked or getattr(source.model.config, "is_encoder_decoder", False):
        return ()
    return _boundary(source.tokenizer, source.model)


def _boundary(tokenizer: TextTokenizer, model: Any) -> tuple[int, ...]:
    starts, _ = boundary_ids(
        tokenizer, bos_ids=None, eos_ids=None, name=tokenizer.name, config=model.config
    )
    return starts
