"""The additive mask against NumPy's choice."""

from __future__ import annotations

import numpy as np

from tokkit.kernels.attention_mask import fill_additive


def test_what_a_query_may_not_see_is_minus_infinity() -> None:
    allowed = np.random.default_rng(0).random((5, 33)) < 0.5
    mask = np.full((5, 33), np.nan, dtype=np.float32)
    fill_additive(allowed, mask)
    np.testing.assert_array_equal(mask, np.where(allowed, 0, -np.inf))
