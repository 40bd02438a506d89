"""The texts of a request as they come: `Drawing`."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from tokkit.bytelm.batch.task import Handle
from tokkit.serve.engine import Engine
from tokkit.serve.generation.generation import Generation
from tokkit.serve.generation.texts import Characters
from tokkit.serve.options import ServeOptions
from tokkit.serve.refusals import RefusalError
from tokkit.serve.searching.posterior_fill import fill_by_posterior
from tokkit.serve.tickets import Ears, Errand, Figures, News, Order, Ticket


@dataclass(eq=False)
class Drawn:
    """A text that is under way or done.

    Attributes:
        generation: what was asked.
        characters: of its bytes.
        text: so far.
        handle: once it has ended.
        order: of the engine.
        begun_at: `time.monotonic` of its first byte.
        ended_at: and of its end.
    """

    generation: Generation
    characters: Characters
    text: str = ""
    handle: Handle | None = None
    order: Order | None = None
    begun_at: float = 0.0
    ended_at: float = 0.0

    @property
    def finish(self) -> str:
        """Why it has ended."""
        assert self.handle is not None
        return self.handle.finish or "length"

    @property
    def n_reused(self) -> int:
        """Tokens of its prompt that were not computed again, so far."""
        handle = self.order.handle if isinstance(self.order, Ticket) else None
        return 0 if handle is None else handle.tokens_reused

    @property
    def n_written(self) -> int:
        """Tokens that were drawn; of a text that was left, those that spell it."""
        if self.handle is not None:
            return self.handle.n_tokens
        return self.generation.served.count(self.text.encode())


class Piece(NamedTuple):
    """What is new of one of the texts.

    Attributes:
        number: of the text.
        text: characters that are now whole.
        is_last: whether it has ended.
        data: the bytes that are new.
        figures: of those, where they were asked for.
    """

    number: int
    text: str
    is_last: bool
    data: bytes = b""
    figures: Figures | None = None


class Drawing:
    """The texts of one request, as they come.

    Attributes:
        generations: what was asked, of each prompt.
        texts: all of them, those of a prompt one after the other.
        asked_at: `time.monotonic` at the beginning.
    """

    def __init__(self, generations: Sequence[Generation]) -> None:
        self.generations = generations
        self.texts = [
            Drawn(each, Characters(each.prompt if each.suffix is None else b""))
            for each in generations
            for _ in range(each.n)
        ]
        self.asked_at = time.monotonic()
        self._ears = Ears()
        self._index: dict[Order, int] = {}
        self._waiting = len(self.texts)

    def order(self, engine: Engine, options: ServeOptions) -> None:
        """Hand all texts to the engine.

        Raises:
            RefusalError: there is no room for them; some may have been taken.
        """
        for generation in self.generations:
            for k in range(generation.n):
                if generation.is_searched:
                    self._search(generation, k, engine, options)
                    continue
                ticket = Ticket(
                    model=generation.served.name,
                    ears=self._ears,
                    deadline=self.asked_at + options.max_seconds,
                    request=generation.request(k),
                    surroundings=generation.surroundings,
                    max_tokens=generation.max_tokens,
                    keep_logprobs=generation.keep_logprobs or generation.tells_figures,
                    keep_rows=generation.keep_rows,
                    tells_figures=generation.tells_figures,
                )
                self._submit(ticket, engine)

    def _search(
        self, generation: Generation, k: int, engine: Engine, options: ServeOptions
    ) -> None:
        seconds = generation.search_seconds
        errand = Errand(
            model=generation.served.name,
            ears=self._ears,
            deadline=self.asked_at + options.max_seconds,
            work=fill_by_posterior(
                generation.served,
                generation.request(k),
                generation.max_tokens,
                options.fill_budget,
                None if seconds is None else self.asked_at + seconds,
            ),
        )
        self._submit(errand, engine)

    def _submit(self, order: Order, engine: Engine) -> None:
        number = len(self._index)
        engine.submit(order)
        self._index[order], self.texts[number].order = number, order

    def leave(self, number: int, engine: Engine) -> None:
        """End a text that goes on, of which no more is wanted."""
        drawn = self.texts[number]
        if drawn.handle is None and drawn.order in self._index:
            del self._index[drawn.order]
            drawn.ended_at = time.monotonic()
            self._waiting -= 1
            engine.leave(drawn.order)

    @property
    def tickets(self) -> list[Order]:
        """Those that the engine has taken."""
        return list(self._index)

    async def pieces(self) -> AsyncIterator[Piece]:
        """What is new, until all texts have ended.

        Raises:
            TokkitError: one of them cannot go on.
        """
        while self._waiting:
            order, news = await self._ears.hear()
            if order not in self._index:
                continue  # it was left
            drawn, now = self.texts[self._index[order]], time.monotonic()
            if news.error is not None:
                raise news.error
            if isinstance(news.value, Handle):
                news = News(news.value.text, news.value)
            drawn.begun_at = drawn.begun_at or now
            fresh = drawn.characters.feed(news.data)
            drawn.text += fresh
            if news.handle is not None:
                drawn.handle, drawn.ended_at = news.handle, now
                self._waiting -= 1
                is_late = drawn.finish == "length" and now >= order.deadline
                if not drawn.text and is_late:
                    raise RefusalError(503, "no answer in the time allowed", code="timeout")
            is_last = news.handle is not None
            if news.data or is_last:
                yield Piece(self._index[order], fresh, is_last, news.data, news.figures)

    @property
    def n_written(self) -> int:
        """Tokens of all texts."""
        return sum(each.n_written for each in self.texts)

    @property
    def n_read(self) -> int:
        """Tokens of all prompts."""
        return sum(generation.n_prompt for generation in self.generations)

    @property
    def n_reused(self) -> int:
        """Tokens of the prompts that were not computed again."""
        known: dict[int, list[int]] = {}
        for each in self.texts:
            known.setdefault(id(each.generation), []).append(each.n_reused)
        # What the first of several texts of a prompt has computed, the others find.
        return sum(min(one.n_prompt, *known.get(id(one), [0])) for one in self.generations)

    @property
    def has_begun(self) -> bool:
        """Whether there is something of any of them."""
        return any(each.begun_at for each in self.texts)

    @property
    def first_after(self) -> float:
        """Seconds to the first byte of any of them that has begun."""
        return max(0.0, min(each.begun_at for each in self.texts if each.begun_at) - self.asked_at)


@asynccontextmanager
async def drawing(
    generations: Sequence[Generation], engine: Engine, options: ServeOptions
) -> AsyncGenerator[Drawing]:
    """Texts that the engine draws as long as somebody is here; then it drops what is left."""
    texts = Drawing(generations)
    try:
        texts.order(engine, options)
        yield texts
    finally:
        for order in texts.tickets:
            engine.leave(order)
