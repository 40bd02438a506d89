"""OpenAI's completions, as its SDKs, editors and the lm-evaluation-harness use them.

Sources: OpenAI's API reference for `/v1/completions` and `/v1/models`; what clients send and expect
beyond it was seen on them. `/beta/completions` is DeepSeek's name for the same.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.dialects.answers import drawn_for, whole_texts
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.requests import (
    as_gap,
    healed_as_asked,
    n_tokens_of,
    prompts_of,
    refuse_unheeded,
    sampling_of,
)
from tokkit.serve.endpoint import Answer, Call, Reply, Service, Stream, event, reply
from tokkit.serve.errands import run_errand
from tokkit.serve.generation.drawing import Drawing, Drawn, Piece
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation
from tokkit.serve.generation.token_figures import (
    MOST,
    Expected,
    drawn_of,
    expected_of,
    joined,
    score_in_pieces,
    token_figures,
)
from tokkit.serve.generation.token_stream import TokenStream
from tokkit.serve.refusals import RefusalError, unsupported
from tokkit.serve.served import Served

DONE = b"data: [DONE]\n\n"


def error_body(refusal: RefusalError) -> dict[str, Any]:
    """As OpenAI's SDKs read it."""
    kind = "invalid_request_error"
    if refusal.status == 429:
        kind = "rate_limit_error"
    elif refusal.status >= 500:
        kind = "server_error"
    error = {
        "message": refusal.message,
        "type": kind,
        "param": refusal.param,
        "code": refusal.code,
    }
    return {"error": error}


def finish_reason(drawn: Drawn) -> str:
    """In OpenAI's words."""
    return "length" if drawn.finish == "length" else "stop"


def cut_note(generation: Generation) -> dict[str, bool]:
    """What a choice says where something of its gap's context was left out."""
    return {"truncated": True} if generation.is_truncated else {}


@dataclass(frozen=True)
class Wanted:
    """What a completion shall tell beside its text.

    Attributes:
        served: the model.
        logprobs: alternatives at each token; None: no figures.
        echo: whether the prompt stands before each text.
        ids: the lengths in bytes of each prompt's tokens, where it came as ids.
        byte_logprobs: whether each choice has the figure of each byte, an extension of ours.
        usage: whether a stream ends with the counts.
        best_of: texts that are drawn for each prompt; the best are kept.
        n: texts that are kept.
    """

    served: Served
    logprobs: int | None
    echo: bool
    ids: Sequence[list[int] | None]
    byte_logprobs: bool
    usage: bool
    best_of: int
    n: int


async def complete(call: Call) -> Answer:
    """`POST /v1/completions`; see `tokkit.serve.dialects.tabby`, which shares the path."""
    fields = as_fields(call.body)
    options = call.service.options
    served = call.service.models.find(fields.text("model"))
    refuse_unheeded(fields)
    n = fields.whole("n", 1, 1, options.max_choices)
    best_of = fields.whole("best_of", n, n, options.max_choices)
    stream, echo = fields.flag("stream"), fields.flag("echo")
    each_byte = fields.flag("byte_logprobs")
    logprobs = fields.whole("logprobs", 0, 0, MOST) if "logprobs" in fields else None
    prompts = prompts_of(fields, served)
    first = Generation(
        served=served,
        prompt=b"",
        suffix=fields.text("suffix").encode() or None,
        max_tokens=_max_tokens(fields, call, echo),
        sampling=sampling_of(fields),
        stops=fields.stops(),
        by_format=options.fills == "format",
        n=best_of,
        keep_logprobs=logprobs is not None or each_byte or best_of > n,
        keep_rows=bool(logprobs),
        tells_figures=stream and (logprobs is not None or each_byte),
    )
    seed = fields.seed("seed")
    generations: list[Generation] = []
    for k, prompt in enumerate(prompts):
        own = None if seed is None else seed + k * best_of
        one = replace(first, prompt=prompt.text, seed=own)
        one = one if prompt.ids is not None else as_gap(one, prompt.text.decode())
        generations.append(fitted(healed_as_asked(fields, one, prompt)))
    if any(one.is_searched for one in generations):
        for name, asked in {"logprobs": logprobs is not None, "best_of": best_of > n}.items():
            if asked:
                why = "a middle that is searched for is no text of tokens with figures"
                raise unsupported(name, f"{why}; leave out the suffix")
    if echo and each_byte:
        raise unsupported("byte_logprobs", "with echo; ask /v1/score for those of the prompt")
    if echo and any(one.suffix is not None for one in generations):
        raise unsupported("echo", "with a suffix there is no one text to repeat")
    if echo and not fields.flag("heal", True):
        raise unsupported("echo", "with heal: false the prompt is a condition of ids, and no text")
    usage = fields.object("stream_options").flag("include_usage")
    ids = [prompt.lengths for prompt in prompts]
    wanted = Wanted(served, logprobs, echo, ids, each_byte, usage, best_of, n)
    if not stream:  # which tells the counts anyhow
        return await _whole(call.service, generations, wanted)
    if best_of > n:
        raise unsupported("best_of", "it is known once a text is whole; leave out stream")
    return Stream(_chunks(call.service, generations, wanted), "text/event-stream", on_error)


