"""Texts are scored exactly, and the page holds all that it needs."""

from __future__ import annotations

import math
import re

import pytest

from tests.serve.running_server import Client, plain_lm, toy_lm
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import ByteEnsemble

MODELS: dict[str, ByteModel] = {"toy": toy_lm(), "plain": plain_lm()}
MODELS["both"] = ByteEnsemble(list(MODELS.values()))
TEXT = "the naïve cats sat on the mat, naïvely"


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_the_library(client: Client, name: str) -> None:
    answer = client.ask(
        "/v1/score", model=name, documents=[TEXT, "ab"], prefix="x ", byte_logprobs=True
    )
    lm = MODELS[name]
    for text, told in zip([TEXT, "ab"], answer["documents"], strict=True):
        assert told["n_bytes"] == len(text.encode()) == len(told["byte_logprobs"])
        bits = -lm.logprob(text, prefix="x ") / math.log(2)
        assert told["bits"] == pytest.approx(bits)
        assert -sum(told["byte_logprobs"]) / math.log(2) == pytest.approx(bits)
    assert answer["bits_per_byte"] == pytest.approx(answer["bits"] / answer["n_bytes"])


def test_windows_are_those_of_the_library(client: Client) -> None:
    answer = client.ask("/v1/score", model="toy", documents=TEXT, window=12, stride=5)
    expected = -MODELS["toy"].logprob(TEXT, window=12, stride=5) / math.log(2)
    assert answer["bits"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"documents": []},
        {"documents": [3]},
        {"documents": "a", "window": 1},
        {"documents": "a", "stride": 2},
        {"documents": "the " * 60_000},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_what_cannot_be_scored_is_refused(client: Client, fields: dict[str, object]) -> None:
    status, body = client.refused("/v1/score", model="toy", **fields)
    assert status == 400
    assert body["error"]["message"]


def test_a_choice_has_the_figures_of_its_bytes(client: Client) -> None:
    answer = client.ask(
        "/v1/completions", model="both", prompt="the ", max_tokens=8, seed=2, byte_logprobs=True
    )
    choice = answer["choices"][0]
    data = choice["text"].encode()
    expected = MODELS["both"].byte_logprobs(data, prefix="the ")
    figures = [expected[k, byte] for k, byte in enumerate(data)]
    assert choice["byte_logprobs"][: len(data)] == pytest.approx(figures)


def test_a_stream_has_the_figures_of_its_bytes(client: Client) -> None:
    fields = {"max_tokens": 8, "seed": 2, "byte_logprobs": True, "logprobs": 1}
    for name, more in {"both": {}, "plain": {"suffix": " sat"}}.items():
        asked = {"model": name, "prompt": "the ", **fields, **more}
        if more:
            del asked["logprobs"]
        whole = client.ask("/v1/completions", **asked)["choices"][0]
        *events, _ = client.events("/v1/completions", **asked, stream=True)
        choices = [each["choices"][0] for each in events]
        figures = [p for each in choices for p in each.get("byte_logprobs", ())]
        assert figures == pytest.approx(whole["byte_logprobs"])
        assert "".join(each["text"] for each in choices) == whole["text"]


def test_the_page_holds_all_that_it_needs(client: Client) -> None:
    status, body, headers = client.send("GET", "/")
    assert status == 200
    page = body.decode()
    assert "{{" not in page
    assert set(re.findall(r"https?://[^\"]*", page)) == {"http://www.w3.org/2000/svg"}
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert " style=" not in page
