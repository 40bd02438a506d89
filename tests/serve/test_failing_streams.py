"""What fails in mid-stream is told there, in the dialect's own form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.serve.running_server import Client, endless_lm, running

PROMPT = "the "
STREAMS: dict[str, tuple[dict[str, Any], str]] = {
    "/v1/completions": ({"prompt": PROMPT, "max_tokens": 90, "stream": True}, "data: "),
    "/v1/fim/completions": ({"prompt": PROMPT, "max_tokens": 90, "stream": True}, "data: "),
    "/completion": ({"prompt": PROMPT, "n_predict": 90, "stream": True}, "data: "),
    "/infill": ({"input_prefix": PROMPT, "n_predict": 90, "stream": True}, "data: "),
    "/generate_stream": ({"inputs": PROMPT, "parameters": {"max_new_tokens": 90}}, "data: "),
    "/api/generate": ({"prompt": PROMPT, "options": {"num_predict": 90}}, ""),
}


@pytest.fixture(scope="module")
def breaking() -> Iterator[Client]:
    """A model that fails at texts of more than 20 tokens."""
    lm = endless_lm()
    token_lm = lm.token_lm
    whole = token_lm.next_token_logprobs

    def next_token_logprobs(contexts: Sequence[Sequence[int]]) -> Any:
        if max(map(len, contexts)) > 20:
            raise RuntimeError("the machine is on fire")
        return whole(contexts)

    token_lm.next_token_logprobs = next_token_logprobs  # pyright: ignore[reportAttributeAccessIssue]
    with running({"breaking": lm}) as client:
        yield client


@pytest.mark.parametrize("path", STREAMS)
def test_the_last_event_is_the_error(breaking: Client, path: str) -> None:
    fields, before = STREAMS[path]
    status, body, _ = breaking.send("POST", path, json.dumps(fields).encode())
    assert status == 200
    *events, last = [line.removeprefix(before) for line in body.decode().split("\n") if line]
    assert events and all("error" not in json.loads(event) for event in events)
    error = json.loads(last)["error"]
    message = error if isinstance(error, str) else error["message"]
    assert "breaking failed" in message
    assert isinstance(error, dict) == (path not in ("/generate_stream", "/api/generate"))
    assert breaking.becomes_idle()
