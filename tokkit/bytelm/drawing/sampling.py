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

_COLDEST = 1e-3
"""At lower temperatures rounding could be more than the margin."""
_MARGIN = 1e-9
"""How near two numbers must not be for a comparison to hold whatever rounding did to them."""


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
        """Check every field, and bring numbers to those of Python: small ones of NumPy overflow.

        Raises:
            ArgumentError: one is out of range.
        """
        check_flags(valid_utf8=self.valid_utf8)
        for name in ("temperature", "repetition_penalty", "top_p", "min_p"):
            object.__setattr__(self, name, check_real(name, getattr(self, name)))
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
            object.__setattr__(self, name, check_whole(name, value, 1))

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
        self._uniform: float | None = None  # drawn for the next symbol

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
        shares = np.cumsum(weights)
        symbol = int(np.searchsorted(shares / shares[-1], self._next_uniform(), side="right"))
        self._uniform = None
        return symbol

    @property
    def foretells(self) -> bool:
        """Whether `foretell` may know a symbol: not where a filter must know all shares."""
        law = self._sampling
        cold = 0 < law.temperature < _COLDEST
        return law.top_k is None and law.top_p == 1 and law.min_p == 0 and not cold

    def foretell(self, masses: NDArray[np.float64], slack: float) -> int | None:
        """The symbol that `draw` will return, where what is not known cannot change it.

        The draw with a uniform number u returns the symbol at which the cumulative share passes u.
        Each such share lies between two bounds, and u mostly on one side of both.

        Args:
            masses: float64 (n,), what each symbol has at least, in any unit.
            slack: what they may have besides, all together, at most.

        Returns:
            None where it depends, or with a filter. The next draw uses the same random number.
        """
        law = self._sampling
        top = masses.max()
        if not self.foretells or not top > 0 or slack > top:
            return None
        known, slack = masses / top, slack / top
        if law.temperature == 0:
            first = int(known.argmax())
            known[first] = 0.0
            return first if (known.max() + slack) * (1.0 + _MARGIN) + _MARGIN < 1.0 else None
        power = 1.0 / law.temperature
        weights = known**power
        gain = _most_gained(len(weights), slack, power)
        below, total = np.cumsum(weights), float(weights.sum())
        u = self._next_uniform()
        least = below / (total + gain)
        most = (below + gain) / (total + gain)
        symbol = int(np.searchsorted(least, u + _MARGIN, side="right"))
        if symbol == len(weights) or (symbol and most[symbol - 1] >= u - _MARGIN):
            return None
        self._uniform = None
        return symbol

    def _next_uniform(self) -> float:
        if self._uniform is None:
            self._uniform = float(self._generator.random())
        return self._uniform


def _most_gained(n: int, slack: float, power: float) -> float:
    """How much the sum of n powers of numbers up to 1 grows at most if `slack` is added to them.

    A convex power grows most if all is added to the largest, a concave one if it is spread.
    """
    if power >= 1:
        with np.errstate(over="ignore"):
            return float(np.power(1.0 + slack, power)) - 1.0
    return n ** (1.0 - power) * slack**power
