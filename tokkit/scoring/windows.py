"""Windows of a text that comes in parts: `stream_windows`.

The windows are those of `tokkit.bytelm.windows.cut_windows`, and no more of the text is held than
one of them and what stands around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

AROUND = 256
"""Bytes on either side of a window that tell where its tokens begin and end."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text to be scored, and the text around it.

    Attributes:
        offset: of `data` in the text.
        before: bytes before the context, at least `AROUND` unless the text begins there.
        context: bytes that the model is given.
        data: bytes to score.
        after: bytes after them, at least `AROUND` unless the text ends there.
    """

    offset: int
    before: bytes
    context: bytes
    data: bytes
    after: bytes

    @property
    def end(self) -> int:
        """Where `data` ends in the text."""
        return self.offset + len(self.data)


def stream_windows(parts: Iterable[bytes], window: int, stride: int) -> Iterator[Window]:
    """The windows of a text, each of its bytes in the `data` of one of them.

    Args:
        parts: of the text.
        window: bytes that a model is shown at once.
        stride: bytes that each window but the first scores.
    """
    given = iter(parts)
    held, base, is_whole = bytearray(), 0, False

    def hold(end: int) -> None:
        """Read until the text is held up to `end`, or ends."""
        nonlocal is_whole
        while not is_whole and base + len(held) < end:
            part = next(given, None)
            is_whole = part is None
            held.extend(part or b"")

    start = 0
    while True:
        hold(start + window + 1 + AROUND)
        n_bytes = base + len(held)
        end = min(window if start < window else start + stride, n_bytes)
        context = max(0, start - window + stride) if start else 0
        while context < start and held[context - base] & 0xC0 == 0x80:
            context += 1
        around = max(base, context - AROUND), min(n_bytes, end + AROUND)
        cuts = [place - base for place in (around[0], context, start, end, around[1])]
        yield Window(start, *(bytes(held[a:b]) for a, b in pairwise(cuts)))
        if end == n_bytes and is_whole:
            return
        start = end
        drop = max(0, start - window - AROUND) - base
        if drop > 0:
            del held[:drop]
            base += drop
