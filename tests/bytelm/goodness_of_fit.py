"""Does a sample come from a law?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from scipy.stats import chisquare


def p_value(drawn: Counter[bytes], law: Mapping[bytes, float]) -> float:
    """Of Pearson's chi-square test; outcomes too rare to be classes are one together.

    Args:
        drawn: how often each outcome was drawn.
        law: the probability of the outcomes; what is not named has the rest of it.
    """
    n = drawn.total()
    common = [outcome for outcome, probability in law.items() if n * probability >= 5]
    observed = [drawn[outcome] for outcome in common]
    expected = [n * law[outcome] for outcome in common]
    observed.append(n - sum(observed))
    expected.append(n - sum(expected))
    if expected[-1] < 5:
        observed[-2:] = [sum(observed[-2:])]
        expected[-2:] = [sum(expected[-2:])]
    return float(chisquare(observed, expected).pvalue)
