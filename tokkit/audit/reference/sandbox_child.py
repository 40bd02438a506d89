"""The child's side of `sandbox`: sets limits, then answers calls until the pipe ends.

What a library prints goes to standard error, so that nothing but answers is on the pipe.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from tokkit.audit.reference.sandbox import LENGTH

Handler = Callable[..., object]
_MAX_MESSAGE = 500
_MAX_WRITTEN_BYTES = 16 << 20


def main(module: str, memory_bytes: int, max_frame_bytes: int) -> None:
    """Serve the `HANDLERS` of a module on standard input and output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory(memory_bytes)
    handlers: Mapping[str, Handler] = importlib.import_module(module).HANDLERS
    requests = sys.stdin.buffer
    while (body := _read_frame(requests, max_frame_bytes)) is not None:
        request: dict[str, Any] = json.loads(body)
        _limit_cpu(request["cpu_seconds"])
        answer = json.dumps(_answer(handlers[request["name"]], request["arguments"])).encode()
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _answer(handler: Handler, arguments: Mapping[str, Any]) -> dict[str, object]:
    try:
        return {"result": handler(**arguments)}
    except MemoryError:
        return {"reason": "out of memory", "message": "needed more memory than it may have"}
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return {"reason": "refused", "message": message[:_MAX_MESSAGE]}
    except BaseException as error:
        # A Rust panic arrives as a BaseException of the binding; locks may be poisoned after it.
        if type(error).__name__ != "PanicException":
            raise
        return {"reason": "panicked", "message": f"panicked: {error}"[:_MAX_MESSAGE]}


def _read_frame(stream: BinaryIO, max_bytes: int) -> bytes | None:
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    body = stream.read(length) if length <= max_bytes else b""
    return body if len(body) == length else None


def _limit_memory(memory_bytes: int) -> None:
    for name, limit in (("AS", memory_bytes), ("CORE", 0), ("FSIZE", _MAX_WRITTEN_BYTES)):
        _set_limit(f"RLIMIT_{name}", limit)


def _limit_cpu(seconds: float) -> None:
    """Let a call use this much CPU time; it ends the process even when its caller is gone."""
    _set_limit("RLIMIT_CPU", math.ceil(time.process_time() + seconds) + 1)


def _set_limit(name: str, limit: int) -> None:
    """Lower a soft limit, where the system has it and lets us."""
    try:
        import resource
    except ImportError:
        return
    kind: int | None = getattr(resource, name, None)
    if kind is None:
        return
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    try:
        resource.setrlimit(kind, (limit, hard))
    except (OSError, ValueError):
        return
