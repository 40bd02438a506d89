"""A real server over toy models, at a free port of loopback, and plain requests to it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.bytelm.completion.fim_toys import all_bytes_with, with_format
from tests.bytelm.toy_models import RandomLM
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.serve.engine import Engine
from tokkit.serve.options import ServeOptions
from tokkit.serve.running import bind, make_server
from tokkit.text.tokenizer import TextTokenizer

TEXTS = ["def area(r):\n    return 3 * r\n", "the naïve cats naïvely sat on the mat\n"] * 3


def toy_lm(seed: int = 0) -> ByteLM:
    """Every byte, and some longer tokens; it has a FIM format, and knows a few texts."""
    spec = with_format(all_bytes_with(b"the", b" sat", b"cats", b"na"), FIM_FORMATS["starcoder"])
    return ByteLM(NgramLM.train(TEXTS[seed:], TextTokenizer(spec), order=3))


def plain_lm() -> ByteLM:
    """Other tokens, random numbers, and no FIM format."""
    return ByteLM(RandomLM(TextTokenizer(all_bytes_with(b"he", b"at "))))


def endless_lm() -> ByteLM:
    """As `plain_lm`, and no text ends by itself."""
    return plain_lm().with_end_ids(())


class Gate:
    """Holds a model from its first pass about a text on, and knows what its passes were about.

    Attributes:
        reached: set once the text is there.
        go: set to let the passes go on.
        texts: of all passes.
    """

    def __init__(self, lm: ByteLM, text: bytes) -> None:
        """Stand before a model.

        Args:
            lm: over tokens.
            text: that is waited for.
        """
        self.reached, self.go = threading.Event(), threading.Event()
        self.texts: list[bytes] = []
        token_lm = lm.token_lm
        whole, decode = token_lm.next_token_logprobs, token_lm.tokenizer.decode

        def next_token_logprobs(contexts: Any) -> Any:
            self.texts += [decode(list(context)) for context in contexts]
            if any(text in each for each in self.texts):
                self.reached.set()
                assert self.go.wait(60)
            return whole(contexts)

        token_lm.next_token_logprobs = next_token_logprobs  # pyright: ignore[reportAttributeAccessIssue]


@dataclass
class Client:
    """Plain requests to a server.

    Attributes:
        port: of loopback.
        engine: of the server.
        headers: of each request.
    """

    port: int
    engine: Engine
    headers: Mapping[str, str]

    @property
    def url(self) -> str:
        """Of the server, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Status, body and headers of an answer."""
        connection = self.connect()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {**self.headers, **named})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def ask(self, path: str, **fields: Any) -> Any:
        """The JSON of a request that goes well."""
        status, body, headers = self.send("POST", path, json.dumps(fields).encode())
        assert status == 200, body
        assert headers["content-type"] == "application/json"
        assert b"\n" not in body
        return json.loads(body)

    def refused(self, path: str, **fields: Any) -> tuple[int, Any]:
        """Status and JSON of a request that does not."""
        status, body, _ = self.send("POST", path, json.dumps(fields).encode())
        assert status >= 400, body
        return status, json.loads(body)

    def events(self, path: str, **fields: Any) -> list[Any]:
        """The events of a stream; `[DONE]` as it is."""
        status, body, headers = self.send("POST", path, json.dumps(fields).encode())
        assert status == 200, body
        assert headers["content-type"] == "text/event-stream"
        lines = body.decode().split("\n\n")
        assert lines.pop() == ""
        assert all(line.startswith("data: ") and "\n" not in line for line in lines)
        found = [line.removeprefix("data: ") for line in lines]
        return [line if line == "[DONE]" else json.loads(line) for line in found]

    def comes_to(self, condition: Callable[[Engine], bool], seconds: float = 20) -> bool:
        """Whether something holds of the engine, soon."""
        end = time.monotonic() + seconds
        while not condition(self.engine):
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True

    def becomes_idle(self) -> bool:
        """Whether nothing is drawn, nor waits, soon."""
        return self.comes_to(
            lambda engine: engine.n_open == engine.load.n_running == engine.load.n_waiting == 0
        )


@contextmanager
def running(
    models: Mapping[str, ByteModel],
    options: ServeOptions | None = None,
    templates: Mapping[str, str] | None = None,
) -> Generator[Client]:
    """A server, until the end of the block."""
    options = options or ServeOptions(port=0)
    ready = threading.Event()
    listener = bind(options)
    server = make_server(models, options, ready.set, templates)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert ready.wait(60)
        app: Any = server.config.app
        key = options.api_key
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        yield Client(listener.getsockname()[1], app.state.service.engine, headers)
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive()
