"""What the models share that put an unknown token where the vocabulary lacks something."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Places = NDArray[np.int64]


def joined(starts: _Places, stops: _Places, bounds: _Places) -> tuple[_Places, _Places]:
    """Stretches of text, those that touch within a piece made one.

    Args:
        starts: int64 (k,), where they begin, in ascending order.
        stops: int64 (k,), where they end; none of them is empty.
        bounds: int64, where pieces begin and end.
    """
    if not len(starts):
        return starts, stops
    opens = np.ones(len(starts), dtype=np.bool_)
    opens[1:] = (starts[1:] != stops[:-1]) | np.isin(starts[1:], bounds)
    return starts[opens], stops[np.append(np.flatnonzero(opens)[1:], len(starts)) - 1]


def in_order(
    parts: list[tuple[NDArray[np.int32], _Places]],
) -> tuple[NDArray[np.int32], _Places]:
    """The ids and ends of parts that lie between one another, by where they end."""
    ids = np.concatenate([part[0] for part in parts])
    ends = np.concatenate([part[1] for part in parts])
    order = np.argsort(ends, kind="stable")
    return ids[order], ends[order]
