"""The OpenAPI document of a server: `describe`, `show`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from tokkit.serve.dialects import DIALECTS
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.openai import error_body
from tokkit.serve.endpoint import Answer, Call, Reply, compact
from tokkit.serve.schema.bodies import BODIES
from tokkit.version import VERSION

_ANSWER = {"description": "the answer; a stream where the request asks for one"}
_REFUSAL = {"description": "what is refused, and why"}


def describe(dialects: Iterable[Dialect]) -> dict[str, Any]:
    """The OpenAPI document of some dialects' routes.

    Raises:
        KeyError: a route that is posted to has no schema.
    """
    paths: dict[str, dict[str, Any]] = {}
    for dialect in dialects:
        for method, path in dialect.routes:
            spelt = path.replace(":path}", "}")
            operation: dict[str, Any] = {
                "tags": [dialect.name],
                "responses": {"200": _ANSWER, "4XX": _REFUSAL},
            }
            if method == "POST":
                content = {"application/json": {"schema": BODIES[path]}}
                operation["requestBody"] = {"content": content, "required": path in _REQUIRED}
            if spelt != path:
                name = spelt[spelt.index("{") + 1 : spelt.index("}")]
                schema = {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                }
                operation["parameters"] = [schema]
            paths.setdefault(spelt, {})[method.lower()] = operation
    info = {"title": "tokkit serve", "version": VERSION}
    return {"openapi": "3.1.0", "info": info, "paths": dict(sorted(paths.items()))}


_REQUIRED = frozenset(path for path, schema in BODIES.items() if schema)


@lru_cache(maxsize=1)
def _body() -> bytes:
    return compact(describe(DIALECTS))


async def show(_: Call) -> Answer:
    """`GET /openapi.json`."""
    return Reply(_body())


DIALECT = Dialect("description", {("GET", "/openapi.json"): show}, error_body)
