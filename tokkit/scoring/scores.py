"""`Scores`: texts under models, and the figures that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tokkit.errors import ArgumentError
from tokkit.scoring.figures import DocumentScore, TextScore
from tokkit.scoring.intervals import Interval, ratio_interval
from tokkit.scoring.surprise import Surprise


@dataclass(frozen=True, repr=False)
class Scores:
    """Texts under models.

    Attributes:
        documents: in the order in which they were given.
        window, stride: bytes, as they were used; None where each text was scored as a whole.
        surprises: the bits of bytes and tokens, of the beginning of the texts under each model, if
            they were asked for.
    """

    documents: tuple[DocumentScore, ...]
    window: int | None = None
    stride: int | None = None
    surprises: tuple[Surprise, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models."""
        return tuple(self.documents[0].scores)

    @property
    def n_bytes(self) -> int:
        """Of all documents."""
        return sum(document.n_bytes for document in self.documents)

    @property
    def bits_per_byte(self) -> dict[str, float]:
        """Bits for each byte of all documents together, by model."""
        return {model: score.bits_per_byte for model, score in self.totals.items()}

    @property
    def totals(self) -> dict[str, TextScore]:
        """All documents as if they were one, by model."""
        return {model: self._total(model) for model in self.models}

    @property
    def intervals(self) -> dict[str, Interval | None]:
        """95% intervals of `bits_per_byte` over documents, by model; None for too few of them."""
        return {
            model: ratio_interval([d.scores[model].bits for d in self.documents], self._sizes)
            for model in self.models
        }

    def difference(self, model: str, other: str) -> Interval | None:
        """Bits per byte of one model less those of another, with the paired 95% interval.

        Returns:
            None where there are too few documents for an interval, or one has no probability.

        Raises:
            ArgumentError: a model that was not scored.
        """
        for name in (model, other):
            if name not in self.models:
                raise ArgumentError(f"there is no model {name!r} among {', '.join(self.models)}")
        if any(math.isinf(d.bits[name]) for d in self.documents for name in (model, other)):
            return None
        apart = [d.scores[model].bits - d.scores[other].bits for d in self.documents]
        return ratio_interval(apart, self._sizes)

    @property
    def ranking(self) -> list[str]:
        """The models, that of the fewest bits first."""
        found = self.bits_per_byte
        return sorted(self.models, key=lambda model: found[model])

    @property
    def _sizes(self) -> list[int]:
        return [document.n_bytes for document in self.documents]

    def _total(self, model: str) -> TextScore:
        scores = [document.scores[model] for document in self.documents]
        highest = [score.highest_logprob for score in scores]
        tokens = [score.tokenization_logprob for score in scores if score.n_bytes]
        reasons = (
            _reason(document, model, len(scores) > 1)
            for document in self.documents
            if document.scores[model].impossible is not None
        )
        return TextScore(
            self.n_bytes,
            math.fsum(score.logprob for score in scores),
            None if None in highest else math.fsum(each for each in highest if each is not None),
            None if None in tokens else math.fsum(each for each in tokens if each is not None),
            next(reasons, None),
        )


def _reason(document: DocumentScore, model: str, named: bool) -> str:
    reason = str(document.scores[model].impossible)
    return f"{document.name}: {reason}" if named else reason
