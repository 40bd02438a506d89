"""Texts on which ways to evaluate a model are tried, and measures of how far two rows differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokkit.bytelm.token_models.protocol import LogProbs, Session


@dataclass(frozen=True)
class Tree:
    """Two or more texts with a common beginning, to be asked for in two calls.

    Attributes:
        texts: ids without BOS.
        first: how many ids of the first text are asked for in the first call.
    """

    texts: tuple[tuple[int, ...], ...]
    first: int

    @classmethod
    def draw(cls, length: int, forks: Sequence[int], vocab_size: int, seed: int = 0) -> Tree:
        """A text of different ids, and one that leaves it after each of `forks` ids."""
        n_ids = (len(forks) + 1) * length
        ids = [(5 + 7 * k + k * k + 29 * seed) % vocab_size for k in range(n_ids)]
        trunk = ids[:length]
        texts = [tuple(trunk)]
        for k, fork in enumerate(forks, 1):
            texts.append((*trunk[:fork], *ids[k * length : (k + 1) * length - fork]))
        return cls(tuple(texts), length // 2)

    def rows(self, session: Session) -> list[LogProbs]:
        """What a session says after each text, with a cache that is filled in two calls."""
        begun = session.path(session.root, self.texts[0][: self.first])[-1]
        session.logprobs([begun])
        abandoned = session.path(begun, self.texts[-1][:3])[-1]
        session.logprobs([abandoned])
        del abandoned
        nodes = [session.path(begun, self.texts[0][self.first :])[-1]]
        nodes += [session.path(session.root, text)[-1] for text in self.texts[1:]]
        session.compact()
        return list(session.logprobs(nodes))


def relative_gap(row: LogProbs, plain: LogProbs) -> float:
    """Standard deviation of the differences over that of the plain row; infinite for NaN.

    Some models give some tokens no probability at all; then both rows must.
    """
    there = np.isfinite(plain)
    if not np.array_equal(there, np.isfinite(row)):
        return float("inf")
    gap = float(np.std(row[there].astype(np.float64) - plain[there].astype(np.float64)))
    spread = float(np.std(plain[there].astype(np.float64)))
    return gap / spread if spread > 0 else float("inf" if gap else 0)


def total_variation(row: LogProbs, plain: LogProbs) -> float:
    """Half the sum of the absolute differences of two laws in log-probabilities; NaN for NaN."""
    return float(
        np.abs(np.exp(row.astype(np.float64)) - np.exp(plain.astype(np.float64))).sum() / 2
    )
