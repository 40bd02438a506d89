"""The smallest text that still shows something: greedy deletion, then simplification.

Source: Zeller and Hildebrandt, *Simplifying and isolating failure-inducing input* (2002), without
its complements: ever smaller stretches are cut out as long as the text still shows it. Then each
character is replaced by the plainest that does, and all is tried again. The result is minimal to
single deletions, unless the budget ran out; it depends on nothing but the arguments.
"""

from __future__ import annotations

from collections.abc import Callable

PLAIN = "a 0"
"""Characters that others are replaced by, plainest first."""


def shrink(text: str, shows: Callable[[str], bool], *, max_calls: int = 2000) -> str:
    """A small text that `shows` still accepts.

    Args:
        text: one that it accepts. Bytes that are no UTF-8 stand in it as surrogate escapes.
        shows: whether a text shows what is looked for.
        max_calls: how often `shows` may be called.
    """
    counted = _Counted(shows, max_calls)
    while True:
        smaller = _simplify(_delete(text, counted), counted)
        if smaller == text:
            return text
        text = smaller


class _Counted:
    """A predicate that says no once its budget is spent."""

    def __init__(self, shows: Callable[[str], bool], budget: int) -> None:
        self.shows = shows
        self.budget = budget

    def __call__(self, text: str) -> bool:
        self.budget -= 1
        return self.budget >= 0 and self.shows(text)


def _delete(text: str, shows: _Counted) -> str:
    size = len(text)
    while size:
        start, before = 0, len(text)
        while start < len(text):
            shorter = text[:start] + text[start + size :]
            if shows(shorter):
                text = shorter
            else:
                start += size
        if len(text) == before or size > len(text):
            size //= 2
    return text


def _simplify(text: str, shows: _Counted) -> str:
    for k, char in enumerate(text):
        for plain in PLAIN:
            if plain == char:
                break
            simpler = text[:k] + plain + text[k + 1 :]
            if shows(simpler):
                text = simpler
                break
    return text
