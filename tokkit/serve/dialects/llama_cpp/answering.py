"""llama.cpp's routes: `DIALECT`."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from tokkit.serve.dialects.answers import drawn_for
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.llama_cpp import facts
from tokkit.serve.dialects.llama_cpp.asking import Asked, read_completion, read_infill
from tokkit.serve.dialects.llama_cpp.following import Followed
from tokkit.serve.dialects.llama_cpp.telling import error_body, what_is_new, whole
from tokkit.serve.endpoint import Answer, Call, Reply, Service, Stream, event, reply
from tokkit.serve.refusals import RefusalError


async def complete(call: Call) -> Answer:
    """`POST /completion`."""
    return await _answer(call.service, read_completion(call))


async def infill(call: Call) -> Answer:
    """`POST /infill`."""
    return await _answer(call.service, read_infill(call))


async def _answer(service: Service, asked: Asked) -> Answer:
    if asked.wanted.streams:
        return Stream(_events(service, asked), "text/event-stream", _on_error)
    return await _whole(service, asked)


def _on_error(refusal: RefusalError) -> bytes:
    return event(error_body(refusal))


async def _whole(service: Service, asked: Asked) -> Reply:
    """One text as an object, several as a list."""
    async with drawn_for(service, asked.generations) as texts:
        followed = [Followed(drawn, asked.wanted) for drawn in texts.texts]
        async for piece in texts.pieces():
            one = followed[piece.number]
            one.feed(piece)
            if one.is_over:
                texts.leave(piece.number, service.engine)
    told = [whole(texts, asked, k, one) for k, one in enumerate(followed)]
    return reply(told[0] if len(told) == 1 else told)


async def _events(service: Service, asked: Asked) -> AsyncGenerator[bytes]:
    async with drawn_for(service, asked.generations) as texts:
        followed = [Followed(drawn, asked.wanted) for drawn in texts.texts]
        async for piece in texts.pieces():
            number = piece.number
            one = followed[number]
            fresh = one.feed(piece)
            if fresh:
                yield event(what_is_new(texts, asked, number, one, fresh))
            if one.is_over:
                texts.leave(number, service.engine)
            if one.is_over or piece.is_last:
                yield event(whole(texts, asked, number, one))


DIALECT = Dialect(
    "llama.cpp",
    {
        ("POST", "/completion"): complete,
        ("POST", "/completions"): complete,
        ("POST", "/infill"): infill,
        ("POST", "/tokenize"): facts.tokenize,
        ("POST", "/detokenize"): facts.detokenize,
        ("GET", "/props"): facts.props,
        ("GET", "/slots"): facts.slots,
        ("GET", "/health"): facts.health,
        ("GET", "/metrics"): facts.metrics,
    },
    error_body,
)
