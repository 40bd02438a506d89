"""`told`: which categories the merges after a long inherited prefix speak of at all.

The inherited merges have joined every frequent pair of what the other tokenizer was trained on.
A category that the new merges leave alone may be missing from the training data,
or make up most of it (English and code, where tokens of other languages were added to a finished
list): what is left of it is rare either way. Its weight only scales all others, so that nothing in
the merges fixes it, and a fit would take what suits its noise. Without a long prefix frequent pairs
that were never merged bound every share, and each category is told of.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.mixture.estimation.evidence import Evidence
from tokkit.mixture.judging.caveats import LONG_PREFIX

_LEAST = 0.01
"""Categories are told of if at least this part of their pairs was joined.

Of Llama 3's merges after cl100k's, 1 to 28% for the thirty languages and their kin that they are in
to the eye, and below 0.3% for English and all code but translated messages.
"""


def reach(evidence: Evidence) -> NDArray[np.float64]:
    """float64 (c,): how many pairs of each category were joined, for each that it had at first."""
    return evidence.merged.sum(axis=0) / evidence.totals


def told(evidence: Evidence) -> NDArray[np.bool_]:
    """Whether the merges speak of each category, bool (c,)."""
    if evidence.first < LONG_PREFIX:
        return np.ones(evidence.n_categories, dtype=np.bool_)
    return reach(evidence) >= _LEAST