def on_error(refusal: RefusalError) -> bytes:
    """An error in mid-stream."""
    return event(error_body(refusal))


def _max_tokens(fields: Fields, call: Call, echo: bool) -> int:
    options = call.service.options
    n = n_tokens_of(fields, options, "max_tokens", "max_completion_tokens")
    if n == 0 and not echo:
        raise fields.wrong("max_tokens", "at least 1 where echo is not set")
    return n


def _head(served: Served, kind: str, prefix: str) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": served.name,
    }


def usage_of(texts: Drawing) -> dict[str, Any]:
    """Counts of tokens."""
    return {
        "prompt_tokens": texts.n_read,
        "completion_tokens": texts.n_written,
        "total_tokens": texts.n_read + texts.n_written,
        "prompt_tokens_details": {"cached_tokens": texts.n_reused},
    }


async def _whole(service: Service, generations: list[Generation], wanted: Wanted) -> Reply:
    drawn_from = [one for one in generations if one.max_tokens > 0]
    texts = await whole_texts(service, drawn_from)
    choices: list[dict[str, Any]] = []
    for k, generation in enumerate(generations):
        own = texts.texts[k * wanted.best_of : (k + 1) * wanted.best_of]
        if wanted.best_of > wanted.n:
            own = sorted(own, key=_mean_logprob, reverse=True)
        before = await _expected_prompt(service, generation, wanted)
        kept: list[Drawn | None] = [*own[: wanted.n]] or [None] * wanted.n
        for drawn in kept:
            choice = _choice(len(choices), generation, drawn, wanted, before, wanted.ids[k])
            if wanted.byte_logprobs:
                choice["byte_logprobs"] = await _byte_logprobs(service, generation, drawn)
            choices.append(choice)
    usage = usage_of(texts)
    if not texts.texts:
        n_read = sum(one.n_prompt for one in generations)
        usage |= {"prompt_tokens": n_read, "total_tokens": n_read}
    return reply(
        {**_head(wanted.served, "text_completion", "cmpl"), "choices": choices, "usage": usage}
    )


def _mean_logprob(drawn: Drawn) -> float:
    assert drawn.handle is not None
    return sum(drawn.handle.logprobs) / max(1, drawn.handle.n_tokens)


async def _expected_prompt(
    service: Service, generation: Generation, wanted: Wanted
) -> Expected | None:
    """What the model expected of the prompt, where that is asked for."""
    if wanted.logprobs is None or not wanted.echo:
        return None
    work = score_in_pieces(wanted.served.model, generation.prompt, wanted.logprobs + 1)
    return await run_errand(service, wanted.served, work)


def _choice(
    index: int,
    generation: Generation,
    drawn: Drawn | None,
    wanted: Wanted,
    before: Expected | None,
    ids: list[int] | None,
) -> dict[str, Any]:
    prompt = generation.prompt.decode(errors="replace") if wanted.echo else ""
    text = prompt + (drawn.text if drawn is not None else "")
    figures = None
    if wanted.logprobs is not None:
        figures = _figures(generation, drawn, wanted, before, ids)
    return {
        "index": index,
        "text": text,
        "logprobs": figures,
        "finish_reason": "length" if drawn is None else finish_reason(drawn),
        **cut_note(generation),
    }


async def _byte_logprobs(
    service: Service, generation: Generation, drawn: Drawn | None
) -> Sequence[float]:
    """The figure of each byte of a text given all before it, nats; a suffix is no condition."""
    if drawn is None or drawn.handle is None:
        return []
    if not generation.is_searched:
        return drawn.handle.logprobs
    served, text = generation.served, drawn.handle.text
    work = score_in_pieces(served.model, text, 1, before=generation.prompt)
    return (await run_errand(service, served, work)).chosen.tolist()


async def _new_byte_logprobs(service: Service, drawn: Drawn, piece: Piece) -> Sequence[float]:
    """The figures of the bytes that are new; those of a character may come before it."""
    if piece.figures is not None:
        return piece.figures.logprobs
    return await _byte_logprobs(service, drawn.generation, drawn)  # of a search, all at once


