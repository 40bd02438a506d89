"""The routes of Mistral's and Tabby's clients."""

from __future__ import annotations

from typing import Any

from tests.serve.running_server import Client, toy_lm
from tokkit.bytelm.completion.infilling import infill

LM = toy_lm()
PREFIX, SUFFIX = "def area(r):\n    ret", " * r\n"


def test_mistral_gets_a_message(client: Client) -> None:
    fields: dict[str, Any] = {
        "model": "toy",
        "prompt": PREFIX,
        "suffix": SUFFIX,
        "max_tokens": 6,
        "random_seed": 3,
        "temperature": 1,
    }
    answer = client.ask("/v1/fim/completions", **fields)
    content = answer["choices"][0]["message"]["content"]
    whole = infill(LM, PREFIX, SUFFIX, max_bytes=99, seed=3, valid_utf8=True)
    assert whole.startswith(content.encode())
    *events, last, done = client.events("/v1/fim/completions", **fields, stream=True)
    assert done == "[DONE]"
    assert "".join(each["choices"][0]["delta"]["content"] for each in events) == content
    assert last["choices"][0]["finish_reason"] == answer["choices"][0]["finish_reason"]
    assert last["usage"]["total_tokens"] == answer["usage"]["total_tokens"]


def test_mistral_without_a_suffix_is_a_completion(client: Client) -> None:
    answer = client.ask(
        "/v1/fim/completions", model="plain", prompt="a", max_tokens=3, random_seed=1, temperature=1
    )
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert client.ask("/v1/fim/completions", model="plain", prompt="a", suffix="", max_tokens=1)
    fields = {"model": "plain", "prompt": "the ", "suffix": " sat", "max_tokens": 2}
    assert client.ask("/v1/fim/completions", **fields)["choices"]


def test_tabby_gets_a_text(client: Client) -> None:
    segments = {"prefix": PREFIX, "suffix": SUFFIX, "filepath": "../../etc/passwd", "clipboard": ""}
    answer = client.ask("/v1/completions", language="python", segments=segments, temperature=0)
    whole = infill(LM, PREFIX, SUFFIX, max_bytes=4000, temperature=0, valid_utf8=True)
    assert whole.startswith(answer["choices"][0]["text"].encode())
    assert set(answer) == {"id", "choices"}
    assert client.send("GET", "/v1/health")[0] == 200
    assert client.send("POST", "/v1/events", b"{}")[0] == 200
