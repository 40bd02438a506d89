"""What the front hands to the engine, and hears of: `Ticket` for texts, `Errand` for other work."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.drawing.request import Request


class News(NamedTuple):
    """What the engine tells of a ticket.

    Attributes:
        data: bytes of the text.
        handle: once it has ended; nobody changes it any more.
        error: why it could not begin or go on.
        value: of an errand.
    """

    data: bytes = b""
    handle: Handle | None = None
    error: Exception | None = None
    value: Any = None


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
        keep_rows: see `Batch.add`.
        handle: in the batch, once it is there; of the engine's thread until it has ended.
    """

    request: Request
    surroundings: Surroundings
    max_tokens: int | None
    keep_rows: bool
    handle: Handle | None = None


@dataclass(eq=False, kw_only=True)
class Errand(Order):
    """Work in pieces, for which the engine steps aside between its steps.

    Attributes:
        work: yields after each piece; what it returns is the value.
    """

    work: Generator[None, None, Any]
