"""The mixture that switches, by its definition: a sum over all sequences of members."""

from __future__ import annotations

from itertools import product

import numpy as np


def switching_logprob(
    emissions: np.ndarray, weights: np.ndarray, rates: tuple[float, ...]
) -> float:
    """Log-probability, nats, of a text.

    Args:
        emissions: float64 (k, T): each expert's probability of each byte of the text.
        weights: float64 (k,), of sum 1: how an expert is drawn, at first and anew.
        rates: of drawing anew before each further byte; one of them holds for the whole text,
            equally probable.
    """
    n_experts, length = emissions.shape
    total = 0.0
    for rate in rates:
        for speakers in product(range(n_experts), repeat=length):
            chance = 1.0
            for k, speaker in enumerate(speakers):
                anew = weights[speaker]
                stay = float(k > 0 and speakers[k - 1] == speaker)
                chance *= anew if k == 0 else (1 - rate) * stay + rate * anew
                chance *= emissions[speaker, k]
            total += chance / len(rates)
    return float(np.log(total))
