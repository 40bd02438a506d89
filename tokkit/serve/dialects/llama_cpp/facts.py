"""What llama.cpp's server tells beside texts: tokens, its state, its figures."""

from __future__ import annotations

from typing import Any, cast

from tokkit.serve.bodies import as_fields
from tokkit.serve.endpoint import Answer, Call, Reply, reply
from tokkit.serve.refusals import RefusalError
from tokkit.version import VERSION


async def tokenize(call: Call) -> Answer:
    """`POST /tokenize`."""
    fields = as_fields(call.body)
    served = call.service.models.find(fields.text("model"))
    tokenizer = served.tokenizer
    if tokenizer is None:
        raise RefusalError(400, f"{served.name} has no tokens")
    why = "what content spells is text; control tokens are written by templates alone"
    fields.refuse(why, {"parse_special": (False,)})
    content = fields.text("content").encode()
    ids = list(tokenizer.bos_ids) if fields.flag("add_special") else []
    ids += tokenizer.encode(content, normalize=False)
    if not fields.flag("with_pieces"):
        return reply({"tokens": ids})
    pieces: list[dict[str, Any]] = []
    for token in ids:
        data = tokenizer.token_bytes(token)
        try:
            piece: Any = data.decode()
        except UnicodeDecodeError:
            piece = list(data)
        pieces.append({"id": token, "piece": piece})
    return reply({"tokens": pieces})


async def detokenize(call: Call) -> Answer:
    """`POST /detokenize`."""
    fields = as_fields(call.body)
    served = call.service.models.find(fields.text("model"))
    tokens = fields.get("tokens")
    if served.tokenizer is None:
        raise RefusalError(400, f"{served.name} has no tokens")
    if not isinstance(tokens, list) or not all(
        isinstance(token, int) and not isinstance(token, bool) for token in tokens  # pyright: ignore[reportUnknownVariableType]
    ):  # fmt: skip
        raise fields.wrong("tokens", "a list of ids")
    ids = cast("list[int]", tokens)
    silent = next((id_ for id_ in ids if not served.tokenizer.token_bytes(id_)), None)
    if silent is not None:
        raise RefusalError(
            400,
            f"tokens holds the control token {silent}, which stands for no text; leave it out",
            param="tokens",
        )
    return reply({"content": served.tokenizer.decode(ids).decode(errors="replace")})


async def health(_: Call) -> Answer:
    """`GET /health`."""
    return reply({"status": "ok"})


async def props(call: Call) -> Answer:
    """`GET /props`."""
    service, served = call.service, call.service.models.first
    settings = {"n_ctx": served.n_context, "n_predict": service.options.default_tokens}
    return reply(
        {
            "default_generation_settings": settings,
            "total_slots": service.options.max_running,
            "model_path": served.name,
            "model_alias": served.name,
            "modalities": {"vision": False, "audio": False},
            "chat_template": served.template or "",
            "fills_gaps": served.fills,
            "build_info": f"tokkit {VERSION}",
        }
    )


async def slots(call: Call) -> Answer:
    """`GET /slots`."""
    service = call.service
    n_busy, n_context = service.engine.load.n_running, service.models.first.n_context
    return reply(
        [
            {"id": k, "n_ctx": n_context, "speculative": False, "is_processing": k < n_busy}
            for k in range(service.options.max_running)
        ]
    )


async def metrics(call: Call) -> Answer:
    """`GET /metrics`."""
    body = call.service.metrics.exposition()
    return Reply(body, media_type="text/plain; version=0.0.4; charset=utf-8")
