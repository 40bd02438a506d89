"""llama.cpp's server, as llama.vim, llama.vscode and others use it.

Source: the README of its server, and the requests of those clients. Where a request leaves sampling
open, its defaults hold (temperature 0.8, top-k 40, top-p 0.95, min-p 0.05). They act on bytes, in
the order of `tokkit.bytelm.drawing.sampling`, in which the temperature comes first. A sampler that
`samplers` leaves out is not applied.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.completion.fim_context import RepositoryFiles
from tokkit.bytelm.drawing.sampling import SamplingOptions
from tokkit.errors import ArgumentError
from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.dialects import llama_cpp_facts
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.requests import (
    MAX_ID,
    NO_PENALTIES,
    NO_SAMPLER,
    PENALTIES,
    as_gap,
    n_tokens_of,
    prompts_of,
    sampling_of,
)
from tokkit.serve.dialects.token_figures import END_TEXT, MOST
from tokkit.serve.dialects.token_stream import TokenRun, TokenStream
from tokkit.serve.endpoint import Answer, Call, Reply, Service, Stream, event, reply
from tokkit.serve.generation import Drawing, Drawn, Generation, drawing
from tokkit.serve.refusals import RefusalError, unsupported
from tokkit.serve.served import Served
from tokkit.serve.texts import token_text

_PENALTIES: dict[str, Sequence[Any]] = {
    **PENALTIES,
    "repeat_penalty": (1,),
    "dry_multiplier": (0,),
}
_OTHER_SAMPLERS: dict[str, Sequence[Any]] = {
    "dynatemp_range": (0,),
    "mirostat": (0,),
    "typical_p": (1,),
    "typ_p": (1,),
    "xtc_probability": (0,),
    "top_n_sigma": (-1, 0),
}
_UNKNOWN: dict[str, Sequence[Any]] = {
    "grammar": ("",),
    "json_schema": ({},),
    "ignore_eos": (False,),
    "logit_bias": ([], {}),
    "lora": ([],),
    "post_sampling_probs": (False,),
    "return_tokens": (False,),
    "image_data": ([],),
    "n_cmpl": (1,),
}
_SAMPLERS = {
    "temperature": {"temperature": 1.0},
    "top_k": {"top_k": None},
    "top_p": {"top_p": 1.0},
    "min_p": {"min_p": 0.0},
}
"""What each of them leaves as it is where it is not applied."""
_MAX_FILES = 256
_SNIPPET = "\n\n--- snippet ---\n\n"
"""Before each piece of other files, for models whose format has no way to show them."""


def error_body(refusal: RefusalError) -> dict[str, Any]:
    """As its clients read it."""
    kinds = {401: "authentication_error", 404: "not_found_error", 501: "not_supported_error"}
    kind = kinds.get(refusal.status, "invalid_request_error")
    if refusal.status in (429, 503):
        kind = "unavailable_error"
    elif refusal.status == 500:
        kind = "server_error"
    return {"error": {"code": refusal.status, "message": refusal.message, "type": kind}}


@dataclass(frozen=True)
class Wanted:
    """What an answer shall hold, and where its text ends beside its stop strings.

    Attributes:
        fields: of the answer, by path; None: all of them.
        n_indent: the text ends before a line that is indented by less.
        prompt: as it was sent.
        warms: whether no text is asked for: the prompt is read into the cache.
        n_probs: alternatives to tell at each token; 0: no figures.
    """

    fields: list[str] | None
    n_indent: int
    prompt: str
    warms: bool
    n_probs: int = 0


async def complete(call: Call) -> Answer:
    """`POST /completion`."""
    fields = as_fields(call.body)
    served = call.service.models.find(fields.text("model"))
    prompts = prompts_of(fields, served)
    if len(prompts) > 1:
        raise fields.wrong("prompt", "one prompt; send several to /v1/completions")
    prompt, ids = prompts[0]
    generation = replace(_read(call, fields, served), prompt=prompt)
    if ids is None:
        generation = as_gap(generation, prompt.decode())
    shown = prompt.decode(errors="replace")
    return await _answer(call, fields, _unfiltered(generation).fitted(), shown)


async def infill(call: Call) -> Answer:
    """`POST /infill`."""
    fields = as_fields(call.body)
    served = call.service.models.find(fields.text("model"))
    prefix, suffix = fields.text("input_prefix"), fields.text("input_suffix")
    begins = fields.text("prompt")
    extra = [
        (each.text("filename") or f"file{k}", each.text("text"))
        for k, each in enumerate(fields.objects("input_extra"))
    ]
    if len(extra) > _MAX_FILES:
        raise fields.wrong("input_extra", f"at most {_MAX_FILES} files")
    generation = _read(call, fields, served)
    if call.service.options.fills == "format":
        try:
            served.fim_format()
        except ArgumentError as error:
            raise RefusalError(501, str(error)) from None
    files = None
    if extra and served.fills and served.shows_files:
        files = RepositoryFiles("current file", _of_unlike_names(extra))
    elif extra:
        prefix = "".join(f"{_SNIPPET}{text}" for _, text in extra) + _SNIPPET + prefix
    if served.fills or suffix:
        around = Surroundings(files=files, begins=begins.encode())
        generation = replace(
            generation, prompt=prefix.encode(), suffix=suffix.encode(), surroundings=around
        )
    else:  # to a model without a format, that nothing follows is no reason to search
        generation = replace(generation, prompt=(prefix + begins).encode())
    return await _answer(call, fields, _unfiltered(generation).fitted(), prefix)


def _unfiltered(generation: Generation) -> Generation:
    """Of what is searched for, the temperature alone: its clients always send filters, too."""
    if not generation.is_searched:
        return generation
    temperature = generation.sampling.get("temperature", 1.0)
    return replace(generation, sampling={"temperature": temperature})


def _of_unlike_names(extra: list[tuple[str, str]]) -> dict[str, str]:
    """Files by name; pieces of one file are one after the other."""
    files: dict[str, str] = {}
    for name, text in extra:
        name = f"{name} (other)" if name == "current file" else name
        files[name] = files[name] + "\n" + text if name in files else text
    return files


def _read(call: Call, fields: Fields, served: Served) -> Generation:
    """What both routes have in common."""
    fields.refuse(NO_PENALTIES, _PENALTIES)
    fields.refuse(NO_SAMPLER, _OTHER_SAMPLERS)
    fields.refuse("this server does not do it", _UNKNOWN)
    milliseconds = fields.real("t_max_predict_ms", 0, -1, 1e9)
    return Generation(
        served=served,
        prompt=b"",
        max_tokens=_max_tokens(fields, call),
        sampling=_sampling(fields),
        stops=fields.stops(),
        by_format=call.service.options.fills == "format",
        seed=fields.seed("seed"),
        seconds=milliseconds / 1000 if milliseconds > 0 else None,
    )


def _max_tokens(fields: Fields, call: Call) -> int:
    name = "n_predict" if "n_predict" in fields else "max_tokens"
    if fields.get(name) == -2:  # until the context is full
        return call.service.options.max_tokens
    return n_tokens_of(fields, call.service.options, name)


def _sampling(fields: Fields) -> SamplingOptions:
    sampling = sampling_of(fields, temperature=0.8, top_k=40, top_p=0.95, min_p=0.05)
    names = fields.get("samplers")
    if names is None:
        return sampling
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):  # pyright: ignore[reportUnknownVariableType]
        raise fields.wrong("samplers", "a list of names")
    left_out = _SAMPLERS.keys() - set(cast("list[str]", names))
    for name in left_out:
        sampling |= cast("SamplingOptions", _SAMPLERS[name])
    return sampling


def _response_fields(fields: Fields) -> list[str] | None:
    paths = fields.get("response_fields")
    if paths is None or paths == []:
        return None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):  # pyright: ignore[reportUnknownVariableType]
        raise fields.wrong("response_fields", "a list of names")
    return cast("list[str]", paths)


async def _answer(call: Call, fields: Fields, generation: Generation, prompt: str) -> Answer:
    n_indent, warms = fields.whole("n_indent", 0, 0, MAX_ID), generation.max_tokens == 0
    n_probs = fields.whole("n_probs", 0, 0, MOST)
    wanted = Wanted(_response_fields(fields), n_indent, prompt, warms, n_probs)
    if n_probs:
        if generation.is_searched or n_indent:
            raise unsupported("n_probs", "with n_indent, or of a middle that is searched for")
        generation = replace(generation, keep_rows=True, tells_figures=True)
    if warms:
        generation = replace(generation, max_tokens=1)  # draws one to warm the cache, tells none
        return await _whole(call.service, generation, wanted)
    if fields.flag("stream"):
        pieces = _chunks(call.service, generation, wanted)
        return Stream(pieces, "text/event-stream", _on_error)
    return await _whole(call.service, generation, wanted)


def _on_error(refusal: RefusalError) -> bytes:
    return event(error_body(refusal))


def indent_cut(text: str, n_indent: int) -> int | None:
    """Where a text ends before its first line, but for the first, that is indented by less."""
    start = text.find("\n")
    while n_indent > 0 and start >= 0:
        line = text[start + 1 :]
        indent = len(line) - len(line.lstrip(" \t"))
        if indent < len(line) and indent < n_indent:
            return start + 1
        start = text.find("\n", start + 1)
    return None


async def _whole(service: Service, generation: Generation, wanted: Wanted) -> Reply:
    async with drawing([generation], service.engine, service.options) as texts:
        drawn, cut = texts.texts[0], None
        stream, told = TokenStream(generation, wanted.n_probs), list[dict[str, Any]]()
        async for piece in texts.pieces():
            told += _probabilities(generation, stream.feed(piece))
            cut = indent_cut(drawn.text, wanted.n_indent)
            if cut is not None:
                break
    drawn.ended_at = drawn.ended_at or time.monotonic()
    service.metrics.note_text(texts.n_read, texts.n_written, texts.first_after)
    content = "" if wanted.warms else drawn.text[:cut]
    final = _final(texts, drawn, wanted, content, cut is not None or wanted.warms)
    if wanted.n_probs:
        final["completion_probabilities"] = [] if wanted.warms else told
    return reply(_selected(final, wanted.fields))


async def _chunks(
    service: Service, generation: Generation, wanted: Wanted
) -> AsyncGenerator[bytes]:
    async with drawing([generation], service.engine, service.options) as texts:
        drawn, cut, n_sent = texts.texts[0], None, 0
        stream = TokenStream(generation, wanted.n_probs)
        async for piece in texts.pieces():
            cut = indent_cut(drawn.text, wanted.n_indent)
            content, rest = drawn.text[n_sent:cut], dict[str, Any]()
            if wanted.n_probs:
                run = stream.feed(piece)
                content = run.text
                rest = {"completion_probabilities": [*_probabilities(generation, run)]}
            if content or any(rest.values()):
                n_sent += len(content)
                yield event(
                    {
                        "index": 0,
                        "content": content,
                        "tokens": [],
                        "stop": False,
                        "id_slot": -1,
                        "tokens_predicted": n_sent,
                        "tokens_evaluated": generation.n_prompt,
                        **rest,
                    }
                )
            if cut is not None:
                break
        drawn.ended_at = drawn.ended_at or time.monotonic()
        service.metrics.note_text(texts.n_read, texts.n_written, texts.first_after)
        final = _final(texts, drawn, wanted, "", cut is not None)
        yield event(_selected(final, wanted.fields))


def _probabilities(generation: Generation, run: TokenRun) -> Iterator[dict[str, Any]]:
    """Each token with its alternatives; -1 stands for a text that is no one token."""
    for data, logprob, others in run.tokens():
        top = [
            _probability(generation.served, each.data, each.logprob, is_end=each.is_end)
            for each in others
        ]
        yield {**_probability(generation.served, data, logprob), "top_logprobs": top}


def _probability(
    served: Served, data: bytes, logprob: float, *, is_end: bool = False
) -> dict[str, Any]:
    parts = served.tokens_of(data)
    token = parts[0][0] if len(parts) == 1 and not is_end else -1
    text = token_text(data) + (END_TEXT if is_end else "")
    return {"id": token, "token": text, "bytes": list(data), "logprob": logprob}


def _final(
    texts: Drawing, drawn: Drawn, wanted: Wanted, content: str, is_cut: bool
) -> dict[str, Any]:
    """The whole of an answer."""
    generation, handle = drawn.generation, drawn.handle
    stop_type, word = "limit", ""
    if handle is not None and not is_cut:
        stop_type = {"end": "eos", "stop": "word"}.get(drawn.finish, "limit")
        word = (handle.stopped_by or b"").decode(errors="replace")
    n_written = generation.served.count(drawn.text.encode()) if handle is None else handle.n_tokens
    if wanted.warms:
        n_written = 0  # the one that was drawn is nobody's
    sampling = {name: value for name, value in generation.sampling.items() if value is not None}
    return {
        "index": 0,
        "content": content,
        "tokens": [],
        "id_slot": 0,
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
        "prompt": wanted.prompt,
        "has_new_line": "\n" in content,
        "truncated": generation.is_truncated,
        "stop_type": stop_type,
        "stopping_word": word,
        "tokens_cached": generation.n_prompt + n_written,
        "timings": _timings(texts, drawn, n_written),
    }


def _timings(texts: Drawing, drawn: Drawn, n_written: int) -> dict[str, Any]:
    read_ms = 1000 * max(drawn.begun_at - texts.asked_at, 1e-6)
    write_ms = 1000 * max(drawn.ended_at - drawn.begun_at, 1e-6)
    n_read = max(drawn.generation.n_prompt - texts.n_reused, 0)
    return {
        "cache_n": texts.n_reused,
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


DIALECT = Dialect(
    "llama.cpp",
    {
        ("POST", "/completion"): complete,
        ("POST", "/completions"): complete,
        ("POST", "/infill"): infill,
        ("POST", "/tokenize"): llama_cpp_facts.tokenize,
        ("POST", "/detokenize"): llama_cpp_facts.detokenize,
        ("GET", "/props"): llama_cpp_facts.props,
        ("GET", "/slots"): llama_cpp_facts.slots,
        ("GET", "/health"): llama_cpp_facts.health,
        ("GET", "/metrics"): llama_cpp_facts.metrics,
    },
    error_body,
)
