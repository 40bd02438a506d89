"""Tabby, whose agent sends what stands around the cursor as `segments` to `/v1/completions`.

Source: Tabby's OpenAPI description. The route is OpenAI's, too; a request with `segments` is hers.
"""

from __future__ import annotations

import uuid

from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.dialects import openai
from tokkit.serve.dialects.answers import whole_texts
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.requests import healed_as_asked, n_tokens_of, sampling_of
from tokkit.serve.endpoint import Answer, Call, reply
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation
from tokkit.version import VERSION


async def complete(call: Call) -> Answer:
    """`POST /v1/completions`, of either dialect."""
    fields = as_fields(call.body)
    if "segments" in fields:
        return await _complete_segments(call, fields)
    return await openai.complete(call)


async def _complete_segments(call: Call, fields: Fields) -> Answer:
    segments = fields.object("segments")
    served, options = call.service.models.first, call.service.options
    suffix = segments.text("suffix").encode()
    generation = Generation(
        served=served,
        prompt=segments.text("prefix").encode(),
        suffix=suffix if suffix or served.fills else None,
        by_format=options.fills == "format",
        max_tokens=n_tokens_of(fields, options),
        sampling=sampling_of(fields, temperature=0.1),
        stops=(),
        seed=fields.seed("seed"),
    )
    generation = fitted(healed_as_asked(fields, generation))
    texts = await whole_texts(call.service, [generation])
    choices = [{"index": 0, "text": texts.texts[0].text, **openai.cut_note(generation)}]
    return reply({"id": f"cmpl-{uuid.uuid4().hex}", "choices": choices})


async def health(call: Call) -> Answer:
    """`GET /v1/health`."""
    return reply(
        {
            "model": call.service.models.first.name,
            "device": "cpu",
            "arch": "",
            "cpu_info": "",
            "cpu_count": 0,
            "cuda_devices": [],
            "version": {
                "build_date": "",
                "build_timestamp": "",
                "git_sha": "",
                "git_describe": VERSION,
            },
        }
    )


async def events(_: Call) -> Answer:
    """`POST /v1/events`: what a user did with a completion; it is not kept."""
    return reply({})


DIALECT = Dialect(
    "Tabby",
    {
        ("POST", "/v1/completions"): complete,
        ("GET", "/v1/health"): health,
        ("POST", "/v1/health"): health,
        ("POST", "/v1/events"): events,
    },
    openai.error_body,
)
