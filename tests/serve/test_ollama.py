"""Ollama's routes, as its clients use them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serve.running_server import Client, running, toy_lm
from tests.serve.test_chat import TEMPLATE, chat_lm
from tokkit.bytelm.completion.infilling import infill

LM = toy_lm()
GENERATE = "/api/generate"
NEUTRAL = {"temperature": 1, "top_k": 0, "top_p": 1}
PREFIX, SUFFIX = "def area(r):\n    ret", " * r\n"


def lines(client: Client, path: str, **fields: Any) -> list[Any]:
    """The objects of a stream."""
    status, body, headers = client.send("POST", path, json.dumps(fields).encode())
    assert status == 200, body
    assert headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in body.splitlines()]


def test_a_completion_is_what_the_library_writes(client: Client) -> None:
    options = {**NEUTRAL, "num_predict": 9, "seed": 2}
    fields: dict[str, Any] = {"model": "toy", "prompt": "the n", "options": options}
    whole = client.ask(GENERATE, **fields, stream=False)
    assert LM.generate("the n", max_bytes=200, seed=2, valid_utf8=True).startswith(
        whole["response"].encode()
    )
    assert whole["done"] is True
    assert whole["eval_count"] <= 9
    *pieces, last = lines(client, GENERATE, **fields)
    assert "".join(piece["response"] for piece in pieces) == whole["response"]
    assert all(piece["done"] is False for piece in pieces)
    assert (last["done"], last["response"]) == (True, "")
    for name in ("done_reason", "eval_count", "prompt_eval_count"):
        assert last[name] == whole[name]


def test_a_suffix_may_stand_among_the_options(client: Client) -> None:
    whole = infill(LM, PREFIX, SUFFIX, max_bytes=99, seed=3, valid_utf8=True)
    options: dict[str, Any] = {**NEUTRAL, "num_predict": 6, "seed": 3}
    plain = {"model": "toy:latest", "prompt": PREFIX, "stream": False}
    outside = client.ask(GENERATE, **plain, suffix=SUFFIX, options=options)
    inside = client.ask(GENERATE, **plain, options={**options, "suffix": SUFFIX})
    spelt = f"<fim_prefix>{PREFIX}<fim_suffix>{SUFFIX}<fim_middle>"
    raw = client.ask(GENERATE, **{**plain, "prompt": spelt}, raw=True, options=options)
    assert whole.startswith(outside["response"].encode())
    assert outside["response"] == inside["response"] == raw["response"]


@pytest.mark.slow
def test_a_chat_template_frames_a_prompt_unless_it_is_raw() -> None:
    options: dict[str, Any] = {**NEUTRAL, "num_predict": 5, "seed": 1}
    rest: dict[str, Any] = {"stream": False, "options": options}
    with running({"chat": chat_lm()}, templates={"chat": TEMPLATE}) as client:
        said = [{"role": "system", "content": "s"}, {"role": "user", "content": "the"}]
        asked = client.ask("/api/chat", messages=said, **rest)
        answer = client.ask(
            "/v1/chat/completions", messages=said, max_tokens=5, seed=1, temperature=1
        )
        framed = client.ask(GENERATE, prompt="the", system="s", **rest)
        text = answer["choices"][0]["message"]["content"]
        assert asked["message"] == {"role": "assistant", "content": text}
        assert framed["response"] == text
        streamed = lines(client, "/api/chat", messages=said, options=options)
        assert "".join(each["message"]["content"] for each in streamed) == text
        raw = client.ask(GENERATE, prompt="the", raw=True, **rest)
        plain = client.ask("/v1/completions", prompt="the", max_tokens=5, seed=1)
        assert raw["response"] == plain["choices"][0]["text"]


def test_models_are_told(client: Client) -> None:
    listed = json.loads(client.send("GET", "/api/tags")[1])["models"]
    assert [each["name"] for each in listed] == ["toy", "plain", "both", "endless"]
    assert client.ask("/api/show", model="toy:latest")["capabilities"] == ["completion", "insert"]
    assert json.loads(client.send("GET", "/api/version")[1])["version"]
    assert client.ask(GENERATE, model="toy")["done_reason"] == "load"
    assert client.ask("/api/chat", model="toy", keep_alive=0)["done_reason"] == "unload"


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "json"},
        {"images": ["aGk="]},
        {"options": {"repeat_penalty": 1.1}},
        {"options": {"mirostat": 1}},
        {"context": [1]},
        {"system": "be kind"},
    ],
)
def test_what_is_not_heeded_is_refused_by_name(client: Client, fields: dict[str, Any]) -> None:
    status, body = client.refused(GENERATE, model="toy", prompt="a", **fields)
    name = next(iter(fields))
    named = next(iter(fields["options"])) if name == "options" else name
    assert status == 400
    assert named in body["error"]


def test_errors_are_texts(client: Client) -> None:
    status, body = client.refused(GENERATE, model="gpt", prompt="a")
    assert (status, type(body["error"])) == (404, str)
    ignored = {"num_ctx": 4096, "num_thread": 2, "repeat_last_n": 64, "num_predict": 1}
    assert client.ask(GENERATE, model="toy", prompt="a", stream=False, options=ignored)["done"]


def test_a_middle_is_searched_for_without_the_filters_of_the_defaults(client: Client) -> None:
    options = {"num_predict": 4, "seed": 1}
    fields: dict[str, Any] = {"model": "plain", "prompt": "the ", "suffix": " sat", "stream": False}
    answer = client.ask("/api/generate", **fields, options=options)
    found = answer["response"]
    assert answer["eval_duration"] > answer["prompt_eval_duration"]
    fill = {"input_prefix": "the ", "input_suffix": " sat", "n_predict": 4, "seed": 1}
    assert found == client.ask("/infill", model="plain", **fill)["content"]
    status, body = client.refused("/api/generate", **fields, options={**options, "top_k": 40})
    assert status == 400 and "top_k" in body["error"]
