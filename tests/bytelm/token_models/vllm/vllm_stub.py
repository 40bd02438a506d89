"""A server that speaks vLLM's completions protocol over a toy model, and its ways to go wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import numpy as np

from tokkit.bytelm.token_models.protocol import TokenLM


@dataclass
class Stub:
    """What the server does.

    Attributes:
        lm: answers prompts, whose first id is BOS.
        max_logprobs: as `--max-logprobs`; -1 for no limit.
        minus_one: what `logprobs=-1` gives: all of them, an empty table, or (before vLLM 0.30)
            an error.
        n_padding: columns of the model beyond the tokenizer's ids; they are the most probable.
        api_key: asked for if set.
        spoil: changes an answer before it is sent.
        raw: sends (status, headers, body) in place of an answer, if it returns any.
        requests: bodies and headers received.
    """

    lm: TokenLM
    max_logprobs: int = -1
    minus_one: Literal["all", "empty", "refused"] = "all"
    n_padding: int = 0
    max_model_len: int | None = 4096
    models: tuple[str, ...] = ("toy",)
    api_key: str | None = None
    spoil: Callable[[Any], Any] = lambda answer: answer
    raw: Callable[[str], tuple[int, dict[str, str], bytes] | None] = lambda path: None
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list[Any])
    connections: set[Any] = field(default_factory=set[Any])

    def models_answer(self) -> dict[str, Any]:
        entries = [{"id": m, "max_model_len": self.max_model_len} for m in self.models]
        return {"object": "list", "data": entries}

    def completion(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        columns = self.lm.tokenizer.vocab_size + self.n_padding
        if body["logprobs"] == -1 and self.minus_one == "refused":
            message = "1 validation error: {'loc': ('body', 'logprobs'), 'msg': 'Value error, "
            message += "`logprobs` must be a positive value.', 'input': -1}"
            return 400, {"object": "error", "message": message, "type": "Bad Request", "code": 400}
        asked = columns if body["logprobs"] == -1 else body["logprobs"]
        limit = columns if self.max_logprobs == -1 else self.max_logprobs
        if asked > limit:
            message = f"Requested sample logprobs of {asked}, which is greater than max allowed: "
            return 400, {"error": {"message": f"{message}{limit}", "code": 400}}
        choices = []
        for index, prompt in enumerate(body["prompt"]):
            row = np.asarray(self.lm.next_token_logprobs([prompt[1:]])[0])
            if self.n_padding:
                row = np.concatenate([row + np.log(0.5), np.full(self.n_padding, 0.0)])
                row[-self.n_padding :] = np.log(0.5 / self.n_padding)
            best = np.argsort(-row, kind="stable")[:asked]
            empty = self.minus_one == "empty" and body["logprobs"] == -1
            table = {f"token_id:{i}": max(float(row[i]), -9999.0) for i in best}
            step = {"top_logprobs": [{} if empty else table]}
            choices.append({"index": index, "text": "", "logprobs": step})
        return 200, {"object": "text_completion", "choices": choices[::-1]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: Stub

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        stub = self.stub
        stub.requests.append((self.path, dict(self.headers), body))
        stub.connections.add(self.client_address)
        raw = stub.raw(self.path)
        if raw is not None:
            self._send(*raw)
        elif stub.api_key and self.headers.get("Authorization") != f"Bearer {stub.api_key}":
            self._send(401, {}, b'{"error": "Unauthorized"}')
        elif body is None:
            self._send(200, {}, json.dumps(stub.models_answer()).encode())
        else:
            status, answer = stub.completion(body)
            self._send(status, {}, json.dumps(stub.spoil(answer)).encode())

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that close their connection."""


@contextmanager
def serving(stub: Stub) -> Generator[str]:
    """The URL of a running server."""
    handler = type("Handler", (_Handler,), {"stub": stub})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
