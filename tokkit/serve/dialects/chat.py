"""OpenAI's `/v1/chat/completions`, for messages of text."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.chat.conversation import Message
from tokkit.serve.dialects.answers import drawn_for, whole_texts
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.openai import DONE, error_body, finish_reason, on_error, usage_of
from tokkit.serve.dialects.requests import n_tokens_of, refuse_unheeded, sampling_of
from tokkit.serve.endpoint import Answer, Call, Service, Stream, event, reply
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation

MAX_MESSAGES = 512
_NEUTRAL: dict[str, Sequence[Any]] = {
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tools": ([],),
    "functions": ([],),
    "modalities": (["text"],),
    "audio": (),
    "chat_template": (),
    "chat_template_kwargs": ({},),
    "add_generation_prompt": (True,),
    "continue_final_message": (False,),
    "documents": ([],),
    "echo": (False,),
    "best_of": (1,),
}
_NOT_TEXT: dict[str, Sequence[Any]] = {
    "tool_calls": ([],),
    "function_call": (),
    "audio": (),
    "images": ([],),
}
_ROLES = ("system", "developer", "user", "assistant")


async def complete(call: Call) -> Answer:
    """`POST /v1/chat/completions`."""
    fields = as_fields(call.body)
    options = call.service.options
    served = call.service.models.find(fields.text("model"))
    refuse_unheeded(fields)
    fields.refuse("this server does not do it", _NEUTRAL)
    messages = messages_of(fields)
    n_tokens = n_tokens_of(fields, options, "max_completion_tokens", "max_tokens")
    if n_tokens == 0:
        raise fields.wrong("max_tokens", "at least 1")
    framed = await asyncio.to_thread(call.service.conversations.frame, served, messages)
    generation = Generation(
        served=served,
        prompt=b"",
        max_tokens=n_tokens,
        sampling=sampling_of(fields),
        stops=fields.stops(),
        seed=fields.seed("seed"),
        n=fields.whole("n", 1, 1, options.max_choices),
        surroundings=Surroundings(context=framed.ids, ends=framed.ends),
    )
    generation = fitted(generation)
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": served.name,
    }
    usage = fields.object("stream_options").flag("include_usage")
    if fields.flag("stream"):
        pieces = _chunks(call.service, generation, head, usage)
        return Stream(pieces, "text/event-stream", on_error)
    texts = await whole_texts(call.service, [generation])
    choices = [
        {
            "index": k,
            "message": {"role": "assistant", "content": drawn.text, "refusal": None},
            "logprobs": None,
            "finish_reason": finish_reason(drawn),
        }
        for k, drawn in enumerate(texts.texts)
    ]
    return reply({**head, "choices": choices, "usage": usage_of(texts)})


def messages_of(fields: Fields) -> list[Message]:
    """Messages of text.

    Raises:
        RefusalError: none, too many, or one that is more than text.
    """
    messages = fields.objects("messages")
    if not 0 < len(messages) <= MAX_MESSAGES:
        raise fields.wrong("messages", f"a list of 1 to {MAX_MESSAGES} messages")
    return [Message(_role(message), _content(message)) for message in messages]


def _role(message: Fields) -> str:
    role = message.text("role")
    if role not in _ROLES:
        raise message.wrong("role", f"one of {', '.join(_ROLES)}")
    message.refuse("messages are text", _NOT_TEXT)
    message.refuse("a reply begins anew", {"prefix": (False,)})
    return "system" if role == "developer" else role


def _content(message: Fields) -> str:
    """A text, or several parts of text."""
    content = message.get("content")
    if content is None:
        raise message.wrong("content", "text, or parts of the type text")
    if not isinstance(content, list):
        return message.text("content")
    for part in cast("list[Any]", content):
        if not isinstance(part, dict) or cast("dict[str, Any]", part).get("type") != "text":
            raise message.wrong("content", "text, or parts of the type text")
    return "".join(part.text("text") for part in message.objects("content"))


async def _chunks(
    service: Service, generation: Generation, head: dict[str, Any], usage: bool
) -> AsyncGenerator[bytes]:
    head = {**head, "object": "chat.completion.chunk"}
    rest: dict[str, Any] = {"usage": None} if usage else {}

    def chunk(index: int, delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        return event({**head, "choices": [choice], **rest})

    async with drawn_for(service, [generation]) as texts:
        pieces = texts.pieces()
        begun: set[int] = set()
        async for piece in pieces:
            if piece.number not in begun:
                begun.add(piece.number)
                yield chunk(piece.number, {"role": "assistant", "content": ""})
            if piece.text:
                yield chunk(piece.number, {"content": piece.text})
            if piece.is_last:
                yield chunk(piece.number, {}, finish_reason(texts.texts[piece.number]))
        if usage:
            yield event({**head, "choices": [], "usage": usage_of(texts)})
    yield DONE


DIALECT = Dialect("OpenAI chat", {("POST", "/v1/chat/completions"): complete}, error_body)
