"""A request that cannot be done is refused by name, once, in the form of its own dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.serve.running_server import Client, running, toy_lm
from tokkit.serve.schema.bodies import BODIES

ASKED: dict[str, dict[str, Any]] = {
    "/v1/completions": {"prompt": "the ", "max_tokens": 1},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "a"}], "max_tokens": 1},
    "/v1/fim/completions": {"prompt": "the ", "suffix": " sat", "max_tokens": 1},
    "/completion": {"prompt": "the ", "n_predict": 1},
    "/infill": {"input_prefix": "the ", "input_suffix": " sat", "n_predict": 1},
    "/tokenize": {"content": "the"},
    "/detokenize": {"tokens": [104]},
    "/api/generate": {"prompt": "the ", "options": {"num_predict": 1}},
    "/api/chat": {"messages": [{"role": "user", "content": "a"}], "options": {"num_predict": 1}},
    "/api/show": {},
    "/": {"inputs": "the ", "parameters": {"max_new_tokens": 1}},
    "/generate": {"inputs": "the ", "parameters": {"max_new_tokens": 1}},
    "/generate_stream": {"inputs": "the ", "parameters": {"max_new_tokens": 1}},
    "/v1/score": {"documents": ["the"]},
}
WRONG: tuple[Any, ...] = ({"a": 1}, [[1], "a"], "x", -7, 1.5, True)


@pytest.fixture(scope="module")
def framed() -> Iterator[Client]:
    """A model with a chat template."""
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with running({"toy": toy_lm()}, templates={"toy": template}) as server:
        yield server


def message_of(body: Any) -> str:
    error = body["error"]
    return error if isinstance(error, str) else error["message"]


def with_wrong_fields(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests with one field that the schema does not permit, and the name of that."""
    asked, schema = ASKED[path], BODIES[path]
    places: list[tuple[str, ...]] = [(name,) for name in schema["properties"]]
    for name, inner in schema["properties"].items():
        places += [(name, each) for each in inner.get("properties", {})]
    for place in places:
        for wrong in WRONG:
            outer, *rest = place
            value = {**asked.get(outer, {}), rest[0]: wrong} if rest else wrong
            body = {**asked, outer: value}
            if not Draft202012Validator(schema).is_valid(body):
                yield place[-1], body
                break


@pytest.mark.parametrize("path", ASKED)
def test_no_field_of_a_wrong_kind_is_taken(framed: Client, path: str) -> None:
    assert framed.send("POST", path, json.dumps(ASKED[path]).encode())[0] == 200
    for name, body in with_wrong_fields(path):
        status, answer = framed.refused(path, **body)
        assert status == 400, (name, answer)
        assert name in message_of(answer)


@pytest.mark.parametrize("path", sorted(ASKED))
def test_what_is_missing_is_named_or_empty(framed: Client, path: str) -> None:
    status, body, _ = framed.send("POST", path, b"{}")
    needed = BODIES[path].get("required", [])
    assert status == (400 if needed else 200)
    assert all(f"{name} is missing" in message_of(json.loads(body)) for name in needed)


@pytest.mark.parametrize(
    "path", [path for path in ASKED if "max" in str(ASKED[path]) or "predict" in str(ASKED[path])]
)
@pytest.mark.parametrize("stop", ["", [""], ["a", 3]])
def test_a_stop_that_is_no_string_is_refused(framed: Client, path: str, stop: Any) -> None:
    if path == "/api/show":
        return
    inner = (
        "options" if path.startswith("/api") else "parameters" if "inputs" in ASKED[path] else ""
    )
    body = {**ASKED[path]}
    if inner:
        body[inner] = {**body[inner], "stop": stop}
    else:
        body["stop"] = stop
    status, answer = framed.refused(path, **body)
    assert status == 400 and "stop" in message_of(answer)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/v1/completions", "repetition_penalty", 1.2),
        ("/v1/completions", "response_format", {"type": "json_object"}),
        ("/v1/completions", "min_tokens", 3),
        ("/v1/completions", "logit_bias", {"5": 1}),
        ("/v1/completions", "guided_regex", "a*"),
        ("/v1/chat/completions", "continue_final_message", True),
        ("/v1/chat/completions", "ignore_eos", True),
        ("/v1/chat/completions", "logit_bias", {"5": 1}),
        ("/v1/fim/completions", "min_tokens", 3),
        ("/v1/fim/completions", "frequency_penalty", 0.5),
        ("/v1/fim/completions", "n", 2),
        ("/v1/fim/completions", "logprobs", 3),
        ("/v1/completions", "grammar", 'root ::= "a"'),
        ("/v1/completions", "mirostat", 2),
        ("/v1/chat/completions", "json_schema", {"type": "object"}),
        ("/v1/chat/completions", "xtc_probability", 0.5),
        ("/v1/chat/completions", "documents", [{"text": "a"}]),
    ],
)
def test_what_others_heed_is_not_ignored(framed: Client, path: str, name: str, value: Any) -> None:
    status, answer = framed.refused(path, **ASKED[path], **{name: value})
    assert status == 400
    assert answer["error"]["param"] == name and name in answer["error"]["message"]


@pytest.mark.parametrize(("name", "value"), [("images", ["aGk="]), ("prefix", True)])
def test_no_part_of_a_message_is_ignored(framed: Client, name: str, value: Any) -> None:
    for path in ("/v1/chat/completions", "/api/chat"):
        message = {"role": "assistant", "content": "a", name: value}
        status, answer = framed.refused(path, **{**ASKED[path], "messages": [message]})
        assert status == 400 and f"messages[0].{name}" in message_of(answer)


def test_a_chat_has_no_suffix(framed: Client) -> None:
    options = {"num_predict": 1, "suffix": "b"}
    status, answer = framed.refused("/api/chat", **{**ASKED["/api/chat"], "options": options})
    assert status == 400 and "suffix" in answer["error"]


def test_who_asks_elsewhere_is_told_in_his_own_words(framed: Client) -> None:
    status, body, _ = framed.send("POST", "/api/embed", b"{}")
    assert status == 404 and "POST /api/embed" in json.loads(body)["error"]
    status, body, _ = framed.send("GET", "/api/generate")
    assert status == 405 and "takes POST" in json.loads(body)["error"]
    status, body, headers = framed.send("GET", "/infill")
    assert (status, json.loads(body)["error"]["code"]) == (405, 405)
    assert headers["allow"] == "POST" and headers["content-type"] == "application/json"
    status, body, _ = framed.send("GET", "/generate")
    assert status == 405 and json.loads(body)["error_type"] == "validation"
    status, body, _ = framed.send("POST", "/v1/embeddings", b"{}")
    assert status == 404 and "/openapi.json" in json.loads(body)["error"]["message"]
    status, body, _ = framed.send("POST", "/api/generate", b"{}", Origin="https://evil.example")
    assert status == 403 and isinstance(json.loads(body)["error"], str)


def test_of_nothing_the_bits_are_zero(framed: Client) -> None:
    status, body, _ = framed.send("POST", "/v1/score", b'{"documents": ""}')
    assert status == 200 and b'"bits":0.0' in body
