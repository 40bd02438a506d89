"""The fields of each route's request, as JSON Schema: `BODIES`.

They say what is read. Other fields are ignored, or refused by name where they would change the
answer; null stands for a field that is not there.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = "dict[str, Any]"


def _field(kind: str, **rest: Any) -> Schema:
    return {"type": [kind, "null"], **rest}


def _body(required: tuple[str, ...] = (), /, **fields: Schema) -> Schema:
    required_too = {"required": list(required)} if required else {}
    return {"type": "object", "properties": fields, **required_too}


def _list(of: Schema, **rest: Any) -> Schema:
    return _field("array", items=of, **rest)


_TEXT, _FLAG = _field("string"), _field("boolean")
_STRING: Schema = {"type": "string"}
_COUNT = _field("integer", minimum=-1, maximum=(1 << 31) - 1)
_SEED = _field("integer", minimum=-(1 << 63), maximum=(1 << 64) - 1)
_SHARE = _field("number", minimum=0, maximum=1)
_STOP: Schema = {
    "oneOf": [
        {"type": ["string", "null"], "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 64},
    ]
}
_IDS: Schema = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_PROMPT: Schema = {
    "oneOf": [
        _TEXT,
        {**_IDS, "minItems": 1},
        {
            "type": "array",
            "items": {"anyOf": [_STRING, {**_IDS, "minItems": 1}]},
            "minItems": 1,
            "maxItems": 64,
        },
    ]
}
_SAMPLING = {
    "temperature": _field("number", minimum=0, maximum=100),
    "top_k": _COUNT,
    "top_p": _SHARE,
    "min_p": _SHARE,
}
_SAMPLED = {
    **_SAMPLING,
    "stop": _STOP,
    "seed": _SEED,
    "unit": {"enum": ["byte", None]},
}
_STREAMED = {
    "stream": _FLAG,
    "stream_options": _field("object", properties={"include_usage": _FLAG}),
}
_PIECES = _list({"type": "object", "properties": {"filepath": _TEXT, "body": _TEXT}}, maxItems=256)
_SEGMENTS = {
    "prefix": _TEXT,
    "suffix": _TEXT,
    "filepath": _TEXT,
    "declarations": _PIECES,
    "relevant_snippets_from_changed_files": _PIECES,
    "relevant_snippets_from_recently_opened_files": _PIECES,
}
_OPENAI = _body(
    model=_TEXT,
    prompt=_PROMPT,
    suffix=_TEXT,
    max_tokens=_COUNT,
    max_completion_tokens=_COUNT,
    n=_field("integer", minimum=1),
    best_of=_field("integer", minimum=1),
    echo=_FLAG,
    logprobs=_field("integer", minimum=0, maximum=20),
    byte_logprobs=_FLAG,
    heal=_FLAG,
    segments=_field("object", properties=_SEGMENTS),
    **_SAMPLED,
    **_STREAMED,
)
_MESSAGES: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": 512,
    "items": {
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": {"enum": ["system", "developer", "user", "assistant"]},
            "content": {
                "oneOf": [
                    _STRING,
                    {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["type", "text"],
                            "properties": {"type": {"const": "text"}, "text": _STRING},
                        },
                    },
                ]
            },
        },
    },
}
_CHAT = _body(
    ("messages",),
    model=_TEXT,
    messages=_MESSAGES,
    max_tokens=_COUNT,
    max_completion_tokens=_COUNT,
    n=_field("integer", minimum=1),
    **_SAMPLED,
    **_STREAMED,
)
_MISTRAL = _body(
    model=_TEXT,
    prompt=_TEXT,
    suffix=_TEXT,
    max_tokens=_COUNT,
    random_seed=_SEED,
    stream=_FLAG,
    heal=_FLAG,
    **_SAMPLED,
)
_LLAMA = {
    "model": _TEXT,
    "n_predict": _field("integer", minimum=-2, maximum=(1 << 31) - 1),
    "n_indent": _field("integer", minimum=0, maximum=(1 << 31) - 1),
    "n_probs": _field("integer", minimum=0, maximum=20),
    "n_cmpl": _field("integer", minimum=1),
    "return_tokens": _FLAG,
    "timings_per_token": _FLAG,
    "heal": _FLAG,
    "t_max_predict_ms": _field("number", minimum=-1, maximum=1e9),
    "samplers": _list(_STRING),
    "response_fields": _list(_STRING),
    "stream": _FLAG,
    **_SAMPLED,
}
_INFILL = _body(
    input_prefix=_TEXT,
    input_suffix=_TEXT,
    prompt=_TEXT,
    input_extra=_list(
        {"type": "object", "properties": {"filename": _TEXT, "text": _TEXT}}, maxItems=256
    ),
    **_LLAMA,
)
_OLLAMA_OPTIONS = {
    "num_predict": _field("integer", minimum=-2, maximum=(1 << 31) - 1),
    **_SAMPLED,
}
_OLLAMA = {"model": _TEXT, "stream": _FLAG}
_TGI: Schema = {
    "inputs": _STRING,
    "parameters": _field(
        "object",
        properties={
            "max_new_tokens": _COUNT,
            "do_sample": _FLAG,
            "details": _FLAG,
            "return_full_text": _FLAG,
            "heal": _FLAG,
            **_SAMPLED,
        },
    ),
}

BODIES: dict[str, Schema] = {
    "/v1/completions": _OPENAI,
    "/beta/completions": _OPENAI,
    "/v1/chat/completions": _CHAT,
    "/v1/fim/completions": _MISTRAL,
    "/fim/completions": _MISTRAL,
    "/completion": _body(prompt=_PROMPT, **_LLAMA),
    "/completions": _body(prompt=_PROMPT, **_LLAMA),
    "/infill": _INFILL,
    "/tokenize": _body(model=_TEXT, content=_TEXT, add_special=_FLAG, with_pieces=_FLAG),
    "/detokenize": _body(("tokens",), model=_TEXT, tokens=_IDS),
    "/v1/health": {},
    "/v1/events": {},
    "/api/generate": _body(
        prompt=_TEXT,
        suffix=_TEXT,
        system=_TEXT,
        raw=_FLAG,
        heal=_FLAG,
        **_OLLAMA,
        options=_field("object", properties={"suffix": _TEXT, **_OLLAMA_OPTIONS}),
    ),
    "/api/chat": _body(
        messages={"anyOf": [_MESSAGES, {"enum": [[], None]}]},
        options=_field("object", properties=_OLLAMA_OPTIONS),
        **_OLLAMA,
    ),
    "/api/show": _body(model=_TEXT),
    "/": _body(("inputs",), stream=_FLAG, **_TGI),
    "/generate": _body(("inputs",), **_TGI),
    "/generate_stream": _body(("inputs",), **_TGI),
    "/v1/score": _body(
        ("documents",),
        model=_TEXT,
        documents={
            "oneOf": [_STRING, {"type": "array", "items": _STRING, "minItems": 1, "maxItems": 64}]
        },
        prefix=_TEXT,
        window=_field("integer", minimum=2, maximum=1 << 20),
        stride=_field("integer", minimum=1, maximum=1 << 20),
        byte_logprobs=_FLAG,
    ),
}
"""Of each path that is posted to; an empty one takes anything."""
