"""Windows that overlap, for texts longer than a model's context: `cut_windows`.

The first window of a text is scored whole; each further one scores `stride` bytes after the
`window - stride` bytes before them, so that every byte is scored once. A context that would begin
within a character begins after it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokkit.arguments import check_whole
from tokkit.errors import ArgumentError

LEAST_WINDOW = 2


def cut_windows(
    data: bytes, window: int | None, stride: int | None = None, *, prefix: bytes = b""
) -> Iterator[tuple[int, int, int]]:
    """Windows that cover `data` once.

    Args:
        data: the bytes to score.
        window: bytes that a model is shown at once; None for all.
        stride: bytes that each window but the first adds; by default half a window.
        prefix: bytes before `data`, context only.

    Yields:
        Offsets into `prefix + data`: where the context begins, where the bytes to score begin, and
        where they end. Without any data there is one empty window.

    Raises:
        ArgumentError: a stride without a window, or one of them out of range.
    """
    windows = check_windows(window, stride)
    n_bytes = len(prefix) + len(data)
    if windows is None or n_bytes <= windows[0]:
        yield 0, len(prefix), n_bytes
        return
    window, stride = windows
    text = prefix + data
    start = len(prefix)
    while True:
        end = min(window if start < window else start + stride, n_bytes)
        context = max(0, min(start, end - window if start < window else start - window + stride))
        while context < start and text[context] & 0xC0 == 0x80 and start - context < window:
            context += 1
        yield context, start, end
        if end == n_bytes:
            return
        start = end


def check_windows(window: int | None, stride: int | None) -> tuple[int, int] | None:
    """Window and stride as they are used; None without windows.

    Raises:
        ArgumentError: a stride without a window, or one of them out of range.
    """
    if window is None:
        if stride is not None:
            raise ArgumentError(f"stride is {stride}, and there is no window; give one, in bytes")
        return None
    check_whole("window", window, LEAST_WINDOW)
    if stride is None:
        return window, window // 2
    check_whole("stride", stride, 1, window)
    return window, stride
