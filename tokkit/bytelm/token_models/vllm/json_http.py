"""`JsonClient`: JSON over HTTP to one server, with a kept connection, retries, and limits.

Only the standard library. A redirect is an error, so that a key never travels to another host. A
response is bounded in size and, as a whole, in time. 429, 502, 503, 504 and failed connections are
tried again, with a pause that doubles, or the one that the server asks for. Proxies set in the
environment are not used.
"""

from __future__ import annotations

import http.client
import json
import time
import weakref
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from tokkit.arguments import check_kind, check_real, check_whole
from tokkit.errors import ArgumentError, ModelError

_PASSING = frozenset({429, 502, 503, 504})
_MAX_PAUSE_SECONDS = 30.0
_CHUNK_BYTES = 1 << 16
_SMALL_BYTES = 1 << 20


@dataclass(frozen=True)
class HttpOptions:
    """How a server is talked to.

    Attributes:
        api_key: sent as `Authorization: Bearer`; never shown.
        timeout: seconds for one response, whole.
        retries: how often a request is tried again.
        pause: seconds before the first time; doubles.

    Raises:
        ArgumentError: a value out of range, or a key that no header can hold.
    """

    api_key: str | None = field(default=None, repr=False)
    timeout: float = 120.0
    retries: int = 4
    pause: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_kind(self.api_key, (str, type(None)), "api_key")
        check_whole("retries", self.retries, 0, 100)
        if not 0 < check_real("timeout", self.timeout) < 1e6:
            raise ArgumentError(f"timeout is {self.timeout}, expected seconds above 0")
        if not 0 <= check_real("pause", self.pause) <= _MAX_PAUSE_SECONDS:
            raise ArgumentError(f"pause is {self.pause}, expected 0 to {_MAX_PAUSE_SECONDS:.0f}")
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise ArgumentError(
                "api_key holds characters that a header cannot; check for a newline"
            )


class StatusError(ModelError):
    """The server answered with an error.

    Attributes:
        status: of HTTP.
        reason: what the body says, shortened.
    """

    def __init__(self, where: str, status: int, reason: str) -> None:
        super().__init__(f"{where}: HTTP status {status}: {reason}")
        self.status = status
        self.reason = reason


class _PassingError(Exception):
    """Worth another try, after a pause if the server names one."""

    def __init__(self, cause: ModelError, pause: float | None = None) -> None:
        super().__init__()
        self.cause = cause
        self.pause = pause


class JsonClient:
    """Requests to one base URL. Not thread-safe."""

    def __init__(self, base_url: str, options: HttpOptions) -> None:
        """Parse the URL; connects on the first request.

        Raises:
            ArgumentError: no plain http or https URL.
        """
        try:
            parts = urlsplit(base_url)
            port = parts.port
        except ValueError as error:
            raise ArgumentError(f"{base_url!r} is no URL ({error})") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ArgumentError(f"{base_url!r}: expected a URL such as http://localhost:8000")
        if parts.username is not None or parts.password is not None:
            raise ArgumentError("the URL holds a user name or password; pass api_key instead")
        self._options = options
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, port, timeout=options.timeout)
        weakref.finalize(self, self._connection.close)
        self._path = parts.path.rstrip("/").removesuffix("/v1")
        self.base_url = f"{parts.scheme}://{parts.netloc}{self._path}"

    def request(self, path: str, body: Any = None, *, max_bytes: int = _SMALL_BYTES) -> Any:
        """POST `body` as JSON, or GET where it is None.

        Args:
            path: below the base URL.
            body: of the request.
            max_bytes: of the response.

        Raises:
            StatusError: an error status that did not pass.
            ModelError: no connection, a redirect, or a response that is late, too large or no JSON.
        """
        pause = self._options.pause
        for n_left in range(self._options.retries, -1, -1):
            try:
                return self._once(path, body, max_bytes)
            except _PassingError as error:
                if not n_left:
                    raise error.cause from None
                time.sleep(min(pause if error.pause is None else error.pause, _MAX_PAUSE_SECONDS))
                pause *= 2
        raise AssertionError

    def _once(self, path: str, body: Any, max_bytes: int) -> Any:
        where = self.base_url + path
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._options.api_key:
            headers["Authorization"] = f"Bearer {self._options.api_key}"
        data = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + self._options.timeout
        complete = False
        try:
            method = "GET" if data is None else "POST"
            self._connection.request(method, self._path + path, data, headers)
            response = self._connection.getresponse()
            content = self._read(response, where, max_bytes, deadline)
            complete = True
        except TimeoutError:
            self._late(where)
        except (OSError, http.client.HTTPException) as error:
            cause = ModelError(
                f"{where}: no answer ({type(error).__name__}: {error}); check that the server runs "
                "and that the URL is right"
            )
            raise _PassingError(cause) from error
        finally:
            if not complete:
                self._connection.close()  # the next request must not read what is left of this one
        self._check_status(where, response, content)
        return _parsed(where, content)

    def _late(self, where: str) -> NoReturn:
        raise ModelError(
            f"{where}: no complete answer within {self._options.timeout:g} seconds; pass a larger "
            "timeout"
        )

    def _read(
        self, response: http.client.HTTPResponse, where: str, max_bytes: int, deadline: float
    ) -> bytes:
        chunks: list[bytes] = []
        size, expected = 0, response.length  # not kept up to date by read1 in Python 3.11
        while expected is None or size < expected:
            chunk = response.read1(_CHUNK_BYTES)
            if not chunk:
                break
            chunks.append(chunk)
            size += len(chunk)
            if size > max_bytes:
                raise ModelError(
                    f"{where}: the response is longer than {max_bytes:,} bytes, which no answer to "
                    "the request is; check that the URL is that of a vLLM server"
                )
            if time.monotonic() > deadline:
                self._late(where)
        if expected is not None and size < expected:
            raise http.client.IncompleteRead(b"", expected - size)
        response.close()  # the connection stays open
        return b"".join(chunks)

    def _check_status(self, where: str, response: http.client.HTTPResponse, content: bytes) -> None:
        status = response.status
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            target = response.getheader("Location", "")[:200]
            raise ModelError(
                f"{where}: redirects to {target!r}; redirects are not followed, pass the final URL"
            )
        error = StatusError(where, status, _reason(content))
        if status in _PASSING:
            asked = response.getheader("Retry-After", "")
            raise _PassingError(error, float(asked) if asked.isdecimal() else None)
        raise error


def _parsed(where: str, content: bytes) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ModelError(f"{where}: the response holds {constant}; check the model's weights")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ModelError(f"{where}: the response repeats a key of an object, such as a token")
        return found

    try:
        return json.loads(content, parse_constant=refuse, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{where}: the response is no JSON ({error}); it begins with {content[:60]!r}"
        ) from None


def _reason(content: bytes) -> str:
    """What an error body of vLLM says (`{"error": {"message": …}}`), or its beginning."""
    try:
        body = json.loads(content)
        message = body.get("error", body).get("message", body)
    except (ValueError, AttributeError, RecursionError):
        message = content.decode("utf-8", "replace")
    return " ".join(str(message).split())[:400] or "no reason given"
