"""The objects of llama.cpp's answers: one text as a whole, and what is new of one in a stream."""

from __future__ import annotations

import time
from typing import Any, cast

from tokkit.serve.dialects.llama_cpp.asking import Asked
from tokkit.serve.dialects.llama_cpp.following import Followed, Fresh
from tokkit.serve.generation.drawing import Drawing
from tokkit.serve.refusals import RefusalError


def error_body(refusal: RefusalError) -> dict[str, Any]:
    """An error as its clients read it."""
    kinds = {401: "authentication_error", 404: "not_found_error", 501: "not_supported_error"}
    kind = kinds.get(refusal.status, "invalid_request_error")
    if refusal.status in (429, 503):
        kind = "unavailable_error"
    elif refusal.status == 500:
        kind = "server_error"
    return {"error": {"code": refusal.status, "message": refusal.message, "type": kind}}


def what_is_new(
    texts: Drawing, asked: Asked, number: int, followed: Followed, fresh: Fresh
) -> dict[str, Any]:
    """An event of a stream.

    Args:
        texts: of the answer.
        asked: for them.
        number: of the text.
        followed: the text.
        fresh: what is new of it.
    """
    rest: dict[str, Any] = {}
    if asked.wanted.n_probs:
        rest["completion_probabilities"] = fresh.probabilities
    if asked.wanted.timings:
        rest["timings"] = _timings(texts, followed, followed.n_tokens)
    return {
        "index": number,
        "content": fresh.content,
        "tokens": fresh.tokens,
        "stop": False,
        "id_slot": number,
        "tokens_predicted": followed.n_tokens,
        "tokens_evaluated": followed.drawn.generation.n_prompt,
        **rest,
    }


def whole(texts: Drawing, asked: Asked, number: int, followed: Followed) -> dict[str, Any]:
    """A text that has ended, as far as its fields are wanted; in a stream without the text.

    Args:
        texts: of the answer.
        asked: for them.
        number: of the text.
        followed: the text.
    """
    wanted, drawn = asked.wanted, followed.drawn
    generation, handle = drawn.generation, drawn.handle
    told = Fresh() if wanted.streams else followed.told
    stop_type, word = "limit", ""
    if handle is not None and not followed.is_over and not wanted.warms:
        stop_type = {"end": "eos", "stop": "word"}.get(drawn.finish, "limit")
        word = (handle.stopped_by or b"").decode(errors="replace")
    if followed.is_over or handle is None:
        n_written = generation.served.count(followed.told.content.encode())
    else:
        n_written = 0 if wanted.warms else handle.n_tokens  # what warms the cache is nobody's
    sampling = {name: value for name, value in generation.sampling.items() if value is not None}
    answer: dict[str, Any] = {
        "index": number,
        "content": told.content,
        "tokens": told.tokens,
        "id_slot": number,
        "stop": True,
        "model": generation.served.name,
        "tokens_predicted": n_written,
        "tokens_evaluated": generation.n_prompt,
        "generation_settings": {
            "n_predict": 0 if wanted.warms else generation.max_tokens,
            "n_ctx": generation.served.n_context,
            "seed": -1 if generation.seed is None else generation.seed,
            "stop": list(generation.stops),
            **sampling,
        },
        "prompt": asked.prompts[number // generation.n],
        "has_new_line": "\n" in followed.told.content,
        "truncated": generation.is_truncated,
        "stop_type": stop_type,
        "stopping_word": word,
        "tokens_cached": generation.n_prompt + n_written,
        "timings": _timings(texts, followed, n_written),
    }
    if wanted.n_probs and not wanted.streams:
        answer["completion_probabilities"] = told.probabilities
    return _selected(answer, wanted.fields)


def _timings(texts: Drawing, followed: Followed, n_written: int) -> dict[str, Any]:
    drawn, now = followed.drawn, time.monotonic()
    begun, ended = drawn.begun_at or now, drawn.ended_at or now
    if drawn.generation.is_searched:  # reads and writes by turns, and tells its text at the end
        begun = texts.asked_at
    read_ms = 1000 * max(begun - texts.asked_at, 1e-6)
    write_ms = 1000 * max(ended - begun, 1e-6)
    n_known = min(drawn.n_reused, drawn.generation.n_prompt)
    n_read = drawn.generation.n_prompt - n_known
    return {
        "cache_n": n_known,
        "prompt_n": n_read,
        "prompt_ms": read_ms,
        "prompt_per_token_ms": read_ms / max(n_read, 1),
        "prompt_per_second": 1000 * n_read / read_ms,
        "predicted_n": n_written,
        "predicted_ms": write_ms,
        "predicted_per_token_ms": write_ms / max(n_written, 1),
        "predicted_per_second": 1000 * n_written / write_ms,
    }


def _selected(answer: dict[str, Any], paths: list[str] | None) -> dict[str, Any]:
    """The fields that are wanted; one inside another bears the whole path as its name."""
    if paths is None:
        return answer
    found: dict[str, Any] = {}
    for path in paths:
        value: Any = answer
        for name in path.split("/"):
            inside = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
            value = inside.get(name)
        if value is not None:
            found[path] = value
    return found
