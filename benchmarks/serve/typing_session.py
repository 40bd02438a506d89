"""People who type against a server, and what they see: `Typist`, `Seen`."""

from __future__ import annotations

import http.client
import inspect
import json
import socket
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Barrier, Thread
from typing import Any
from urllib.parse import urlsplit

CONTEXT = 2000
"""Characters before the place where somebody begins to type."""


@dataclass(frozen=True)
class Seen:
    """What one keystroke brought.

    Attributes:
        seconds: to the first character of the completion; None: the next keystroke came before it.
        n_prompt: tokens of the prompt, where the answer was read to its end.
        n_computed: of those, that were not in the cache; None where the server does not tell.
        text: of the completion.
    """

    seconds: float | None
    n_prompt: int | None = None
    n_computed: int | None = None
    text: str = ""


def session(n_keys: int, start: int = CONTEXT) -> Iterator[str]:
    """What stands before the cursor after each keystroke, in a file of the standard library."""
    source = inspect.getsource(textwrap)
    if start < CONTEXT or start + n_keys > len(source):
        raise SystemExit(f"the file has {len(source)} characters; ask for fewer keystrokes")
    for end in range(start, start + n_keys):
        yield source[start - CONTEXT : end + 1]


class Typist:
    """Somebody who asks for a completion at each key, and drops it at the next one."""

    def __init__(self, url: str, model: str, max_tokens: int) -> None:
        """Know the server.

        Args:
            url: of it, without a path.
            model: that it serves.
            max_tokens: of a completion.
        """
        self._where = urlsplit(url)
        self._fields = {
            "model": model,
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def ask(self, prompt: str, patience: float | None = None) -> Seen:
        """A completion, read to its end.

        Args:
            prompt: before the cursor.
            patience: seconds after which nobody reads any more; None: all of it is read.
        """
        began = time.monotonic()
        due = None if patience is None else began + patience
        assert self._where.hostname is not None
        connection = http.client.HTTPConnection(self._where.hostname, self._where.port, timeout=120)
        first, text, usage = None, "", dict[str, Any]()
        try:
            body = json.dumps({**self._fields, "prompt": prompt})
            kind = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/completions", body, kind)
            wire = connection.sock
            _wait_until(wire, due)
            answer = connection.getresponse()
            if answer.status != 200:
                raise SystemExit(f"status {answer.status}: {answer.read(500)!r}")
            while line := answer.readline():
                is_news = line.startswith(b"data: {")
                told: dict[str, Any] = json.loads(line.removeprefix(b"data: ")) if is_news else {}
                usage = told.get("usage") or usage
                for choice in told.get("choices", ()):
                    text += choice["text"]
                    if choice["text"] and first is None:
                        first = time.monotonic() - began
                _wait_until(wire, due)
        except TimeoutError:
            pass  # the next key is due
        finally:
            connection.close()
        read: int | None = usage.get("prompt_tokens")
        details: dict[str, int] = usage.get("prompt_tokens_details") or {}
        cached = details.get("cached_tokens")
        computed = None if read is None or cached is None else read - cached
        return Seen(first, read, computed, text)

    def type(self, prompts: Sequence[str], pause: float) -> list[Seen]:
        """A completion at each key, a key each `pause` seconds, whatever has come by then."""
        seen: list[Seen] = []
        due = time.monotonic()
        for prompt in prompts:
            due += pause
            seen.append(self.ask(prompt, max(0.01, due - time.monotonic())))
            time.sleep(max(0.0, due - time.monotonic()))
        return seen


def _wait_until(wire: socket.socket | None, due: float | None) -> None:
    """Read no longer than to a time, of `time.monotonic`.

    Raises:
        TimeoutError: it has passed.
    """
    if due is None or wire is None:
        return
    left = due - time.monotonic()
    if left <= 0:
        raise TimeoutError
    wire.settimeout(left)


def type_side_by_side(typist: Typist, n_typists: int, n_keys: int, pause: float) -> list[Seen]:
    """What several people see who type at the same time, each at a place of their own.

    Each has stopped there for as long as a first completion takes.
    """
    seen: list[Seen] = []
    everybody = Barrier(n_typists)

    def work(k: int) -> None:
        prompts = list(session(n_keys, CONTEXT + 500 * (k + 1)))
        typist.ask(prompts[0][:-1])
        everybody.wait()
        seen.extend(typist.type(prompts, pause))

    threads = [Thread(target=work, args=(k,)) for k in range(n_typists)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen
