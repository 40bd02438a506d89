"""Signals under a tokenizer: their ids, and how far what the ids decode to is from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_real
from tokkit.audit.codebook.spectra import log_spectral_distance
from tokkit.errors import ArgumentError, EncodingError
from tokkit.tokenizer import Tokenizer, as_id_array

Ids = NDArray[np.int64]
Distortion = Callable[[Any, Any], float]


@dataclass(frozen=True, eq=False)
class Encoded:
    """Signals and their ids.

    Attributes:
        tokenizer: that encodes them.
        signals: one or more.
        contexts: of each, None where it needs none.
        ids: int64 (n, depth) of each; depth is 1 where there is one stream.
        distortion: (signal, decoded) -> how far apart they are.
    """

    tokenizer: Tokenizer[Any]
    signals: Sequence[Any]
    contexts: Sequence[Any]
    ids: Sequence[Ids]
    distortion: Distortion

    @classmethod
    def of(
        cls,
        tokenizer: Tokenizer[Any],
        signals: Sequence[Any],
        contexts: Sequence[Any] | None,
        distortion: Distortion | None,
    ) -> Encoded:
        """Encode signals.

        Raises:
            ArgumentError: no signals, not as many contexts, or ids that the tokenizer cannot mean.
        """
        if not len(signals):
            raise ArgumentError(
                "signals is empty; give a few hundred to measure the use of the codes"
            )
        contexts = [None] * len(signals) if contexts is None else contexts
        if len(contexts) != len(signals):
            raise ArgumentError(f"{len(signals)} signals and {len(contexts)} contexts")
        measure = distortion or default_distortion(tokenizer)
        ids = [
            _checked(tokenizer, tokenizer.encode(signal, context=context))
            for signal, context in zip(signals, contexts, strict=True)
        ]
        if not any(map(len, ids)):
            raise ArgumentError("the signals gave no ids at all; give longer ones")
        return cls(tokenizer, signals, contexts, ids, measure)

    def truncated(self, budget: int) -> list[Ids]:
        """The ids within a budget, as `encode` gives them.

        Raises:
            ArgumentError: the tokenizer is of fixed length.
        """
        return [
            _checked(self.tokenizer, self.tokenizer.truncate(self.own_shape(each), budget))
            for each in self.ids
        ]

    def distance(self, ids: Sequence[Ids]) -> float:
        """Mean distortion of the signals decoded from ids.

        Raises:
            ArgumentError: it is not a finite number.
        """
        values = [
            check_real("what distortion gives", self.distortion(signal, each))
            for signal, each in zip(self.signals, self.decoded(ids), strict=True)
        ]
        with np.errstate(over="ignore"):
            return check_real("the mean of what distortion gives", np.mean(values))

    def decoded(self, ids: Sequence[Ids], *, draws: bool = False) -> list[Any]:
        """Signals of ids; drawn, by a seed each, where that is asked for.

        Raises:
            ArgumentError: the tokenizer gives another number of them.
        """
        own = [self.own_shape(each) for each in ids]
        found = list(self.tokenizer.decode_many(own, seeds=range(len(own)) if draws else None))
        if len(found) != len(own):
            raise ArgumentError(
                f"the tokenizer is broken: decode_many gave {len(found)} signals for {len(own)}"
            )
        return found

    def n_units(self) -> float | None:
        """Pixels, nodes or seconds of all signals; None where that is not known."""
        shapes: list[tuple[int, ...]] = [np.shape(signal) for signal in self.signals]
        if not all(shapes):
            return None
        if self.tokenizer.modality == "image":
            return float(sum(math.prod(shape[:2]) for shape in shapes))
        rate = self.tokenizer.sample_rate or 1
        return sum(shape[0] for shape in shapes) / rate

    def own_shape(self, ids: Ids) -> Ids:
        """Ids (n, depth) as the tokenizer takes them: (n,) where there is one stream."""
        return ids if self.tokenizer.streams > 1 else ids[:, 0]


def _checked(tokenizer: Tokenizer[Any], ids: object) -> Ids:
    """Ids (n, depth).

    Raises:
        ArgumentError: the tokenizer cannot mean them.
    """
    try:
        array = as_id_array(ids, tokenizer.vocab_sizes, prefix_axis=tokenizer.prefix_axis)
    except EncodingError as error:
        raise ArgumentError(f"the tokenizer is broken: {error}") from error
    return array if array.ndim == 2 else array[:, None]


def default_distortion(tokenizer: Tokenizer[Any]) -> Distortion:
    """What is measured where nobody says otherwise.

    Of pictures the mean squared difference, with white at 1; of graphs 1 - the cosine of a node's
    features and those decoded, the mean over nodes; of speech the log-spectral distance in dB.
    """
    if tokenizer.modality == "speech":
        return lambda one, two: log_spectral_distance(one, two, tokenizer.sample_rate)
    return _of_pictures if tokenizer.modality == "image" else _of_graphs


def _of_pictures(one: Any, two: Any) -> float:
    differences = np.asarray(one, np.float64) - np.asarray(two, np.float64)
    return float(np.square(differences / 255).mean())


def _of_graphs(one: Any, two: Any) -> float:
    a, b = np.asarray(one, np.float64), np.asarray(two, np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(1 - ((a * b).sum(1) / np.maximum(lengths, 1e-12)).mean())
