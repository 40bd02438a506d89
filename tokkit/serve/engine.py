"""One thread that owns all sessions, and draws all texts of all clients side by side: `Engine`.

Models, their caches and `Batch` are of this thread alone. The front puts orders into its inbox and
marks those that nobody waits for any more; both are looked at between two steps, and so are
deadlines. A piece of an errand is done after each step.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import NamedTuple, TypeVar

from tokkit.bytelm.batch.batch import Batch, BatchOptions
from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.drawing.request import Request
from tokkit.errors import TokkitError
from tokkit.freed_memory import give_back_freed_memory
from tokkit.serve.options import ServeOptions
from tokkit.serve.refusals import RefusalError
from tokkit.serve.served import counting_of
from tokkit.serve.tickets import Errand, News, Order, Ticket

T = TypeVar("T")

TIDY_SECONDS = 30.0
"""After which freed memory is given back, if any work was done."""

_FIRST_PROMPT = "The year was 1999, wasn't it?\n\n    x = f(y)\n"
"""After which a model first writes: what may follow words, numbers, signs and lines is worked out
as these are met, and kept."""

_PATIENCE = 60.0
"""Seconds after which nobody waits any more for a model that is slow to write."""


class Load(NamedTuple):
    """What an engine does.

    Attributes:
        n_running: texts that are drawn.
        n_waiting: texts and errands that wait.
        n_cached: tokens in the caches, of each model the fullest.
        n_reused: tokens of prompts that were not computed again, so far.
    """

    n_running: int = 0
    n_waiting: int = 0
    n_cached: int = 0
    n_reused: int = 0


class Engine:
    """Draws what is asked for, in a thread of its own, until it is closed.

    Attributes:
        n_open: orders that have not ended; counted by the front's thread.
    """

    def __init__(self, models: Mapping[str, ByteModel], options: ServeOptions) -> None:
        """Know the models; nothing runs yet.

        Args:
            models: by name.
            options: how much is permitted.
        """
        self._models = models
        self._options = options
        self._inbox: deque[Order] = deque()
        self._wake = Event()
        self._closing = False
        self._is_warm = Event()
        self._batches: dict[str, Batch] = {}
        self._tickets: dict[Handle, Ticket] = {}
        self._errands: deque[Errand] = deque()
        self._thread = Thread(target=self._run, name="tokkit-engine", daemon=True)
        self._load = Load()
        self._tidied, self._is_untidy = time.monotonic(), False
        self.n_open = 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wait_until_warm(self) -> None:
        """Return once the first model has written something, or has failed to; soon in any case."""
        self._is_warm.wait(_PATIENCE)

    def close(self) -> None:
        """Stop after the present step; what is under way is forgotten."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    # -- of the front's thread -----------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Take an order.

        Raises:
            RefusalError: too many wait already.
        """
        if self.n_open >= self._options.max_running + self._options.max_queue:
            raise RefusalError(
                429,
                f"{self.n_open} requests are under way or wait; try again later",
                code="rate_limit_exceeded",
                retry_after=1,
            )
        self.n_open += 1
        self._inbox.append(order)
        self._wake.set()

    def leave(self, order: Order) -> None:
        """Nobody waits for an order any more, whether it has ended or not; once for each."""
        self.n_open -= 1
        order.is_cancelled = True
        self._wake.set()

    @property
    def load(self) -> Load:
        """What it does, as of its last step."""
        return self._load

    # -- of its own thread ---------------------------------------------------------------------

    def _run(self) -> None:
        cold = deque(self._models)
        self._warm_up(cold.popleft())
        self._is_warm.set()
        while not self._closing:
            self._wake.clear()
            try:
                busy = self._turn()
            except Exception as error:  # a fault of our own: all is lost but the server
                busy = True
                for name in list(self._batches):
                    self._abandon(name, error)
            self._note_load()
            self._tidy(busy)
            if busy or self._inbox:
                continue
            if cold:  # the others while nobody asks
                self._warm_up(cold.popleft())
            else:
                self._wake.wait(TIDY_SECONDS if self._is_untidy else None)

    def _tidy(self, busy: bool) -> None:
        """Give freed memory back, once in a while: it takes time, and so does the step after it."""
        self._is_untidy |= busy
        now = time.monotonic()
        if self._is_untidy and now - self._tidied >= TIDY_SECONDS:
            give_back_freed_memory()
            self._tidied, self._is_untidy = now, False

    def _warm_up(self, name: str) -> None:
        """Write a few bytes, so that the first client need not wait for what is done but once."""
        if name in self._batches:
            return  # a client was first
        try:
            batch = self._batch(name)
            handle = batch.add(Request(_FIRST_PROMPT, max_bytes=3, valid_utf8=True))
            while handle.finish is None and not self._closing:
                batch.step()
        except Exception:  # what is wrong, a client is told
            self._batches.pop(name, None)

    def _turn(self) -> bool:
        """Look at the inbox, and take a step of all that is under way; whether there is any."""
        self._take_orders()
        self._drop_stale()
        busy = False
        for name, batch in list(self._batches.items()):
            if batch.n_running or batch.n_waiting:
                busy = True
                self._step(name, batch)
        return self._do_errand() or busy

    def _note_load(self) -> None:
        batches = self._batches.values()
        self._load = Load(
            sum(batch.n_running for batch in batches),
            sum(batch.n_waiting for batch in batches) + len(self._errands),
            sum(batch.n_tokens for batch in batches),
            sum(batch.tokens_reused for batch in batches),
        )

    def _batch(self, name: str) -> Batch:
        if name not in self._batches:
            model = self._models[name]
            options = BatchOptions(
                max_running=self._options.max_running,
                newest_first=True,
                tokenizer=counting_of(model, self._options.tokenizer),
            )
            self._batches[name] = Batch(
                model, max_tokens=self._options.cache_tokens, options=options
            )
        return self._batches[name]

    def _take_orders(self) -> None:
        while self._inbox:
            order = self._inbox.popleft()
            if order.is_cancelled:
                continue
            if isinstance(order, Errand):
                self._errands.append(order)
            elif isinstance(order, Ticket):
                handle = _told(order, lambda ticket=order: self._add(ticket))
                if handle is not None:
                    order.handle = handle
                    self._tickets[handle] = order

    def _add(self, ticket: Ticket) -> Handle:
        return self._batch(ticket.model).add(
            ticket.request,
            max_tokens=ticket.max_tokens,
            keep_logprobs=ticket.keep_logprobs,
            keep_rows=ticket.keep_rows,
            surroundings=ticket.surroundings,
        )

    def _drop_stale(self) -> None:
        now = time.monotonic()
        for handle, ticket in list(self._tickets.items()):
            if not ticket.is_cancelled and now < ticket.deadline:
                continue
            del self._tickets[handle]
            batch = self._batches[ticket.model]
            if ticket.is_cancelled:
                batch.drop(handle)
                continue
            ticket.tell_text(handle, batch.end(handle))
        for errand in [each for each in self._errands if each.is_cancelled or now > each.deadline]:
            self._errands.remove(errand)
            errand.work.close()
            if not errand.is_cancelled:
                errand.tell(News(error=RefusalError(503, "the work took too long", code="timeout")))

    def _step(self, name: str, batch: Batch) -> None:
        try:
            news = batch.step()
        except Exception as error:  # of the model's library: all its texts are lost, the server not
            self._abandon(name, error)
            return
        for handle, data, finish in news:
            ticket = self._tickets.get(handle)
            if ticket is None:
                continue
            if finish is not None:
                del self._tickets[handle]
            ticket.tell_text(handle, data)

    def _abandon(self, name: str, error: Exception) -> None:
        """Forget all of a model: its caches may be in any state. The next order makes new ones."""
        del self._batches[name]
        logging.getLogger("tokkit.serve").error("%s failed", name, exc_info=error)
        failure = RefusalError(500, f"{name} failed: {type(error).__name__}: {error}")
        for handle, ticket in list(self._tickets.items()):
            if ticket.model == name:
                del self._tickets[handle]
                ticket.tell(News(error=failure))

    def _do_errand(self) -> bool:
        """A piece of the errand that has waited longest; whether there was one."""
        if not self._errands:
            return False
        errand = self._errands.popleft()
        try:
            next(errand.work)
        except StopIteration as end:
            errand.tell(News(value=end.value))
        except Exception as error:
            errand.tell(News(error=error))
        else:
            self._errands.append(errand)
        return True


def _told(order: Order, work: Callable[[], T]) -> T | None:
    """What work gives, or None once the client has been told why it failed."""
    try:
        return work()
    except TokkitError as error:
        order.tell(News(error=error))
    except Exception as error:
        order.tell(News(error=RefusalError(500, f"{type(error).__name__}: {error}")))
    return None
