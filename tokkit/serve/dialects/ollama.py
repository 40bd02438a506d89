"""Ollama's routes: newline-delimited JSON, which streams unless told otherwise.

Source: Ollama's API reference (`docs/api.md`), and the requests of its clients. A prompt is framed
by the model's chat template where it has one, as there, unless `raw` is set, a suffix is given or
the prompt spells a FIM template out: twinny sends such a prompt without `raw`.
Where a request leaves sampling open, Ollama's defaults hold (temperature 0.8, top-k 40, top-p 0.9);
no token is repeated less for having occurred. Options of the machine (`num_ctx`, `num_thread` and
the like) and `keep_alive` are ignored: a model is as it was loaded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.chat.conversation import Message
from tokkit.serve.dialects.answers import drawn_for, whole_texts
from tokkit.serve.dialects.chat import messages_of
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.fim_prompts import read_fim_prompt
from tokkit.serve.dialects.requests import (
    NO_PENALTIES,
    NO_SAMPLER,
    PENALTIES,
    as_gap,
    healed_as_asked,
    n_tokens_of,
    sampling_of,
)
from tokkit.serve.endpoint import Answer, Call, Service, Stream, compact, reply
from tokkit.serve.generation.drawing import Drawing
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation
from tokkit.serve.refusals import RefusalError
from tokkit.serve.served import Models, Served
from tokkit.version import VERSION

_SAMPLERS: dict[str, Sequence[Any]] = {"mirostat": (0,), "tfs_z": (1,), "typical_p": (1,)}
_NOT_DONE: dict[str, Sequence[Any]] = {
    "images": ([],),
    "format": ("",),
    "template": ("",),
    "context": ([],),
    "think": (False,),
    "tools": ([],),
    "logprobs": (False,),
    "top_logprobs": (0,),
}
Kind = Literal["response", "message"]
"""What holds the text of an answer: of `/api/generate`, of `/api/chat`."""


def error_body(refusal: RefusalError) -> dict[str, Any]:
    """As its clients read it."""
    return {"error": refusal.message}


def _on_error(refusal: RefusalError) -> bytes:
    return _line(error_body(refusal))


def _line(value: Any) -> bytes:
    return compact(value) + b"\n"


async def generate(call: Call) -> Answer:
    """`POST /api/generate`."""
    fields, options = _fields(call)
    served = _find(call.service.models, fields)
    prompt, system = fields.text("prompt"), fields.text("system")
    fields.flag("heal")  # of what a template frames nothing is healed
    suffix = (fields if "suffix" in fields else options).text("suffix")
    if not prompt and not suffix:
        return reply(_loaded(served, fields, "response"))
    generation = _generation(call, served, options)
    is_gap = bool(suffix) or read_fim_prompt(prompt) is not None
    if is_gap or fields.flag("raw") or served.template is None:
        if system:
            why = "a raw prompt, a gap or a model without a chat template goes with no system"
            raise RefusalError(400, f"system is not supported: {why}", param="system")
        generation = replace(generation, prompt=prompt.encode(), suffix=suffix.encode() or None)
        generation = healed_as_asked(fields, as_gap(generation, prompt))
        if generation.is_searched:  # which has no filters; those of the defaults nobody asked for
            sampling = sampling_of(options, temperature=0.8)
            generation = replace(generation, sampling=sampling)
    else:
        before = [Message("system", system)] if system else []
        generation = await _framed(call, generation, [*before, Message("user", prompt)])
    return await _answer(call, fields, fitted(generation), "response")


async def chat(call: Call) -> Answer:
    """`POST /api/chat`."""
    fields, options = _fields(call)
    served = _find(call.service.models, fields)
    if fields.get("messages") in (None, []):
        return reply(_loaded(served, fields, "message"))
    messages = messages_of(fields)
    options.refuse("a chat has no gap", {"suffix": ("",)})
    generation = await _framed(call, _generation(call, served, options), messages)
    return await _answer(call, fields, fitted(generation), "message")


def _fields(call: Call) -> tuple[Fields, Fields]:
    """A request and its options, without what is not done.

    Raises:
        RefusalError: it asks for that.
    """
    fields = as_fields(call.body)
    options = fields.object("options")
    fields.refuse("this server does not do it", _NOT_DONE)
    options.refuse(NO_PENALTIES, PENALTIES)
    options.refuse(NO_SAMPLER, _SAMPLERS)
    return fields, options


def _find(models: Models, fields: Fields) -> Served:
    """The model that is named, with or without the tag that Ollama puts behind a name."""
    name = fields.text("model" if "model" in fields else "name")
    return models.find(name if name in models.by_name else name.removesuffix(":latest"))


def _generation(call: Call, served: Served, options: Fields) -> Generation:
    most = call.service.options.max_tokens
    to_the_end = options.get("num_predict") == -2  # until the context is full
    return Generation(
        served=served,
        prompt=b"",
        max_tokens=most
        if to_the_end
        else n_tokens_of(options, call.service.options, "num_predict") or most,
        sampling=sampling_of(options, temperature=0.8, top_k=40, top_p=0.9),
        stops=options.stops(),
        by_format=call.service.options.fills == "format",
        seed=options.seed("seed"),
    )


async def _framed(call: Call, generation: Generation, messages: Sequence[Message]) -> Generation:
    frame = call.service.conversations.frame
    framed = await asyncio.to_thread(frame, generation.served, messages)
    around = Surroundings(context=framed.ids, ends=framed.ends)
    return replace(generation, surroundings=around)


async def _answer(call: Call, fields: Fields, generation: Generation, kind: Kind) -> Answer:
    if fields.flag("stream", True):
        pieces = _lines(call.service, generation, kind)
        return Stream(pieces, "application/x-ndjson", _on_error)
    texts = await whole_texts(call.service, [generation])
    return reply(_last(texts, kind, texts.texts[0].text))


async def _lines(service: Service, generation: Generation, kind: Kind) -> AsyncGenerator[bytes]:
    async with drawn_for(service, [generation]) as texts:
        async for piece in texts.pieces():
            if piece.text:
                head = _head(generation.served, kind, piece.text)
                yield _line({**head, "done": False})
        yield _line(_last(texts, kind, ""))


def _head(served: Served, kind: Kind, text: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    held = text if kind == "response" else {"role": "assistant", "content": text}
    return {"model": served.name, "created_at": now, kind: held}


def _loaded(served: Served, fields: Fields, kind: Kind) -> dict[str, Any]:
    """The answer to a request without a text, which asks that a model be loaded or forgotten."""
    reason = "unload" if fields.get("keep_alive") in (0, "0", "0s") else "load"
    return {**_head(served, kind, ""), "done": True, "done_reason": reason}


def _last(texts: Drawing, kind: Kind, text: str) -> dict[str, Any]:
    """The last object of an answer, with the counts; durations are nanoseconds."""
    drawn = texts.texts[0]
    # A search reads and writes by turns, and tells its text at the end.
    begun = texts.asked_at if drawn.generation.is_searched else drawn.begun_at
    read, wrote = begun - texts.asked_at, drawn.ended_at - begun
    cut = {"truncated": True} if drawn.generation.is_truncated else {}
    return {
        **_head(drawn.generation.served, kind, text),
        "done": True,
        "done_reason": "length" if drawn.finish == "length" else "stop",
        "total_duration": _nanoseconds(read + wrote),
        "load_duration": 0,
        "prompt_eval_count": texts.n_read,
        "prompt_eval_duration": _nanoseconds(read),
        "eval_count": texts.n_written,
        "eval_duration": _nanoseconds(wrote),
        **cut,
    }


def _nanoseconds(seconds: float) -> int:
    return max(1, round(seconds * 1e9))


async def tags(call: Call) -> Answer:
    """`GET /api/tags`."""
    return reply({"models": [_listed(each) for each in call.service.models.by_name.values()]})


async def running(call: Call) -> Answer:
    """`GET /api/ps`: all models are loaded, for good."""
    models = [_listed(each) for each in call.service.models.by_name.values()]
    far = {"expires_at": "9999-12-31T23:59:59Z", "size_vram": 0}
    return reply({"models": [{**each, **far} for each in models]})


def _listed(served: Served) -> dict[str, Any]:
    return {
        "name": served.name,
        "model": served.name,
        "modified_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(0)),
        "size": 0,
        "digest": "",
        "details": _details(served),
    }


def _details(served: Served) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "tokkit",
        "family": served.name,
        "families": [served.name],
        "parameter_size": "",
        "quantization_level": "",
    }


async def show(call: Call) -> Answer:
    """`POST /api/show`."""
    served = _find(call.service.models, as_fields(call.body))
    inserts = served.fills or call.service.options.fills == "auto"
    return reply(
        {
            "modelfile": "",
            "parameters": "",
            "template": served.template or "",
            "details": _details(served),
            "model_info": {"general.context_length": served.n_context},
            "capabilities": ["completion", *(["insert"] if inserts else [])],
        }
    )


async def version(_: Call) -> Answer:
    """`GET /api/version`."""
    return reply({"version": VERSION})


DIALECT = Dialect(
    "Ollama",
    {
        ("POST", "/api/generate"): generate,
        ("POST", "/api/chat"): chat,
        ("POST", "/api/show"): show,
        ("GET", "/api/tags"): tags,
        ("GET", "/api/ps"): running,
        ("GET", "/api/version"): version,
    },
    error_body,
)
