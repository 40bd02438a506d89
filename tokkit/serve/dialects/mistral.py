"""Mistral's fill-in-the-middle route, as Codestral's clients and Continue use it.

Source: Mistral's API reference for `/v1/fim/completions`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from tokkit.serve.bodies import as_fields
from tokkit.serve.dialects.answers import drawn_for, whole_texts
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.openai import (
    DONE,
    cut_note,
    error_body,
    finish_reason,
    on_error,
    usage_of,
)
from tokkit.serve.dialects.requests import (
    healed_as_asked,
    n_tokens_of,
    refuse_unheeded,
    sampling_of,
)
from tokkit.serve.endpoint import Answer, Call, Service, Stream, event, reply
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation

_ONE_TEXT: dict[str, Sequence[Any]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "logprobs": (False,),
}


async def fill(call: Call) -> Answer:
    """`POST /v1/fim/completions`."""
    fields = as_fields(call.body)
    options = call.service.options
    served = call.service.models.find(fields.text("model"))
    refuse_unheeded(fields)
    fields.refuse("it is one text, without the prompt and without figures", _ONE_TEXT)
    suffix = fields.text("suffix").encode()
    n_tokens = n_tokens_of(fields, options, "max_tokens")
    if n_tokens == 0:
        raise fields.wrong("max_tokens", "at least 1")
    generation = Generation(
        served=served,
        prompt=fields.text("prompt").encode(),
        # That nothing follows is worth saying to a model that fills gaps, and to no other.
        suffix=suffix if suffix or ("suffix" in fields and served.fills) else None,
        max_tokens=n_tokens,
        sampling=sampling_of(fields, temperature=0.7),
        stops=fields.stops(),
        by_format=options.fills == "format",
        seed=fields.seed("random_seed", "seed"),
    )
    generation = fitted(healed_as_asked(fields, generation))
    head = {
        "id": uuid.uuid4().hex,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": served.name,
    }
    if fields.flag("stream"):
        pieces = _chunks(call.service, generation, head)
        return Stream(pieces, "text/event-stream", on_error)
    texts = await whole_texts(call.service, [generation])
    drawn = texts.texts[0]
    message = {"role": "assistant", "content": drawn.text, "tool_calls": None, "prefix": False}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason(drawn)}
    choice |= cut_note(generation)
    return reply({**head, "choices": [choice], "usage": usage_of(texts)})


async def _chunks(
    service: Service, generation: Generation, head: dict[str, Any]
) -> AsyncGenerator[bytes]:
    head = {**head, "object": "chat.completion.chunk"}

    def choice(content: str, reason: str | None) -> list[dict[str, Any]]:
        delta = {"role": "assistant", "content": content}
        return [{"index": 0, "delta": delta, "finish_reason": reason}]

    async with drawn_for(service, [generation]) as texts:
        async for piece in texts.pieces():
            if piece.text:
                yield event({**head, "choices": choice(piece.text, None)})
        last = choice("", finish_reason(texts.texts[0]))
        last[0] |= cut_note(generation)
        yield event({**head, "choices": last, "usage": usage_of(texts)})
    yield DONE


DIALECT = Dialect(
    "Mistral",
    {("POST", "/v1/fim/completions"): fill, ("POST", "/fim/completions"): fill},
    error_body,
)
