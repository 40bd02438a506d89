"""Clients of every kind at once, the rude ones among them: `MixedLoad`."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

_TEXTS = ("They hired an intermed", "def area(r):\n    ret", "The capital of Fran", "naï", "")
_GAPS = (("def area(r):\n    ret", "\n\nprint(area(2))\n"), ("The capital of ", " is Paris."))
BROKEN = -1
_PAUSE = 0.3
"""Seconds after which a client asks again that was refused since the queue is full."""
_KINDS = (
    *("openai", "stream", "chat", "mistral", "llama.cpp", "gap", "tabby"),
    *("ollama", "tgi", "score", "wrong"),
)
_WRONG: tuple[tuple[str, bytes], ...] = (
    ("/v1/completions", b"{"),
    ("/v1/completions", b'{"prompt": "\\ud800"}'),
    ("/v1/completions", b'{"prompt": "a", "max_tokens": -5}'),
    ("/completion", b'{"prompt": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    ("/infill", b'{"input_prefix": 3}'),
    ("/api/generate", b'{"model": "nobody", "prompt": 1}'),
    ("/generate", b"{}"),
    ("/nowhere", b"{}"),
)


class MixedLoad:
    """What clients of a server do, and how it answers.

    Attributes:
        answered: how many answers of each kind of client had each status; 0: it left before one,
            `BROKEN`: the server closed the connection, or never answered.
    """

    def __init__(self, url: str, seed: int, max_tokens: int) -> None:
        """Know a server.

        Args:
            url: of it, without a path.
            seed: of what is asked.
            max_tokens: of a text, at most.
        """
        self._where = urlsplit(url)
        self._seed = seed
        self._max_tokens = max_tokens
        self._lock = Lock()
        self.answered: Counter[tuple[str, int]] = Counter()

    def run(self, seconds: float, n_clients: int) -> None:
        """Ask for some time, several at once.

        Args:
            seconds: after which nobody asks any more; what was asked by then is waited for.
            n_clients: that ask at once, each again as soon as it was answered or has left.
        """
        end = time.monotonic() + seconds
        clients = [Thread(target=self._client, args=(k, end)) for k in range(n_clients)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def _client(self, k: int, end: float) -> None:
        rng = random.Random(1000 * self._seed + k)
        while time.monotonic() < end:
            kind, path, body, leaves = self._draw(rng)
            status = self._ask(path, body, leaves)
            with self._lock:
                self.answered[kind, status] += 1
            if status == 429:
                time.sleep(_PAUSE)

    def _draw(self, rng: random.Random) -> tuple[str, str, bytes, float | None]:
        """A kind of client, a path, a body, and after how many seconds it leaves, if it does."""
        n, text = rng.randint(1, self._max_tokens), rng.choice(_TEXTS) * rng.choice((1, 1, 40))
        leaves = rng.choice((None, None, rng.random()))
        kind = rng.choice(_KINDS)
        prefix, suffix = rng.choice(_GAPS)
        fields: dict[str, Any] = {"prompt": text, "max_tokens": n}
        match kind:
            case "openai":
                path, fields = "/v1/completions", {**fields, "n": 2, "logprobs": 3}
            case "stream":
                path, fields = "/v1/completions", {**fields, "stream": True}
            case "chat":
                path, fields = "/v1/chat/completions", {"max_tokens": n, "stream": True}
                fields["messages"] = [{"role": "user", "content": text}]
            case "mistral":
                path = "/v1/fim/completions"
                fields = {"prompt": text, "max_tokens": n, "stream": True}
            case "tabby":
                path, fields = "/v1/completions", {"max_tokens": n}
                fields["segments"] = {"prefix": prefix, "suffix": suffix}
            case "llama.cpp":
                path, fields = "/completion", {**fields, "n_cmpl": 2, "return_tokens": True}
            case "gap":
                path = "/infill"
                fields = {"input_prefix": prefix, "input_suffix": suffix, "n_predict": n}
                fields |= {"t_max_predict_ms": 100}
            case "ollama":
                path, fields = "/api/generate", {"prompt": text, "options": {"num_predict": n}}
            case "tgi":
                path, fields = "/generate_stream", {"inputs": text}
                fields["parameters"] = {"max_new_tokens": n, "details": True}
            case "score":
                path, fields = "/v1/score", {"documents": [text, prefix]}
            case _:
                path, body = rng.choice(_WRONG)
                return kind, path, body, None
        return kind, path, json.dumps(fields).encode(), leaves

    def _ask(self, path: str, body: bytes, leaves: float | None) -> int:
        """The status of an answer that is read to its end; 0 if the client left before."""
        connection = http.client.HTTPConnection(
            self._where.hostname or "", self._where.port, timeout=600 if leaves is None else leaves
        )
        try:
            connection.request("POST", path, body, _HEADERS)
            if leaves is not None and leaves < 0.1:
                return 0
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except TimeoutError:
            return BROKEN if leaves is None else 0
        except (ConnectionError, http.client.HTTPException):
            return BROKEN
        finally:
            connection.close()


_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}
