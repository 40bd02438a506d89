"""What a model says of a text: `TextScore`, and of each of several texts: `DocumentScore`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


def bits_per_byte(logprob: float, n_bytes: int) -> float:
    """Nats of log-probability as bits for each byte; NaN for an empty text."""
    return -logprob / math.log(2) / n_bytes if n_bytes else math.nan


def _per_byte(logprob: float | None, n_bytes: int) -> float | None:
    return None if logprob is None else bits_per_byte(logprob, n_bytes)


@dataclass(frozen=True, slots=True)
class TextScore:
    """What one model says of one text.

    Attributes:
        n_bytes: of the text.
        logprob: nats, at most 0, of its bytes; with `encodings="all"` what the beam found, a lower
            bound.
        highest_logprob: nats, what it can be at most, with `encodings="all"`; else None.
        tokenization_logprob: nats, of the text's own token sequence, with no id forbidden; None for
            a model without tokens, or bytes that the vocabulary cannot express.
        impossible: why the text has no probability at all; None where it has some.
    """

    n_bytes: int
    logprob: float
    highest_logprob: float | None = None
    tokenization_logprob: float | None = None
    impossible: str | None = None

    @property
    def bits(self) -> float:
        """Bits of the whole text."""
        return -self.logprob / math.log(2)

    @property
    def bits_per_byte(self) -> float:
        """Bits for each byte; NaN for an empty text, as are the others."""
        return bits_per_byte(self.logprob, self.n_bytes)

    @property
    def least_bits_per_byte(self) -> float | None:
        """What `bits_per_byte` can be at least, with `encodings="all"`."""
        return _per_byte(self.highest_logprob, self.n_bytes)

    @property
    def tokenization_bits_per_byte(self) -> float | None:
        """Bits for each byte of the text's own token sequence."""
        return _per_byte(self.tokenization_logprob, self.n_bytes)


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """One text under each model.

    Attributes:
        name: the path of a file, with `:3` for the third record of one with many; `text 2` for the
            second of the texts.
        n_bytes: its length.
        scores: by model.
    """

    name: str
    n_bytes: int
    scores: Mapping[str, TextScore]

    @property
    def bits(self) -> dict[str, float]:
        """Bits of the whole text, by model; infinite where it has no probability."""
        return {model: score.bits for model, score in self.scores.items()}
