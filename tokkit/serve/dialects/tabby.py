"""Tabby, whose agent sends what stands around the cursor as `segments` to `/v1/completions`.

Source: Tabby's OpenAPI description. The route is OpenAI's, too; a request with `segments` is hers.
Declarations and snippets of other files are shown to the model; the clipboard and the names of the
language and the repository are not.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.dialects import openai
from tokkit.serve.dialects.answers import whole_texts
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.other_files import CURRENT, files_of, show_files
from tokkit.serve.dialects.requests import (
    healed_as_asked,
    n_tokens_of,
    refuse_unheeded,
    sampling_of,
)
from tokkit.serve.endpoint import Answer, Call, reply
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation
from tokkit.version import VERSION

_DEBUG: dict[str, Sequence[Any]] = {
    "raw_prompt": (),
    "return_snippets": (False,),
    "return_prompt": (False,),
}
_OPENAI: dict[str, Sequence[Any]] = {
    "stream": (False,),
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "logprobs": (),
}
_PIECES = (
    "declarations",
    "relevant_snippets_from_changed_files",
    "relevant_snippets_from_recently_opened_files",
)
"""Of other files, in the order in which they are shown."""


async def complete(call: Call) -> Answer:
    """`POST /v1/completions`, of either dialect."""
    fields = as_fields(call.body)
    if "segments" in fields:
        return await _complete_segments(call, fields)
    return await openai.complete(call)


async def _complete_segments(call: Call, fields: Fields) -> Answer:
    segments = fields.object("segments")
    served, options = call.service.models.first, call.service.options
    fields.object("debug_options").refuse("segments are what is read", _DEBUG)
    refuse_unheeded(fields)
    fields.refuse("with segments there is one text, told as a whole", _OPENAI)
    n_tokens = n_tokens_of(fields, options, "max_tokens")
    if n_tokens == 0:
        raise fields.wrong("max_tokens", "at least 1")
    suffix = segments.text("suffix").encode()
    pieces = [piece for name in _PIECES for piece in files_of(segments, name, "filepath", "body")]
    current = segments.text("filepath") or CURRENT
    files, prefix = show_files(served, pieces, segments.text("prefix"), current)
    generation = Generation(
        served=served,
        prompt=prefix.encode(),
        suffix=suffix if suffix or served.fills else None,
        by_format=options.fills == "format",
        max_tokens=n_tokens,
        sampling=sampling_of(fields, temperature=0.1),
        stops=fields.stops(),
        seed=fields.seed("seed"),
        surroundings=Surroundings(files=files),
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
