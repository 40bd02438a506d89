"""The server: routes of all dialects, and the guards before them."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tokkit.bytelm.byte_model import ByteModel
from tokkit.serve.bodies import Receive
from tokkit.serve.chat.conversation import Conversations
from tokkit.serve.dialects import DIALECTS, ollama, openai
from tokkit.serve.endpoint import Endpoint, ErrorBody, Reply, Scope, Send, Sender, Service, compact
from tokkit.serve.engine import Engine
from tokkit.serve.metrics import Metrics
from tokkit.serve.options import LOOPBACK, ServeOptions
from tokkit.serve.refusals import RefusalError
from tokkit.serve.schema import document
from tokkit.serve.served import Models

OPEN = frozenset(
    (method, path) for method in ("GET", "HEAD") for path in ("/", "/health", "/v1/health")
)
"""What needs no key: the page, which asks for it, and whether the server lives."""

_BODIES: dict[tuple[str, str], ErrorBody] = {
    route: dialect.error_body
    for dialect in (*DIALECTS, document.DIALECT)
    for route in dialect.routes
}
"""How each route tells an error."""


def make_app(
    models: Mapping[str, ByteModel],
    options: ServeOptions | None = None,
    templates: Mapping[str, str] | None = None,
) -> Starlette:
    """An ASGI application that serves models.

    Args:
        models: by name; the first is asked where a request names none.
        options: what is permitted.
        templates: of chats, of those models that have one, in Jinja; run in a process of its own.

    Raises:
        ArgumentError: no models, or a tokenizer to count with and no ensemble.
    """
    options = options or ServeOptions()
    offered = Models(models, options.cache_tokens, templates, options.tokenizer)
    conversations = Conversations()
    engine = Engine(models, options)
    metrics = Metrics()
    metrics.watch("running", "Texts that are drawn", lambda: engine.load.n_running)
    metrics.watch("waiting", "Texts that wait", lambda: engine.load.n_waiting)
    metrics.watch("cached_tokens", "Tokens in the caches", lambda: engine.load.n_cached)
    about = "Tokens of prompts not computed again"
    metrics.watch("reused_tokens", about, lambda: engine.load.n_reused)
    service = Service(offered, engine, options, metrics, conversations)
    routes = [
        Route(path, Endpoint(service, path, handler, dialect.error_body), methods=[method])
        for dialect in (*DIALECTS, document.DIALECT)
        for (method, path), handler in dialect.routes.items()
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        engine.start()
        try:
            await asyncio.to_thread(engine.wait_until_warm)
            yield
        finally:
            engine.close()
            conversations.close()

    guards = [Middleware(Guard, options=options)]
    if options.cors_origins:
        guards.insert(
            0,
            Middleware(
                CORSMiddleware,
                allow_origins=list(options.cors_origins),
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
            ),
        )
    app = Starlette(
        routes=routes,
        middleware=guards,
        lifespan=lifespan,
        exception_handlers={HTTPException: _not_found},  # pyright: ignore[reportArgumentType]
    )
    app.state.service = service
    return app


async def _not_found(request: Request, error: HTTPException) -> Response:
    """No such route, or not by this method."""
    path = request.url.path
    methods = sorted(method for method, other in _BODIES if other == path)
    if methods:
        message = f"{path} takes {' and '.join(methods)}, not {request.method}"
    else:
        message = f"there is no {request.method} {path[:200]} here; /openapi.json lists all routes"
    body = _error_body(path)(RefusalError(error.status_code, message))
    headers = error.headers  # which methods a path takes
    return Response(compact(body), error.status_code, headers, media_type="application/json")


def _error_body(path: str) -> ErrorBody:
    """How errors at a path are told: as its dialect does, Ollama's below `/api/`, else OpenAI's."""
    found = next((body for (_, other), body in _BODIES.items() if other == path), None)
    return found or (ollama.error_body if path.startswith("/api/") else openai.error_body)


class Guard:
    """Refuses whom the server is not for: without the key, or from somebody else's page.

    A page of any origin can send requests to a server on the same machine. So a request that says
    from which page it comes must come from the server's own, or from one that is permitted; and
    at loopback the name that it asks for must be of loopback, whatever a DNS says.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], options: ServeOptions
    ) -> None:
        self._app = app
        self._options = options

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass on what is permitted."""
        if scope["type"] == "http":
            refusal = self._refusal(Headers(scope=scope), scope["path"], scope["method"])
            if refusal is not None:
                body = compact(_error_body(scope["path"])(refusal))
                headers = {"connection": "close"}
                await Sender(send).whole(Reply(body, refusal.status, headers=headers))
                return
        await self._app(scope, receive, send)

    def _refusal(self, headers: Headers, path: str, method: str) -> RefusalError | None:
        options, host = self._options, headers.get("host", "")
        if options.is_local and _hostname(host) not in LOOPBACK:
            return RefusalError(403, "the server answers to localhost alone", code="wrong_host")
        origin = headers.get("origin")
        own = origin in (f"http://{host}", f"https://{host}")
        if not (origin is None or own or {origin, "*"} & set(options.cors_origins)):
            return RefusalError(
                403, f"pages of {origin[:100]} may not use the server", code="wrong_origin"
            )
        if options.api_key is None or (method, path) in OPEN or method == "OPTIONS":
            return None
        scheme, _, key = headers.get("authorization", "").partition(" ")
        given = key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if not hmac.compare_digest(given.encode(), options.api_key.encode()):
            return RefusalError(401, "the API key is missing or wrong", code="invalid_api_key")
        return None


def _hostname(host: str) -> str:
    """The name in a `Host` header, without the port."""
    if host.startswith("["):
        return host[1 : host.find("]")]
    return host.rpartition(":")[0] if ":" in host else host
