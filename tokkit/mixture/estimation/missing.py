"""`MissingTest`: is a category of the training data missing among the samples?

What a missing category added to the merge list are merges whose pairs the others hold hardly at
all. Where all categories are there, nearly every merge of the beginning of the list, whose pair the
samples should hold often enough that chance does not hide it, is found at some share near what its
place in the list says. The test counts those that *lack* three quarters of it and more.

Some always do, for what a text is about moves its pairs. The hypothesis is that on average no more
than `RATE` of the merges lack so much; as the merges of a word come and go together, their number
is taken as negative binomial, of variance `CLUMP` times the mean. Both were chosen on mixes of
known text that no evaluation uses, on the safe side; `benchmarks/mixture/missing.py` measures how
often complete mixes are rejected, and those that lack a category.

The model of merges is that of Hayase et al. ("Data Mixture Inference", NeurIPS 2024), who have no
such test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

LEVEL = 0.05
"""A p-value below it is told as a missing category."""
RATE = 0.004
CLUMP = 3.0
_LACKS = 0.25
"""A merge lacks support if its pair has less than this part of the share expected."""
_ENOUGH = 20.0
"""Occurrences in the samples that must be expected: chance hardly ever leaves a quarter of them."""


@dataclass(frozen=True)
class MissingTest:
    """The test that no category is missing.

    Attributes:
        n_tested: merges of the beginning of the list of whose pairs the samples should hold enough.
        n_lacking: those of them that the samples hold less than a quarter as often as they should.
    """

    n_tested: int
    n_lacking: int

    @property
    def p_value(self) -> float:
        """How probable so many are if no category is missing, at most; 1 if none could be tested.

        >>> MissingTest(1000, 4).p_value > 0.3, MissingTest(1000, 40).p_value < 1e-5
        (True, True)
        """
        if not self.n_lacking:
            return 1.0
        mean = RATE * self.n_tested
        return float(betainc(self.n_lacking, mean / (CLUMP - 1), 1 - 1 / CLUMP))

    @property
    def is_rejected(self) -> bool:
        """Whether a category seems to be missing: the p-value is below 5%."""
        return self.p_value < LEVEL

    def __str__(self) -> str:
        """The p-value as it is shown: `p = 0.12`.

        >>> str(MissingTest(1000, 40))
        'p < 0.001'
        """
        return "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.2g}"


def count_lacking(ratio: NDArray[np.float64], in_samples: NDArray[np.float64]) -> MissingTest:
    """Count the merges that lack support.

    Args:
        ratio: float64 (m,), the share of each merge's pair over that which its place says.
        in_samples: float64 (m,), occurrences in the samples that its place says.
    """
    tested = in_samples >= _ENOUGH
    return MissingTest(int(tested.sum()), int((ratio[tested] < _LACKS).sum()))
