"""What the front hands to the engine, and hears of: `Ticket` for texts, `Errand` for other work."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.drawing.request import Request


class Figures(NamedTuple):
    """What the model made of bytes that are new.

    Attributes:
        logprobs: nats, of each of them.
        rows: float64 (257,) each, nats, the distributions of these bytes, where they are kept.
        ends: where tokens end among them, in bytes from the beginning of the text.
    """

    logprobs: Sequence[float]
    rows: Sequence[NDArray[np.float64]]
    ends: Sequence[int]


class News(NamedTuple):
    """What the engine tells of a ticket.

    Attributes:
        data: bytes of the text.
        handle: once it has ended; nobody changes it any more.
        error: why it could not begin or go on.
        value: of an errand.
        figures: of `data`, where the ticket asks for them.
    """

    data: bytes = b""
    handle: Handle | None = None
    error: Exception | None = None
    value: Any = None
    figures: Figures | None = None


class Ears:
    """Where the front's event loop hears of some orders."""

    def __init__(self) -> None:
        """Listen in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[tuple[Order, News]] = asyncio.Queue()

    def tell(self, order: Order, news: News) -> None:
        """Called by the engine's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.put_nowait, (order, news))

    async def hear(self) -> tuple[Order, News]:
        """The next news, in order."""
        return await self._news.get()


@dataclass(eq=False, kw_only=True)
class Order:
    """Something that the engine does for one client.

    Attributes:
        model: the name of the model.
        ears: who is told.
        deadline: of `time.monotonic`; what is not done by then ends.
        is_cancelled: whether nobody waits for it any more; set by the front.
    """

    model: str
    ears: Ears
    deadline: float
    is_cancelled: bool = False

    def tell(self, news: News) -> None:
        """Called by the engine's thread."""
        self.ears.tell(self, news)


@dataclass(eq=False, kw_only=True)
class Ticket(Order):
    """A text that is to be drawn.

    Attributes:
        request: what is asked.
        surroundings: what stands around it.
        max_tokens: see `Batch.add`.
        keep_logprobs: see `Batch.add`; needed where figures are told.
        keep_rows: see `Batch.add`.
        tells_figures: whether news come with the figures of their bytes.
        handle: in the batch, once it is there; of the engine's thread until it has ended.
        n_bytes: that were told, and n_ends: ends of tokens; of the engine's thread.
    """

    request: Request
    surroundings: Surroundings
    max_tokens: int | None
    keep_logprobs: bool
    keep_rows: bool
    tells_figures: bool = False
    handle: Handle | None = None
    n_bytes: int = 0
    n_ends: int = 0

    def tell_text(self, handle: Handle, data: bytes) -> None:
        """Called by the engine's thread: what is new of the text, and whether it is over."""
        figures = None
        if self.tells_figures:
            start, stop = self.n_bytes, self.n_bytes + len(data)
            ends = [end for end in handle.token_ends[self.n_ends :] if end <= stop]
            figures = Figures(handle.logprobs[start:stop], handle.rows[start:stop], ends)
            self.n_bytes, self.n_ends = stop, self.n_ends + len(ends)
        over = handle if handle.finish is not None else None
        self.tell(News(data, over, handle.error, figures=figures))


@dataclass(eq=False, kw_only=True)
class Errand(Order):
    """Work in pieces, for which the engine steps aside between its steps.

    Attributes:
        work: yields after each piece; what it returns is the value.
    """

    work: Generator[None, None, Any]
