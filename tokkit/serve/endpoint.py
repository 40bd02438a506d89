"""One route: a body in, an answer out, for as long as the client is there: `Endpoint`.

A handler that merely waits is not told when its client leaves. So it is raced against the
disconnect, and cancelled when it loses; what it has asked of the engine is then dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from tokkit.errors import TokkitError
from tokkit.serve.bodies import ClientGoneError, Receive, read_body
from tokkit.serve.chat.conversation import Conversations
from tokkit.serve.engine import Engine
from tokkit.serve.metrics import Metrics
from tokkit.serve.options import ServeOptions
from tokkit.serve.refusals import RefusalError
from tokkit.serve.served import Models

Scope: TypeAlias = "dict[str, Any]"
Send = Callable[[Any], Awaitable[None]]
JSON = "application/json"
_GRACE = 60.0
"""Seconds beyond the time of a completion after which a client that reads nothing is left."""


@dataclass(frozen=True)
class Service:
    """What all routes share."""

    models: Models
    engine: Engine
    options: ServeOptions
    metrics: Metrics
    conversations: Conversations


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        service: what all routes share.
        body: of the request, whole.
        query: parameters of its path.
        params: parts of its path.
    """

    service: Service
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    params: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Reply:
    """An answer that is whole."""

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Stream:
    """An answer that comes in pieces.

    Attributes:
        pieces: as they are sent. The first is waited for before anything is sent, so that what
            fails before it has a status of its own.
        media_type: of all of them.
        on_error: the last piece, if something fails on the way.
    """

    pieces: AsyncGenerator[bytes]
    media_type: str
    on_error: Callable[[RefusalError], bytes]


Answer: TypeAlias = "Reply | Stream"
Handler = Callable[[Call], Awaitable[Answer]]
ErrorBody = Callable[[RefusalError], Any]


def compact(value: Any) -> bytes:
    """JSON on one line, without spaces: what some clients look for by its spelling."""
    return msgspec.json.encode(value)


def reply(value: Any, status: int = 200) -> Reply:
    """JSON."""
    return Reply(compact(value), status)


def event(value: Any) -> bytes:
    """A server-sent event."""
    return b"data: " + compact(value) + b"\n\n"


def as_refusal(error: Exception) -> RefusalError:
    """An error as the client is told of it."""
    if isinstance(error, RefusalError):
        return error
    if isinstance(error, TokkitError):
        return RefusalError(400, str(error))
    return RefusalError(500, "the server failed; its log says why", code="internal_error")


class Endpoint:
    """An ASGI application for one route."""

    def __init__(
        self, service: Service, name: str, handler: Handler, error_body: ErrorBody
    ) -> None:
        """Bind a handler.

        Args:
            service: what all routes share.
            name: for metrics.
            handler: answers.
            error_body: what a refusal looks like in the dialect.
        """
        self._service = service
        self._name = name
        self._handler = handler
        self._error_body = error_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        from starlette.datastructures import Headers, QueryParams

        began = time.monotonic()
        sender = Sender(send)
        options = self._service.options
        try:
            headers = Headers(scope=scope)
            _refuse_encoded(headers.get("content-encoding", "identity"))
            body = await read_body(
                receive,
                headers.get("content-length"),
                max_bytes=options.max_body_bytes,
                seconds=options.body_seconds,
            )
            query = dict(QueryParams(scope.get("query_string", b"")))
            call = Call(self._service, body, query, scope.get("path_params", {}))
            await self._race(call, receive, sender)
        except ClientGoneError:
            sender.status = 499
        except RefusalError as refusal:  # of the body; the rest is not read
            await self._refuse(refusal, sender, close=True)
        self._service.metrics.note(self._name, sender.status, time.monotonic() - began)

    async def _race(self, call: Call, receive: Receive, sender: Sender) -> None:
        work = asyncio.create_task(self._answer(call, sender))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait(
                {work, gone},
                return_when=asyncio.FIRST_COMPLETED,
                timeout=self._service.options.max_seconds + _GRACE,
            )
            if not work.done():
                sender.status = 499
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _answer(self, call: Call, sender: Sender) -> None:
        try:
            answer = await self._handler(call)
            if isinstance(answer, Reply):
                await sender.whole(answer)
                return
            async with aclosing(answer.pieces):
                await self._stream(answer, sender)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not isinstance(error, TokkitError):
                _log(error)
            await self._refuse(as_refusal(error), sender)

    async def _stream(self, answer: Stream, sender: Sender) -> None:
        try:
            async for piece in answer.pieces:
                await sender.piece(piece, answer.media_type)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not sender.has_begun:
                raise
            if not isinstance(error, TokkitError):
                _log(error)
            await sender.piece(answer.on_error(as_refusal(error)), answer.media_type)
        await sender.end(answer.media_type)

    async def _refuse(self, refusal: RefusalError, sender: Sender, *, close: bool = False) -> None:
        if sender.has_begun:
            return
        headers = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
        if close:
            headers["connection"] = "close"
        body = compact(self._error_body(refusal))
        with suppress(OSError):
            await sender.whole(Reply(body, refusal.status, JSON, headers))


def _refuse_encoded(encoding: str) -> None:
    """Refuse a body that is compressed.

    Raises:
        RefusalError: it is.
    """
    if encoding.strip().lower() not in ("", "identity"):
        raise RefusalError(
            415,
            f"a body of Content-Encoding {encoding[:40]} is not read; send it as it is",
            code="unsupported_encoding",
        )


class Sender:
    """The way back to a client.

    Attributes:
        status: of HTTP, once it is sent; 499 where the client had left.
        has_begun: whether anything was sent.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 499
        self.has_begun = False

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.status, self.has_begun = status, True
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def whole(self, answer: Reply) -> None:
        """Send all of an answer."""
        headers = {
            "content-type": answer.media_type,
            "content-length": str(len(answer.body)),
            "x-content-type-options": "nosniff",
            **answer.headers,
        }
        await self._start(answer.status, headers)
        await self._send({"type": "http.response.body", "body": answer.body})

    async def piece(self, data: bytes, media_type: str) -> None:
        """Send a piece; the first one begins the answer."""
        if not self.has_begun:
            headers = {"content-type": media_type, "cache-control": "no-cache"}
            headers["x-content-type-options"] = "nosniff"
            await self._start(200, headers)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, media_type: str) -> None:
        """Nothing follows."""
        if not self.has_begun:
            await self.piece(b"", media_type)
        await self._send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _log(error: Exception) -> None:
    """What went wrong, without the prompt: where, and of which kind."""
    import logging

    logging.getLogger("tokkit.serve").error("a request failed", exc_info=error)
