"""How much of a codebook is used."""

from __future__ import annotations

import numpy as np
import pytest

from tokkit.quantize.usage import code_counts, perplexity


def test_even_use_has_the_perplexity_of_all_codes() -> None:
    assert perplexity([5] * 7) == pytest.approx(7)
    assert perplexity([9, 0, 0]) == pytest.approx(1)
    assert perplexity([0, 0]) == 0


def test_codes_are_counted_by_stream_and_absent_ones_not_at_all() -> None:
    ids = np.array([[0, 1], [0, -1], [2, 1]])
    assert [each.tolist() for each in code_counts(ids, (3, 2))] == [[2, 0, 1], [0, 2]]
    assert code_counts(np.array([1, 1]), (2,))[0].tolist() == [0, 2]
