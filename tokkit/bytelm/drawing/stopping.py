"""Stop strings: noticed in what is drawn, and kept out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tokkit.arguments import as_bytes, refuse_single_text
from tokkit.errors import ArgumentError


def as_stops(stop: str | bytes | Sequence[str | bytes], name: str = "stop") -> list[bytes]:
    """Stop strings as bytes; a single one stands for itself, not for its characters.

    Raises:
        ArgumentError: one is neither bytes nor `str`.
    """
    if isinstance(stop, str | bytes):
        return [as_bytes(stop)]
    refuse_single_text(stop, name)
    return [as_bytes(text) for text in stop]


def check_stops(stops: Sequence[bytes], *, whole_characters: bool) -> None:
    """Refuse stop strings that make no sense.

    Args:
        stops: may be empty.
        whole_characters: refuse those that could end a text inside a character.

    Raises:
        ArgumentError: a stop string is empty, or begins inside a character.
    """
    if any(not stop for stop in stops):
        raise ArgumentError("a stop string is empty; every text would stop at once")
    inside = [stop for stop in stops if whole_characters and 0x80 <= stop[0] <= 0xBF]
    if inside:
        raise ArgumentError(
            f"the stop string {inside[0]!r} begins inside a character, and valid_utf8 is set; "
            "let it begin with a whole character"
        )


class StopMatcher:
    """Passes bytes on, but for those that a stop string may begin with; drops a stop string.

    Attributes:
        stopped_by: the stop string that was met.
    """

    def __init__(self, stops: Sequence[bytes]) -> None:
        """Watch for some strings; see `check_stops`."""
        self._stops = tuple(stops)
        self._held = b""
        self.stopped_by: bytes | None = None

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met."""
        return self.stopped_by is not None

    def feed(self, symbol: int) -> Iterator[bytes]:
        """Take one byte; yield those that are certain to be text."""
        self._held += bytes([symbol])
        for stop in self._stops:
            if self._held.endswith(stop):
                self._held = self._held[: -len(stop)]
                self.stopped_by = stop
                yield from self.flush()
                return
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        sure = len(self._held) - keep
        yield from (self._held[k : k + 1] for k in range(sure))
        self._held = self._held[sure:]

    def flush(self) -> Iterator[bytes]:
        """Yield what was held back."""
        yield from (self._held[k : k + 1] for k in range(len(self._held)))
        self._held = b""


def until_stop(symbols: Iterable[int], stops: Sequence[bytes]) -> Iterator[bytes]:
    """The bytes of a text up to a stop string; no symbols are asked for after it."""
    matcher = StopMatcher(stops)
    for symbol in symbols:
        yield from matcher.feed(symbol)
        if matcher.stopped:
            return
    yield from matcher.flush()


def _overlap(text: bytes, stop: bytes) -> int:
    """Length of the longest end of `text` that is a proper beginning of `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0
