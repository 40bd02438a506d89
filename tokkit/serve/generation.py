"""What a request asks for, in any dialect: `Generation`; its texts as they come: `Drawing`."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import SamplingOptions
from tokkit.errors import ArgumentError
from tokkit.serve.engine import Engine
from tokkit.serve.options import ServeOptions
from tokkit.serve.refusals import RefusalError, unsupported
from tokkit.serve.searching.posterior_fill import fill_by_posterior
from tokkit.serve.served import Served
from tokkit.serve.texts import Characters
from tokkit.serve.tickets import Ears, Errand, Figures, News, Order, Ticket

_MOST_BYTES = 1 << 20
_MARKERS = 64
"""Tokens that a FIM prompt has beside its parts, and what a model spells anew at its end."""
_LONGEST_TOKEN = 16
"""Bytes of the tokens of a text, on average, at most: what is much too long is not encoded."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What a request asks for.

    Attributes:
        served: the model.
        prompt: before the text.
        suffix: after it, where a gap is to be filled.
        max_tokens: of each text.
        sampling: how to draw.
        stops: strings that end a text.
        seed: of the first text; those after it have the numbers after it.
        n: texts.
        surroundings: what else stands around it.
        keep_rows: keep all distributions.
        tells_figures: whether pieces come with the figures of their bytes.
        seconds: that it may take; None: as long as the server permits.
        by_format: whether a gap may be filled in a model's own format alone.
        is_truncated: whether something of prompt or suffix was left out.
        n_prompt: tokens of prompt and suffix, once it is fitted.
    """

    served: Served
    prompt: bytes
    suffix: bytes | None = None
    max_tokens: int
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    stops: Sequence[str] = ()
    seed: int | None = None
    n: int = 1
    surroundings: Surroundings = field(default_factory=Surroundings)
    keep_rows: bool = False
    tells_figures: bool = False
    seconds: float | None = None
    by_format: bool = False
    is_truncated: bool = False
    n_prompt: int = 0

    def fitted(self) -> Generation:
        """The same, so that it fits into the model's context.

        The context of a gap is cut at its far ends; a plain prompt is refused where it is too long.

        Raises:
            RefusalError: a prompt that is too long, or a gap that the model does not fill.
        """
        if self.suffix is not None:
            return self._fitted_gap()
        limit, served = self.served.n_context, self.served
        context = len(self.surroundings.context)
        n_prompt = context + _count_up_to(served, self.prompt, limit)
        if n_prompt >= limit:
            raise RefusalError(
                400,
                f"the prompt has {n_prompt:,} tokens or more, and {served.name} reads {limit:,} "
                "with what it writes; send less",
                param="prompt",
                code="context_length_exceeded",
            )
        return replace(self, n_prompt=n_prompt, max_tokens=min(self.max_tokens, limit - n_prompt))

    def _fitted_gap(self) -> Generation:
        assert self.suffix is not None
        if self.by_format:
            try:
                self.served.fim_format()
            except ArgumentError as error:
                raise RefusalError(400, str(error), param="suffix", code="no_fim_format") from None
        elif not self.served.fills:
            return self._fitted_posterior()
        files = self.surroundings.files
        others = 0
        if files is not None:
            texts = [text for pair in files.files.items() for text in pair]
            others = sum(self.served.count(t.encode() if isinstance(t, str) else t) for t in texts)
        begins = self.surroundings.begins
        others += _MARKERS + self.served.count(begins)
        # What is written may be half of what there is room for, so that the context is not lost.
        max_tokens = min(self.max_tokens, self.served.n_context // 2)
        room = self.served.n_context - max_tokens - others
        if room < _MARKERS:
            raise RefusalError(
                400,
                f"the other files and the beginning of the middle leave no room in the "
                f"{self.served.n_context:,} tokens that {self.served.name} reads; send less",
                code="context_length_exceeded",
            )
        suffix, n_suffix = _first_tokens(self.served, self.suffix, max(room // 4, 1))
        prefix, n_prefix = _last_tokens(self.served, self.prompt, room - n_suffix)
        if n_suffix >= room // 4 and n_prefix < room - n_suffix:
            suffix, n_suffix = _first_tokens(self.served, self.suffix, room - n_prefix)
        cut = len(prefix) < len(self.prompt) or len(suffix) < len(self.suffix)
        return replace(
            self,
            prompt=prefix,
            suffix=suffix,
            max_tokens=max_tokens,
            n_prompt=n_prefix + n_suffix + others - _MARKERS,
            is_truncated=cut,
        )

    def _fitted_posterior(self) -> Generation:
        """The same for a model without a format: what is written in the gap belongs to the prefix.

        Raises:
            RefusalError: what has no meaning for middles that are searched for.
        """
        if self.surroundings.heal == "none":
            raise RefusalError(400, "heal: false needs a model with a FIM format", param="heal")
        neutral = {"top_k": None, "top_p": 1.0, "min_p": 0.0}
        for name, value in neutral.items():
            if self.sampling.get(name, value) != value:
                raise unsupported(name, "a middle is drawn as a whole, by temperature alone")
        limit = self.served.n_context
        max_tokens = min(self.max_tokens, limit // 4)
        prompt = self.prompt + self.surroundings.begins
        prefix, n_prefix = _last_tokens(self.served, prompt, limit // 2)
        suffix, n_suffix = _first_tokens(self.served, self.suffix or b"", limit // 8)
        return replace(
            self,
            prompt=prefix,
            suffix=suffix,
            max_tokens=max_tokens,
            surroundings=Surroundings(),
            n_prompt=n_prefix + n_suffix,
            is_truncated=len(prefix) < len(prompt) or len(suffix) < len(self.suffix or b""),
        )

    @property
    def is_searched(self) -> bool:
        """Whether its text is a middle that is searched for, not drawn."""
        return self.suffix is not None and not self.served.fills

    def request(self, k: int) -> Request:
        """What text number k is asked of the library."""
        sampling: SamplingOptions = {**self.sampling, "valid_utf8": True}
        return Request(
            self.prompt,
            suffix=self.suffix,
            max_bytes=min(self.max_tokens * 64, _MOST_BYTES),
            seed=None if self.seed is None else self.seed + k,
            stop=tuple(self.stops),
            **sampling,
        )


def _count_up_to(served: Served, text: bytes, limit: int) -> int:
    """Tokens of a text; of one that is much too long only those of its beginning."""
    return served.count(text[: limit * _LONGEST_TOKEN * 8])


def _first_tokens(served: Served, text: bytes, n: int) -> tuple[bytes, int]:
    """At most so many tokens at the beginning of a text, in whole characters, and their number."""
    cut = _whole(text[: n * _LONGEST_TOKEN])
    ends = served.ends(cut)
    if len(ends) > n:
        cut = _whole(cut[: ends[n - 1]])
        return cut, n
    return cut, len(ends)


def _last_tokens(served: Served, text: bytes, n: int) -> tuple[bytes, int]:
    """At most so many tokens at the end of a text, in whole characters, and their number."""
    cut = text[max(0, len(text) - n * _LONGEST_TOKEN) :]
    ends = served.ends(cut)
    if len(ends) > n:
        cut = cut[ends[len(ends) - n - 1] :]
    if len(cut) < len(text):
        cut = cut[next((k for k, b in enumerate(cut[:4]) if not 0x80 <= b < 0xC0), 0) :]
    return cut, min(n, len(ends))


def _whole(text: bytes) -> bytes:
    """Without the beginning of a character at the end."""
    return text.decode(errors="ignore").encode() if text[-1:] >= b"\x80" else text


@dataclass(eq=False)
class Drawn:
    """A text that is under way or done.

    Attributes:
        generation: what was asked.
        characters: of its bytes.
        text: so far.
        handle: once it has ended.
        begun_at: `time.monotonic` of its first byte.
        ended_at: and of its end.
    """

    generation: Generation
    characters: Characters
    text: str = ""
    handle: Handle | None = None
    begun_at: float = 0.0
    ended_at: float = 0.0

    @property
    def finish(self) -> str:
        """Why it has ended."""
        assert self.handle is not None
        return self.handle.finish or "length"


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
            seconds = min(options.max_seconds, generation.seconds or options.max_seconds)
            for k in range(generation.n):
                if generation.is_searched:
                    self._search(generation, k, engine, options)
                    continue
                ticket = Ticket(
                    model=generation.served.name,
                    ears=self._ears,
                    deadline=self.asked_at + seconds,
                    request=generation.request(k),
                    surroundings=generation.surroundings,
                    max_tokens=generation.max_tokens,
                    keep_rows=generation.keep_rows,
                    tells_figures=generation.tells_figures,
                )
                engine.submit(ticket)
                self._index[ticket] = len(self._index)

    def _search(
        self, generation: Generation, k: int, engine: Engine, options: ServeOptions
    ) -> None:
        seconds = generation.seconds
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
        engine.submit(errand)
        self._index[errand] = len(self._index)

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
                seconds = drawn.generation.seconds  # the client's own limit, which it wants kept
                is_own = seconds is not None and order.deadline >= self.asked_at + seconds
                is_late = drawn.finish == "length" and now >= order.deadline and not is_own
                if not drawn.text and is_late:
                    raise RefusalError(503, "no answer in the time allowed", code="timeout")
            is_last = news.handle is not None
            if news.data or is_last:
                yield Piece(self._index[order], fresh, is_last, news.data, news.figures)

    @property
    def n_written(self) -> int:
        """Tokens of all texts that have ended."""
        return sum(each.handle.n_tokens for each in self.texts if each.handle is not None)

    @property
    def n_read(self) -> int:
        """Tokens of all prompts."""
        return sum(generation.n_prompt for generation in self.generations)

    @property
    def n_reused(self) -> int:
        """Tokens of the prompts that were not computed again."""
        known = (each.handle.tokens_reused for each in self.texts if each.handle is not None)
        return min(max(known, default=0), self.n_read)

    @property
    def first_after(self) -> float:
        """Seconds to the first byte of any of them."""
        return max(0.0, min(each.begun_at for each in self.texts) - self.asked_at)


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
