"""A text in the ids of two tokenizers, cut into snippets, and the borders that both have.

At a *shared border* teacher and student have read the same bytes in whole tokens, so their states
may be compared. The teacher reads its own tokenizer's encoding, not the new one's pieces spelled
with old tokens: it knows better what comes next after tokens that it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import EncodingError, UnsupportedError
from tokkit.hypernets.windows import cut_windows
from tokkit.text.tokenizer import TextTokenizer

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lesson:
    """A snippet.

    Attributes:
        text: its bytes.
        old: int64, the old tokenizer's ids.
        new: int64, the new tokenizer's ids.
        old_places: int64 (n,), tokens of `old` that end at a shared border.
        new_places: int64 (n,), tokens of `new` that end there.
    """

    text: bytes
    old: Ids
    new: Ids
    old_places: Ids
    new_places: Ids


def lessons_of(
    windows: Iterable[bytes], source: TextTokenizer, target: TextTokenizer, *, n_bytes: int
) -> list[Lesson]:
    """Snippets of at most `n_bytes`, in the order of the text.

    A snippet that one of the tokenizers cannot encode, or has no border with the other in, is left
    out.

    Raises:
        UnsupportedError: no snippet is left.
    """
    found: list[Lesson] = []
    for window in windows:
        for text in cut_windows(window, n_bytes):
            lesson = _lesson(text, source, target)
            if lesson is not None:
                found.append(lesson)
    if not found:
        raise UnsupportedError(
            f"{source.name} and {target.name} have no border between tokens in common on this "
            "text, and a training needs some; use a method that does not train"
        )
    return found


def _lesson(text: bytes, source: TextTokenizer, target: TextTokenizer) -> Lesson | None:
    try:
        old, new = source.encode_with_offsets(text), target.encode_with_offsets(text)
    except EncodingError:
        return None
    # Of several tokens that end at one place (a character cut in bytes by a normaliser), the last.
    last = [{end: place for place, end in enumerate(each.ends.tolist())} for each in (old, new)]
    shared = sorted(last[0].keys() & last[1].keys())
    if not shared:
        return None
    places = [np.array([each[end] for end in shared], dtype=np.int64) for each in last]
    return Lesson(text, old.ids.astype(np.int64), new.ids.astype(np.int64), *places)


class Schedule:
    """Which snippets a batch holds: each once an epoch, in an order that a seed draws."""

    def __init__(self, lessons: Sequence[Lesson], *, batch_tokens: int, seed: int) -> None:
        """Batches of about `batch_tokens` new tokens."""
        mean = sum(len(lesson.new) for lesson in lessons) / len(lessons)
        self._lessons = lessons
        self._size = max(1, round(batch_tokens / mean))
        self._seed = seed

    def batch(self, number: int) -> list[tuple[int, Lesson]]:
        """Index and lesson of each in a batch, the number of which decides all."""
        first = number * self._size
        n = len(self._lessons)
        chosen: list[int] = []
        for epoch in range(first // n, (first + self._size - 1) // n + 1):
            order = np.random.default_rng([self._seed, epoch]).permutation(n)
            start = max(0, first - epoch * n)
            chosen += order[start : first + self._size - epoch * n].tolist()
        return [(each, self._lessons[each]) for each in chosen]
