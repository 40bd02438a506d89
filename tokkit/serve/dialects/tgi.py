"""Text Generation Inference, as `huggingface_hub.InferenceClient` and editors' plugins use it.

Source: the OpenAPI description of TGI. As there, a text is greedy unless the request samples
(`do_sample`, or a temperature, top-k or top-p that is not neutral). Unlike there, a text ends
before its stop string, and nothing is written for the token that ends it. A token's figure is the
log-probability of its bytes; one that no id of the vocabulary spells is told as several.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from tokkit.serve.bodies import MAX_STOPS, Fields, as_fields
from tokkit.serve.dialects.answers import drawn_for
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.requests import (
    NO_PENALTIES,
    NO_SAMPLER,
    PENALTIES,
    as_gap,
    healed_as_asked,
    n_tokens_of,
    sampling_of,
)
from tokkit.serve.endpoint import Answer, Call, Reply, Service, Stream, event, reply
from tokkit.serve.generation.drawing import Drawn
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation
from tokkit.serve.generation.token_stream import TokenRun, TokenStream
from tokkit.serve.refusals import RefusalError
from tokkit.version import VERSION

_SAMPLERS: dict[str, Sequence[Any]] = {"typical_p": (1,)}
_NOT_DONE: dict[str, Sequence[Any]] = {
    "adapter_id": (),
    "best_of": (1,),
    "decoder_input_details": (False,),
    "grammar": (),
    "top_n_tokens": (0,),
    "truncate": (),
    "watermark": (False,),
}
_REASONS = {"length": "length", "stop": "stop_sequence"}


def error_body(refusal: RefusalError) -> dict[str, Any]:
    """As its clients read it."""
    kind = "overloaded" if refusal.status in (429, 503) else "generation"
    if 400 <= refusal.status < 500 and refusal.status != 429:
        kind = "validation"
    return {"error": refusal.message, "error_type": kind}


def _on_error(refusal: RefusalError) -> bytes:
    return event(error_body(refusal))


async def either(call: Call) -> Answer:
    """`POST /`: in a stream where the request says so."""
    fields = as_fields(call.body)
    if fields.flag("stream"):
        return _stream(call, fields)
    return reply([await _whole(call, fields)])


async def generate(call: Call) -> Answer:
    """`POST /generate`."""
    return reply(await _whole(call, as_fields(call.body)))


async def generate_stream(call: Call) -> Answer:
    """`POST /generate_stream`."""
    return _stream(call, as_fields(call.body))


class Asked(NamedTuple):
    """What a request asks for.

    Attributes:
        generation: of the text.
        before: what stands before the text where it is told.
        details: whether its tokens are told, too.
    """

    generation: Generation
    before: str
    details: bool


def _read(call: Call, fields: Fields) -> Asked:
    if "inputs" not in fields:
        raise fields.wrong("inputs", "a string")
    inputs, parameters = fields.text("inputs"), fields.object("parameters")
    parameters.refuse(NO_PENALTIES, PENALTIES)
    parameters.refuse(NO_SAMPLER, _SAMPLERS)
    parameters.refuse("this server does not do it", _NOT_DONE)
    sampling = sampling_of(parameters)
    neutral = sampling_of(Fields({}))
    if not parameters.flag("do_sample") and sampling == neutral:
        sampling["temperature"] = 0.0
    n_tokens = n_tokens_of(parameters, call.service.options, "max_new_tokens")
    if n_tokens == 0:
        raise parameters.wrong("max_new_tokens", "at least 1")
    generation = Generation(
        served=call.service.models.find(fields.text("model")),
        prompt=inputs.encode(),
        max_tokens=n_tokens,
        sampling=sampling,
        stops=parameters.stops(),
        by_format=call.service.options.fills == "format",
        seed=parameters.seed("seed"),
    )
    generation = as_gap(generation, inputs)
    generation = healed_as_asked(parameters, generation)
    generation = fitted(replace(generation, tells_figures=not generation.is_searched))
    before = inputs if parameters.flag("return_full_text") else ""
    return Asked(generation, before, parameters.flag("details"))


async def _whole(call: Call, fields: Fields) -> dict[str, Any]:
    asked = _read(call, fields)
    service, tokens, generation = call.service, list[dict[str, Any]](), asked.generation
    async with drawn_for(service, [generation]) as texts:
        stream = TokenStream(generation, 0)
        async for piece in texts.pieces():
            tokens += _tokens(generation, stream.feed(piece))
    drawn = texts.texts[0]
    answer: dict[str, Any] = {"generated_text": asked.before + drawn.text}
    if asked.details:
        answer["details"] = {**_details(drawn), "prefill": [], "tokens": tokens}
    return answer


def _details(drawn: Drawn) -> dict[str, Any]:
    assert drawn.handle is not None
    return {
        "finish_reason": _REASONS.get(drawn.finish, "eos_token"),
        "generated_tokens": drawn.handle.n_tokens,
        "input_length": drawn.generation.n_prompt,
        "seed": drawn.generation.seed,
    }


def _tokens(generation: Generation, run: TokenRun) -> Iterator[dict[str, Any]]:
    """Tokens as TGI tells them; of a character that several make, the last one has the text."""
    place = 0
    for (data, _, _), text in zip(run.tokens(), run.texts, strict=True):
        parts = generation.served.tokens_of(data)
        for k, (token, spelt) in enumerate(parts):
            logprob = float(run.expected.chosen[place : place + len(spelt)].sum())
            place += len(spelt)
            told = text if k == len(parts) - 1 else ""
            yield {"id": token, "text": told, "logprob": logprob, "special": False}


def _stream(call: Call, fields: Fields) -> Stream:
    pieces = _events(call.service, _read(call, fields))
    return Stream(pieces, "text/event-stream", _on_error)


async def _events(service: Service, asked: Asked) -> AsyncGenerator[bytes]:
    """A token an event; the last one has the whole text, so that a token is held back for it."""
    held: dict[str, Any] | None = None
    n_told, generation = 0, asked.generation

    def told(token: dict[str, Any], text: str | None, details: Any) -> bytes:
        nonlocal n_told
        n_told += 1
        rest: dict[str, Any] = {"top_tokens": [], "generated_text": text, "details": details}
        return event({"index": n_told, "token": token, **rest})

    async with drawn_for(service, [generation]) as texts:
        stream = TokenStream(generation, 0)
        async for piece in texts.pieces():
            for token in _tokens(generation, stream.feed(piece)):
                if held is not None:
                    yield told(held, None, None)
                held = token
        drawn = texts.texts[0]
        if held is None:  # of what is searched for, or empty, there are no tokens to tell
            held = {"id": -1, "text": drawn.text, "logprob": None, "special": not drawn.text}
        yield told(held, asked.before + drawn.text, _details(drawn))


async def info(call: Call) -> Answer:
    """`GET /info`."""
    served, options = call.service.models.first, call.service.options
    return reply(
        {
            "model_id": served.name,
            "model_sha": None,
            "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": options.max_running + options.max_queue,
            "max_best_of": 1,
            "max_stop_sequences": MAX_STOPS,
            "max_input_tokens": served.n_context - 1,
            "max_total_tokens": served.n_context,
            "max_client_batch_size": 1,
            "router": "tokkit",
            "version": VERSION,
        }
    )


async def alive(_: Call) -> Answer:
    """`GET /ping`: it lives."""
    return Reply(b"")


DIALECT = Dialect(
    "TGI",
    {
        ("POST", "/"): either,
        ("POST", "/generate"): generate,
        ("POST", "/generate_stream"): generate_stream,
        ("GET", "/info"): info,
        ("GET", "/ping"): alive,
    },
    error_body,
)
