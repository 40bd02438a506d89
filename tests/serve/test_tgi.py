"""The routes of Text Generation Inference, as its clients use them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serve.running_server import Client, running, toy_lm
from tokkit.serve.options import ServeOptions

LM = toy_lm()
SAMPLED: dict[str, Any] = {"do_sample": True, "max_new_tokens": 9, "seed": 2}


def test_a_completion_is_what_the_library_writes(client: Client) -> None:
    answer = client.ask("/generate", inputs="the n", parameters={**SAMPLED, "details": True})
    text, details = answer["generated_text"], answer["details"]
    assert LM.generate("the n", max_bytes=200, seed=2, valid_utf8=True).startswith(text.encode())
    tokens = details["tokens"]
    assert "".join(token["text"] for token in tokens) == text
    spelt = [LM.token_lm.tokenizer.token_bytes(token["id"]) for token in tokens]
    assert b"".join(spelt).startswith(text.encode())
    assert details["generated_tokens"] <= len(tokens)
    plain = client.ask("/v1/completions", prompt="the n", max_tokens=9, seed=2, byte_logprobs=True)
    total = sum(plain["choices"][0]["byte_logprobs"])
    assert sum(token["logprob"] for token in tokens) == pytest.approx(total)
    whole = client.ask("/", inputs="the n", parameters={**SAMPLED, "return_full_text": True})
    assert whole == [{"generated_text": "the n" + text}]


def test_a_stream_tells_a_token_an_event(client: Client) -> None:
    fields: dict[str, Any] = {"inputs": "the n", "parameters": {**SAMPLED, "details": True}}
    answer = client.ask("/generate", **fields)
    events = client.events("/generate_stream", **fields)
    assert events == client.events("/", **fields, stream=True)
    assert [each["token"] for each in events] == answer["details"]["tokens"]
    assert [each["index"] for each in events] == list(range(1, len(events) + 1))
    assert [each["generated_text"] for each in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1]["generated_text"] == answer["generated_text"]
    assert events[-1]["details"]["finish_reason"] == answer["details"]["finish_reason"]


def test_it_is_greedy_unless_it_samples(client: Client) -> None:
    greedy = client.ask("/v1/completions", prompt="the n", max_tokens=5, temperature=0)
    answer = client.ask("/generate", inputs="the n", parameters={"max_new_tokens": 5})
    assert answer["generated_text"] == greedy["choices"][0]["text"]


def test_a_template_that_is_spelt_out_is_a_gap(client: Client) -> None:
    parameters = {"max_new_tokens": 4}
    spelt = "<fim_prefix>def area(r):\n    ret<fim_suffix> * r\n<fim_middle>"
    answer = client.ask("/generate", inputs=spelt, parameters=parameters)
    gap = {"prompt": "def area(r):\n    ret", "suffix": " * r\n"}
    middle = client.ask("/v1/completions", **gap, max_tokens=4, temperature=0)
    assert answer["generated_text"] == middle["choices"][0]["text"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"repetition_penalty": 1.2},
        {"typical_p": 0.9},
        {"best_of": 2},
        {"grammar": {"type": "json", "value": {}}},
        {"truncate": 10},
        {"watermark": True},
        {"top_n_tokens": 3},
        {"max_new_tokens": 0},
    ],
)
def test_what_is_not_heeded_is_refused_by_name(client: Client, parameters: dict[str, Any]) -> None:
    status, body = client.refused("/generate", inputs="a", parameters=parameters)
    assert (status, body["error_type"]) == (400, "validation")
    assert next(iter(parameters)) in body["error"]


def test_it_tells_what_it_is_and_asks_for_a_key(client: Client) -> None:
    assert json.loads(client.send("GET", "/info")[1])["model_id"] == "toy"
    assert client.refused("/", inputs=3)[0] == 400
    with running({"toy": LM}, ServeOptions(port=0, api_key="k")) as keyed:
        body = json.dumps({"inputs": "a", "parameters": {"max_new_tokens": 1}}).encode()
        assert keyed.send("POST", "/", body, Authorization="")[0] == 401
        assert keyed.send("GET", "/", Authorization="")[0] == 200
        assert keyed.send("POST", "/", body)[0] == 200
