"""A cache of masks gives back what was put in, and no more than it may keep."""

from __future__ import annotations

import numpy as np

from tokkit.text.canonical.mask_cache import MaskCache


def test_masks_come_back_as_copies() -> None:
    cache = MaskCache(11)
    mask = np.arange(11) % 3 == 0
    np.testing.assert_array_equal(cache.put(4, mask), np.packbits(mask))
    np.testing.assert_array_equal(cache.get_packed(4), np.packbits(mask))
    found = cache.get(4)
    assert found is not None
    np.testing.assert_array_equal(found, mask)
    found[:] = True
    np.testing.assert_array_equal(cache.get(4), mask)
    assert cache.get(5) is None
    assert cache.get_packed(5) is None


def test_the_least_recently_used_mask_is_dropped() -> None:
    cache = MaskCache(3, kept=2)
    for key in (0, 1):
        cache.put(key, np.ones(3, dtype=np.bool_))
    cache.get(0)
    cache.put(2, np.zeros(3, dtype=np.bool_))
    assert [cache.get(key) is None for key in range(3)] == [False, True, False]
