"""States of a text that is edited, each from what is still valid of the one before: `EditedText`.

The cover of a beginning of the text depends on that beginning alone, so covers are kept at regular
places. After an edit the last cover before it goes on over the bytes that follow. The model is
asked about the few heads that live there, since what it said of them was kept only as far as the
old text went on, and about the heads after them; their contexts are those of a `SharedSession`, so
that what has been computed for a context is found.
"""

from __future__ import annotations

import numpy as np

from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.encodings.context_limit import refuse_too_long
from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.heads import Head, LiveHead

_PIECE = 16  # bytes between two covers that are kept


class EditedText:
    """The covers of a text, and states after it and after what it is edited to."""

    def __init__(self, empty: CoverState) -> None:
        """Start with the empty text.

        Args:
            empty: its state, in a session that makes equal contexts one node.
        """
        self._empty = empty
        self._text = b""
        self._covers = [empty.cover.fork()]  # after every `_PIECE` bytes

    def state_after(self, text: bytes) -> CoverState:
        """The state after a text; most is reused where it begins as the last one did.

        Raises:
            ModelError: the text has more tokens than the model reads, or the model returned NaN.
        """
        refuse_too_long(self._empty.vocabulary, self._empty, text)
        n_common = _agreement(self._text, text)
        del self._covers[n_common // _PIECE + 1 :]
        self._text = text[: (len(self._covers) - 1) * _PIECE]
        state = self._empty.at(_revived(self._covers[-1]))
        for start in range(len(self._text), len(text), _PIECE):
            piece = text[start : start + _PIECE]
            state.push(piece)
            if len(piece) == _PIECE:
                self._covers.append(state.cover.fork())
        self._text = text
        state.logprobs()  # now, while the text that it shares contexts with is held
        return state


def _agreement(one: bytes, other: bytes) -> int:
    """Length of the longest common beginning."""
    n = min(len(one), len(other))
    differs = np.frombuffer(one, np.uint8, n) != np.frombuffer(other, np.uint8, n)
    return int(differs.argmax()) if differs.any() else n


def _revived(cover: Cover) -> Cover:
    """A copy whose heads are to be evaluated again; what is known of their weights stays."""
    twins: dict[Head, Head] = {}
    twin = cover.fork()
    twin.live = [LiveHead(_twin(live.head, twins), live.low, live.high) for live in cover.live]
    return twin


def _twin(head: Head, twins: dict[Head, Head]) -> Head:
    found = twins.get(head)
    if found is None:
        parent = None if head.parent is None else _twin(head.parent, twins)  # to weigh the head
        found = Head(head.stem, parent, head.log_weight)
        twins[head] = found
    return found