def _figures(
    generation: Generation,
    drawn: Drawn | None,
    wanted: Wanted,
    before: Expected | None,
    ids: list[int] | None,
) -> dict[str, list[Any]]:
    """Figures of the prompt's tokens, if it is repeated, and of the text's."""
    k = wanted.logprobs or 0
    data, ends, parts = b"", list[int](), list[Expected]()
    if before is not None:
        data, parts = generation.prompt, [before]
        ends = np.cumsum(ids or []).tolist() if ids is not None else wanted.served.ends(data)
    n_before = len(data)
    if drawn is not None and drawn.handle is not None and drawn.handle.text:
        handle = drawn.handle
        ends += [n_before + end for end in handle.token_ends]
        parts.append(drawn_of(handle.text, handle.logprobs, handle.rows, k + 1))
        data += handle.text
    if not parts:
        parts = [expected_of(b"", np.empty((0, 257)), 1)]
    if len(parts) == 2 and parts[0].symbols.shape[1] != parts[1].symbols.shape[1]:
        width = min(part.symbols.shape[1] for part in parts)
        parts = [Expected(p.chosen, p.symbols[:, :width], p.logprobs[:, :width]) for p in parts]
    return token_figures(data, ends, joined(parts), k, first=n_before > 0)


async def _chunks(
    service: Service, generations: list[Generation], wanted: Wanted
) -> AsyncGenerator[bytes]:
    head = _head(wanted.served, "text_completion", "cmpl")
    rest: dict[str, Any] = {"usage": None} if wanted.usage else {}

    def chunk(
        index: int,
        text: str,
        drawn: Drawn | None = None,
        figures: Any = None,
        of_bytes: Sequence[float] | None = None,
    ) -> bytes:
        choice: dict[str, Any] = {"index": index, "text": text, "logprobs": figures}
        choice |= {} if of_bytes is None else {"byte_logprobs": of_bytes}
        choice["finish_reason"] = None if drawn is None else finish_reason(drawn)
        choice |= {} if drawn is None else cut_note(drawn.generation)
        return event({**head, "choices": [choice], **rest})

    drawn_from = [one for one in generations if one.max_tokens > 0]
    befores = [await _expected_prompt(service, one, wanted) for one in generations]
    async with drawn_for(service, drawn_from) as texts:
        for index in range(len(generations) * wanted.n if wanted.echo else 0):
            k = index // wanted.n
            before, figures = befores[k], None
            if before is not None:
                figures = _figures(generations[k], None, wanted, before, wanted.ids[k])
            prompt = generations[k].prompt.decode(errors="replace")
            yield chunk(index, prompt, figures=figures)
        streams = [
            TokenStream(each.generation, wanted.logprobs or 0, wanted.echo) for each in texts.texts
        ]
        async for piece in texts.pieces():
            number, drawn, of_bytes = piece.number, texts.texts[piece.number], None
            if wanted.byte_logprobs:
                of_bytes = await _new_byte_logprobs(service, drawn, piece)
            if wanted.logprobs is not None:
                run = streams[number].feed(piece)
                if run.ends or of_bytes:
                    told = run.figures() if run.ends else None
                    yield chunk(number, run.text, figures=told, of_bytes=of_bytes)
            elif piece.text or of_bytes:
                yield chunk(number, piece.text, of_bytes=of_bytes)
            if piece.is_last:
                yield chunk(number, "", drawn)
        if wanted.usage:
            yield event({**head, "choices": [], "usage": usage_of(texts)})
    yield DONE


def _model(served: Served) -> dict[str, Any]:
    return {
        "id": served.name,
        "object": "model",
        "created": 0,
        "owned_by": "tokkit",
        "meta": {"n_ctx_train": served.n_context},
    }


async def list_models(call: Call) -> Answer:
    """`GET /v1/models`."""
    models = [_model(served) for served in call.service.models.by_name.values()]
    return reply({"object": "list", "data": models})


async def show_model(call: Call) -> Answer:
    """`GET /v1/models/NAME`."""
    name = call.params["model"]
    served = call.service.models.by_name.get(name)
    if served is None:
        raise RefusalError(404, f"there is no model {name[:80]!r}", code="model_not_found")
    return reply(_model(served))


DIALECT = Dialect(
    "OpenAI",
    {
        ("POST", "/beta/completions"): complete,
        ("GET", "/v1/models"): list_models,
        ("GET", "/models"): list_models,
        ("GET", "/v1/models/{model:path}"): show_model,
    },
    error_body,
)
