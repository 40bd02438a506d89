"""`/v1/score`: how probable texts are, exactly, byte by byte; what no other server tells."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any, cast

import numpy as np

from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.windows import cut_windows
from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.openai import error_body
from tokkit.serve.dialects.requests import MAX_PROMPTS
from tokkit.serve.endpoint import Answer, Call, reply
from tokkit.serve.errands import run_errand
from tokkit.serve.generation.token_figures import score_in_pieces
from tokkit.serve.refusals import RefusalError
from tokkit.serve.served import Served

_MAX_BYTES = 1 << 20


async def score(call: Call) -> Answer:
    """`POST /v1/score`."""
    fields = as_fields(call.body)
    served = call.service.models.find(fields.text("model"))
    documents = _documents(fields)
    prefix = fields.text("prefix").encode()
    window = fields.whole("window", 0, 2, _MAX_BYTES) if "window" in fields else None
    stride = fields.whole("stride", 0, 1, _MAX_BYTES) if "stride" in fields else None
    each_byte = fields.flag("byte_logprobs")
    told: list[dict[str, Any]] = []
    for document in documents:
        _refuse_too_long(served, prefix + document, window)
        logprobs = await run_errand(
            call.service,
            served,
            logprobs_in_windows(served.model, document, prefix, window, stride),
        )
        told.append(_told(logprobs, each_byte))
    n_bytes = sum(map(len, documents))
    bits = [each["bits"] for each in told]
    total = None if None in bits else sum(bits)
    return reply(
        {
            "object": "score",
            "model": served.name,
            "documents": told,
            "n_bytes": n_bytes,
            "bits": total,
            "bits_per_byte": None if total is None or not n_bytes else total / n_bytes,
        }
    )


def _documents(fields: Fields) -> list[bytes]:
    value = fields.get("documents")
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not 0 < len(cast("list[Any]", several)) <= MAX_PROMPTS:
        raise fields.wrong("documents", f"a string, or a list of 1 to {MAX_PROMPTS} strings")
    texts = cast("list[Any]", several)
    if not all(isinstance(text, str) for text in texts):
        raise fields.wrong("documents", "strings")
    return [text.encode() for text in texts]


def _refuse_too_long(served: Served, text: bytes, window: int | None) -> None:
    if len(text) > _MAX_BYTES:
        raise RefusalError(
            400,
            f"a document of {len(text):,} bytes; send at most {_MAX_BYTES:,}",
            param="documents",
        )
    n_tokens = len(served.ends_of_most(text))
    if window is None and n_tokens > served.n_context:
        raise RefusalError(
            400,
            f"a document has {n_tokens:,} tokens, and {served.name} reads {served.n_context:,}; "
            f"send window (bytes, such as {served.n_context}), or shorter documents",
            param="documents",
            code="context_length_exceeded",
        )


def logprobs_in_windows(
    model: ByteModel, data: bytes, prefix: bytes, window: int | None, stride: int | None
) -> Generator[None, None, list[float]]:
    """The log-probability of each byte, nats, a piece at a time; see `cut_windows`."""
    text, logprobs = prefix + data, list[float]()
    for context, start, stop in cut_windows(data, window, stride, prefix=prefix):
        work = score_in_pieces(model, text[start:stop], 1, before=text[context:start])
        logprobs += (yield from work).chosen.tolist()
    return logprobs


def _told(logprobs: list[float], each_byte: bool) -> dict[str, Any]:
    """What is said of one document; bits are null where the model cannot write it."""
    total = float(np.sum(logprobs))
    bits = abs(total) / math.log(2) if math.isfinite(total) else None
    told: dict[str, Any] = {
        "n_bytes": len(logprobs),
        "bits": bits,
        "bits_per_byte": bits / len(logprobs) if logprobs and bits is not None else None,
    }
    if each_byte:
        told["byte_logprobs"] = [p if math.isfinite(p) else None for p in logprobs]
    return told


DIALECT = Dialect("tokkit", {("POST", "/v1/score"): score}, error_body)
