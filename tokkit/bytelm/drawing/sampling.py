"""Draw symbols from distributions: `Sampling` is the law, `Sampler` draws.

The filters act on *symbols*: the 256 bytes and end of text. They apply in the order that
transformers gives its logits warpers, each to the renormalised outcome of the one before:
temperature, top-k, top-p (Holtzman et al., ICLR 2020), min-p (Nguyen et al., ICLR 2025). What
depends on the text so far (repetition, valid UTF-8, a pattern) is a constraint, and comes before
all of them: see `tokkit.bytelm.drawing.constraint_set`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_flags, check_real, check_whole, refuse_unknown
from tokkit.errors import ArgumentError, ModelError


class SamplingOptions(TypedDict, total=False):
    """The fields of `Sampling` as keywords of `ByteModel.stream` and `ByteModel.generate`."""

    temperature: float
    top_k: int | None
    top_p: float
    min_p: float
    repetition_penalty: float
    repetition_length: int
    no_repeat_ngram: int | None
    valid_utf8: bool


def known(options: SamplingOptions) -> SamplingOptions:
    """The keywords as they are, unless there is no such option.

    Raises:
        ArgumentError: one does not exist.
    """
    refuse_unknown(options, tuple(SamplingOptions.__annotations__), what="sampling option")
    return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to choose the next symbol from its distribution; the default is the distribution itself.

    Attributes:
        temperature: at least 0; 0 takes the most probable symbol (the lowest on ties).
        top_k: keep this many of the most probable symbols; None keeps all.
        top_p: in (0, 1]; keep the smallest set of symbols with at least this mass.
        min_p: in [0, 1]; drop symbols less probable than this share of the most probable one.
        repetition_penalty: nats, at least 0, that a byte loses for each byte by which it would
            make a repeat of earlier text longer than `repetition_length`; 0 is off. See
            `tokkit.bytelm.drawing.repetition`.
        repetition_length: bytes, at least 1; repeats up to this length are free.
        no_repeat_ngram: bytes, at least 1; no string of this many bytes occurs twice in prompt
            and completion together, but for what the prompt itself repeats. None is off.
        valid_utf8: forbid bytes that cannot continue valid UTF-8, and do not end inside a
            character. See `tokkit.bytelm.drawing.constraint_set.ValidUtf8`.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 0.0
    repetition_length: int = 16
    no_repeat_ngram: int | None = None
    valid_utf8: bool = False

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ArgumentError: one is out of range.
        """
        check_flags(valid_utf8=self.valid_utf8)
        for name in ("temperature", "repetition_penalty", "top_p", "min_p"):
            check_real(name, getattr(self, name))
        for name in ("temperature", "repetition_penalty"):
            value = getattr(self, name)
            if value < 0:
                raise ArgumentError(f"{name} must be 0 or more and finite, got {value}")
        if not 0 < self.top_p <= 1:
            raise ArgumentError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        if not 0 <= self.min_p <= 1:
            raise ArgumentError(f"min_p must be between 0 and 1, got {self.min_p}")
        for name in ("top_k", "repetition_length", "no_repeat_ngram"):
            value = getattr(self, name)
            if value is None and name != "repetition_length":
                continue
            check_whole(name, value, 1)

    def probabilities(self, logprobs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The law that a symbol is drawn from: temperature, top-k, top-p and min-p.

        Args:
            logprobs: float64 (n,), nats, normalised or not.

        Returns:
            float64 (n,), of sum 1. The most probable symbol always keeps some mass.

        Raises:
            ModelError: no symbol has any mass, or an entry is NaN.
        """
        top = logprobs.max(initial=-np.inf)
        if not np.isfinite(top):
            raise ModelError(
                f"cannot sample: the largest log-probability is {top}; the model gives the text "
                "so far no continuation"
            )
        if self.temperature == 0:
            return np.eye(1, len(logprobs), int(logprobs.argmax()))[0]
        with np.errstate(over="ignore"):
            weights = np.exp((logprobs - top) / self.temperature)
        weights /= weights.sum()
        if self.top_k is not None and self.top_k < len(weights):
            weights[np.argsort(-weights, kind="stable")[self.top_k :]] = 0.0
            weights /= weights.sum()
        if self.top_p < 1:
            order = np.argsort(-weights, kind="stable")
            before = np.cumsum(weights[order]) - weights[order]
            weights[order[before >= self.top_p]] = 0.0
            weights /= weights.sum()
        if self.min_p > 0:
            weights[weights < self.min_p * weights.max()] = 0.0
            weights /= weights.sum()
        return weights


class Sampler:
    """Draws symbols; the same seed gives the same draws."""

    def __init__(self, sampling: Sampling, *, seed: int | None = None) -> None:
        """Start from a seed.

        Args:
            sampling: the law.
            seed: at least 0; None draws from the operating system.
        """
        self._sampling = sampling
        self._generator = np.random.default_rng(seed)

    def draw(self, logprobs: NDArray[np.float64]) -> int:
        """A symbol; see `Sampling.probabilities`.

        Args:
            logprobs: float64 (n,), nats, normalised or not.

        Raises:
            ModelError: no symbol has any mass, or an entry is NaN.
        """
        weights = self._sampling.probabilities(logprobs)
        if self._sampling.temperature == 0:
            return int(weights.argmax())
        return int(self._generator.choice(len(weights), p=weights))
