"""`group_shares`: the share of several categories together, with an interval of its own.

Categories that are alike (registers of English, dialects, programming languages of one family) take
each other's shares easily; their sum is known far better than each. The sum's interval follows from
the covariance of the categories' logarithms, by linearisation, on the logit scale, so that it stays
between 0 and 1 for a group that holds nearly everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from tokkit.errors import ArgumentError

_EDGE = 1e-12
"""Shares are kept so far from 0 and 1 when their logit is taken."""


@dataclass(frozen=True)
class GroupShare:
    """The share of a group of categories.

    Attributes:
        share: of bytes.
        interval: lower and upper end; None where the method has none.
        categories: the members.
    """

    share: float
    interval: tuple[float, float] | None
    categories: tuple[str, ...]


def find_groups(
    categories: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """The members of each group.

    Args:
        categories: the names that there are.
        groups: group -> names of categories, or patterns of them (`*`, `?`, `[...]`).

    Raises:
        ArgumentError: a pattern that matches no category, or a category in two groups.
    """
    taken: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for group, patterns in groups.items():
        members: list[str] = []
        for pattern in patterns:
            matches = [c for c in categories if c == pattern or fnmatchcase(c, pattern)]
            if not matches:
                raise ArgumentError(
                    f"group {group!r}: {pattern!r} matches no category; there are "
                    f"{', '.join(map(repr, categories[:8]))}{' ...' if len(categories) > 8 else ''}"
                )
            members += [c for c in matches if c not in members]
        for member in members:
            if taken.setdefault(member, group) != group:
                raise ArgumentError(
                    f"category {member!r} is in the groups {taken[member]!r} and {group!r}; "
                    "expected at most one"
                )
        found[group] = tuple(members)
    return found


def group_shares(
    shares: Mapping[str, float],
    groups: Mapping[str, Sequence[str]],
    *,
    covariance: NDArray[np.float64] | None,
    level: float,
    untold: Sequence[str] = (),
) -> dict[str, GroupShare]:
    """The share of each group.

    Args:
        shares: category -> share, of sum 1.
        groups: see `find_groups`.
        covariance: float64 (c, c), of the logarithms of the shares before they are scaled to sum 1;
            None: no intervals.
        level: nominal coverage of each interval.
        untold: categories that may have any share. Lower ends are 0 then, and the upper end of a
            group that holds one of them is 1.

    Raises:
        ArgumentError: see `find_groups`.
    """
    weights = np.array(list(shares.values()), dtype=np.float64)
    found: dict[str, GroupShare] = {}
    for group, members in find_groups(list(shares), groups).items():
        inside = np.array([name in members for name in shares])
        share = float(weights[inside].sum())
        interval = None
        if covariance is not None:
            interval = _interval(weights, inside, covariance, level)
            if untold:
                interval = 0.0, 1.0 if set(members) & set(untold) else interval[1]
        found[group] = GroupShare(share, interval, members)
    return found


def _interval(
    weights: NDArray[np.float64],
    inside: NDArray[np.bool_],
    covariance: NDArray[np.float64],
    level: float,
) -> tuple[float, float]:
    if inside.all():
        return 1.0, 1.0
    share = float(np.clip(weights[inside].sum(), _EDGE, 1 - _EDGE))
    # d logit(sum) by d log w_i: w_i / sum inside, -w_i / (1 - sum) outside; scaling cancels.
    slope = np.where(inside, weights / share, -weights / (1 - share))
    spread = float(ndtri(0.5 + level / 2)) * float(np.sqrt(max(0.0, slope @ covariance @ slope)))
    low, high = expit(logit(share) + np.array([-spread, spread])).tolist()
    return low, high
