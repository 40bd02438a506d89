"""The routes of Mistral's and Tabby's clients."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve.running_server import Client, running, toy_lm
from tokkit.bytelm.completion.infilling import infill
from tokkit.serve.options import ServeOptions

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


@pytest.mark.parametrize("n", [1, 2000])
def test_a_choice_says_whether_its_context_was_cut(n: int) -> None:
    told = {} if n == 1 else {"truncated": True}
    gap: dict[str, Any] = {"prompt": "a b\n" * n, "suffix": "c\n", "max_tokens": 1}
    segments = {"prefix": gap["prompt"], "suffix": "c\n"}
    with running({"toy": LM}, ServeOptions(port=0, cache_tokens=2048)) as client:
        answers = [
            client.ask("/v1/completions", **gap),
            client.events("/v1/completions", **gap, stream=True)[-2],
            client.ask("/v1/fim/completions", **gap),
            client.events("/v1/fim/completions", **gap, stream=True)[-2],
            client.ask("/v1/completions", segments=segments, max_tokens=1),
        ]
    for answer in answers:
        (choice,) = answer["choices"]
        assert {key: choice[key] for key in choice if key == "truncated"} == told


def test_tabby_gets_a_text(client: Client) -> None:
    segments = {"prefix": PREFIX, "suffix": SUFFIX, "filepath": "../../etc/passwd", "clipboard": ""}
    answer = client.ask("/v1/completions", language="python", segments=segments, temperature=0)
    whole = infill(LM, PREFIX, SUFFIX, max_bytes=4000, temperature=0, valid_utf8=True)
    assert whole.startswith(answer["choices"][0]["text"].encode())
    assert set(answer) == {"id", "choices"}
    assert client.send("GET", "/v1/health")[0] == 200
    assert client.send("POST", "/v1/events", b"{}")[0] == 200


def test_tabby_shows_other_files(client: Client) -> None:
    segments = {"prefix": "def area(r):\n    ret", "suffix": " * r\n", "filepath": "own.py"}
    others = {
        "declarations": [{"filepath": "a.py", "body": "x = 1\n"}],
        "relevant_snippets_from_changed_files": [{"filepath": "b.py", "body": "y = 2\n"}],
    }
    fields: dict[str, Any] = {"max_tokens": 6, "temperature": 1, "seed": 2}
    answer = client.ask("/v1/completions", segments={**segments, **others}, **fields)
    pieces = [{"filename": "a.py", "text": "x = 1\n"}, {"filename": "b.py", "text": "y = 2\n"}]
    infill: dict[str, Any] = {"input_prefix": segments["prefix"], "input_suffix": " * r\n"}
    infill |= {"top_k": 0, "top_p": 1, "min_p": 0, "temperature": 1, "seed": 2, "n_predict": 6}
    same = client.ask("/infill", input_extra=pieces, **infill)
    assert answer["choices"][0]["text"] == same["content"]
    status, body = client.refused(
        "/v1/completions", segments=segments, debug_options={"raw_prompt": "a"}
    )
    assert status == 400 and "raw_prompt" in body["error"]["message"]
