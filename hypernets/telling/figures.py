"""How a transfer went, as plain data, and where the new rows lie among the old ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tokkit.models.training.telling.curve import TrainingCurve

_MOST_OUTLIERS = 10
_NORMAL = 1.4826
"""Standard deviations in a median absolute deviation, where values are normal."""


@dataclass(frozen=True)
class Outlier:
    """A new row that lies unlike the others.

    Attributes:
        token: its id.
        text: what the token stands for; bytes that are no UTF-8 as escapes.
        norm: of the row.
        cosine: of the row to the mean of all rows.
        deviation: how far the norm or the cosine, whichever is further, lies from the median of the
            copied rows, in (robust) standard deviations of these.
    """

    token: int
    text: str
    norm: float
    cosine: float
    deviation: float


@dataclass(frozen=True)
class Spread:
    """How the new rows of a matrix lie among the copied ones.

    Attributes:
        copied_norm: median norm of copied rows; NaN where there are none.
        new_norm: median norm of the others; NaN where there are none.
        cosine: median cosine of new rows to the mean of all rows, which copied rows have too.
        copied_cosine: the same of copied rows.
        outliers: the new rows that lie furthest from the copied ones, at most ten. Of equal
            rows, as those without parts may be, the first.
    """

    copied_norm: float
    new_norm: float
    cosine: float
    copied_cosine: float
    outliers: tuple[Outlier, ...]

    @classmethod
    def of(
        cls, rows: NDArray[np.float32], copied: NDArray[np.bool_], text_of: Callable[[int], str]
    ) -> Spread:
        """The spread of a matrix.

        Args:
            rows: float32 (n, width), one a token.
            copied: bool (n,), those that the old model had.
            text_of: what a token stands for, for people.
        """
        norms = np.linalg.norm(rows, axis=1)
        centre = rows.mean(axis=0)
        lengths = norms * np.linalg.norm(centre)
        cosines = rows @ centre / np.maximum(lengths, np.finfo(np.float32).tiny)
        usual = copied if copied.any() else np.ones_like(copied)
        deviations = np.maximum(_deviations(norms, usual), _deviations(cosines, usual))
        new = np.flatnonzero(~copied)
        furthest = _different(rows, new[np.argsort(-deviations[new], kind="stable")])
        outliers = (
            Outlier(t, text_of(t), float(norms[t]), float(cosines[t]), float(deviations[t]))
            for t in furthest
        )
        return cls(
            _median(norms[copied]),
            _median(norms[~copied]),
            _median(cosines[~copied]),
            _median(cosines[copied]),
            tuple(outliers),
        )


def _median(values: NDArray[np.float32]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _different(rows: NDArray[np.float32], order: NDArray[np.int64]) -> list[int]:
    """The first few of `order` whose rows are no copies of one another."""
    chosen: list[int] = []
    for token in order.tolist():
        if len(chosen) == _MOST_OUTLIERS:
            break
        if not any(np.array_equal(rows[token], rows[other]) for other in chosen):
            chosen.append(token)
    return chosen


def _deviations(values: NDArray[np.float32], usual: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far each value lies from the median of the usual ones, in their standard deviations."""
    away = np.abs(values.astype(np.float64) - np.median(values[usual]))
    scale = _NORMAL * np.median(away[usual]) or away[usual].max() or 1.0
    return away / scale


@dataclass(frozen=True)
class BitsPerByte:
    """Of windows of a text that nothing was fitted to; the first token of each counts.

    Attributes:
        before: the old model with its own tokenizer.
        control: the old model, where the new tokenizer cuts and each piece is spelled with old
            tokens: what the segmentation alone costs.
        after: the new model.
        n_bytes: of text.
        bytes_per_token_before: of the old tokenizer.
        bytes_per_token_after: of the new one.
        masked: whether they are pseudo-log-likelihoods of a masked model: each token told from
            all others of its window, not from those before it.
    """

    before: float
    control: float
    after: float
    n_bytes: int
    bytes_per_token_before: float
    bytes_per_token_after: float
    masked: bool = False


@dataclass(frozen=True)
class TransferFigures:
    """How a transfer went.

    Attributes:
        method: that was used.
        source: name of the old model.
        target: name of the new tokenizer.
        n_copied: new tokens that have the row of the same token before.
        n_combined: those whose rows are made from the rows of their parts.
        n_predicted: those whose rows are made from something else: a donor, similar tokens, a
            network.
        n_without: those without a decomposition: their input row is the mean of all old ones.
        tied: whether input and output rows are one matrix.
        inputs: where the new input rows lie.
        outputs: where the new output rows lie; None where they are the input rows.
        bits_per_byte: of the held-out part of the text; None without a text, and for models that
            predict neither the next token nor masked ones.
        notes: figure -> value, of the method and of the folding of its bias.
        remarks: what a user should know, a sentence each.
        training: how the loss fell, where the method trains.
    """

    method: str
    source: str
    target: str
    n_copied: int
    n_combined: int
    n_predicted: int
    n_without: int
    tied: bool
    inputs: Spread
    outputs: Spread | None
    bits_per_byte: BitsPerByte | None = None
    notes: Mapping[str, float] = field(default_factory=dict[str, float])
    remarks: tuple[str, ...] = ()
    training: TrainingCurve | None = None

    @property
    def n_tokens(self) -> int:
        """Of the new vocabulary."""
        return self.n_copied + self.n_combined + self.n_predicted + self.n_without
