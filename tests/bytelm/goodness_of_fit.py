"""Does a sample come from a law?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from scipy.stats import chisquare

_FEWEST = 5
"""Expected draws of a class, for the chi-square approximation to hold."""


def p_value(drawn: Counter[bytes], law: Mapping[bytes, float]) -> float:
    """Of Pearson's chi-square test; rare outcomes share a class with others about as rare.

    Args:
        drawn: how often each outcome was drawn.
        law: the probability of the outcomes; what is not named has the rest of it.
    """
    n = drawn.total()
    observed, expected = [0], [0.0]
    for outcome in sorted(law, key=lambda outcome: (-law[outcome], outcome)):
        if expected[-1] >= _FEWEST:
            observed.append(0)
            expected.append(0.0)
        observed[-1] += drawn[outcome]
        expected[-1] += n * law[outcome]
    # The rest: what the law does not name, and the last class if it came out too small.
    observed.append(n - sum(observed))
    expected.append(n - sum(expected))
    if expected[-2] < _FEWEST:
        observed[-2:], expected[-2:] = [sum(observed[-2:])], [sum(expected[-2:])]
    if expected[-1] < _FEWEST:
        observed[-2:], expected[-2:] = [sum(observed[-2:])], [sum(expected[-2:])]
    assert len(expected) > 1, "the sample is too small to tell anything"
    return float(chisquare(observed, expected).pvalue)
