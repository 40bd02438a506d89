"""What llama.cpp's routes tell beside one text: several texts, ids, figures on the way."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.serve.running_server import Client, plain_lm, running, toy_lm
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.completion.infilling import infill

LM = toy_lm()
NEUTRAL: dict[str, Any] = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}
ASKED: dict[str, Any] = {"prompt": "the n", "n_predict": 9, "seed": 2, **NEUTRAL}


def test_several_texts_are_those_of_the_seeds_that_follow(client: Client) -> None:
    several = client.ask("/completion", **ASKED, n_cmpl=3)
    assert [each["index"] for each in several] == [0, 1, 2]
    for k, each in enumerate(several):
        alone = client.ask("/completion", **{**ASKED, "seed": 2 + k})
        assert each["content"] == alone["content"]
        assert each["tokens_predicted"] == alone["tokens_predicted"]
    assert client.ask("/completion", **ASKED, n=3)[2]["content"] == several[2]["content"]
    assert client.refused("/completion", **ASKED, n_cmpl=10_000)[0] == 400


def test_several_prompts_give_several_texts(client: Client) -> None:
    ids = LM.token_lm.tokenizer.encode("the cats")
    for prompt in (["the n", "def area"], ["the n", ids]):
        several = client.ask("/completion", **{**ASKED, "prompt": prompt})
        assert [each["prompt"] for each in several] == [
            "the n",
            ["def area", "the cats"][ids in prompt],
        ]
        assert several[0]["content"] == client.ask("/completion", **ASKED)["content"]
    (single,) = [client.ask("/completion", **{**ASKED, "prompt": ["the n"]})]
    assert single["content"] == several[0]["content"]


def test_a_stream_of_several_texts_names_each(client: Client) -> None:
    several = client.ask("/completion", **ASKED, n_cmpl=3)
    events = client.events("/completion", **ASKED, n_cmpl=3, stream=True)
    for k, each in enumerate(several):
        own = [event for event in events if event["index"] == k]
        assert "".join(event["content"] for event in own) == each["content"]
        assert [event["stop"] for event in own] == [False] * (len(own) - 1) + [True]
        assert own[-1]["tokens_predicted"] == each["tokens_predicted"]


def test_several_middles_end_by_their_own_indentation(client: Client) -> None:
    fields: dict[str, Any] = {"input_prefix": "def area(r):\n    ret", "input_suffix": "\n"}
    fields |= {"n_predict": 40, "n_indent": 4, **NEUTRAL}
    several = client.ask("/infill", **fields, seed=5, n_cmpl=4)
    for k, each in enumerate(several):
        assert each["content"] == client.ask("/infill", **fields, seed=5 + k)["content"]
    assert client.becomes_idle()


@pytest.mark.parametrize("stream", [False, True])
def test_the_ids_of_a_text_spell_it(client: Client, stream: bool) -> None:
    fields = {**ASKED, "n_predict": 24, "return_tokens": True}
    if stream:
        events = client.events("/completion", **fields, stream=True)
        tokens = [token for event in events for token in event["tokens"]]
        content = "".join(event["content"] for event in events)
        told = [event["tokens_predicted"] for event in events]
        assert told == sorted(told) and told[-1] <= 24
    else:
        answer = client.ask("/completion", **fields)
        tokens, content = answer["tokens"], answer["content"]
    assert content == client.ask("/completion", **{**ASKED, "n_predict": 24})["content"]
    assert client.ask("/detokenize", tokens=tokens)["content"] == content


def test_the_ids_of_a_middle_that_is_searched_for_spell_it(client: Client) -> None:
    fields = {"model": "plain", "input_prefix": "the ", "input_suffix": " sat", "n_predict": 4}
    answer = client.ask("/infill", **fields, seed=1, return_tokens=True)
    spelt = client.ask("/detokenize", model="plain", tokens=answer["tokens"])["content"]
    assert spelt == answer["content"]


def test_ids_come_only_where_they_are_wanted(client: Client) -> None:
    assert client.ask("/completion", **ASKED)["tokens"] == []
    assert (
        client.ask("/completion", **{**ASKED, "n_predict": 0}, return_tokens=True)["tokens"] == []
    )
    status, body = client.refused("/completion", **ASKED, return_tokens=True, n_indent=4)
    assert status == 400 and "return_tokens" in body["error"]["message"]


def test_a_stream_tells_its_times_on_the_way(client: Client) -> None:
    events = client.events("/completion", **ASKED, stream=True, timings_per_token=True)
    assert all(event["timings"]["predicted_ms"] > 0 for event in events)
    counts = [event["timings"]["predicted_n"] for event in events]
    assert counts == sorted(counts)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/completion", {"prompt": "a", "unit": "token"}),
        ("/v1/completions", {"prompt": "a", "unit": "token"}),
        ("/v1/fim/completions", {"prompt": "a", "suffix": "b", "unit": "token"}),
        ("/api/generate", {"prompt": "a", "raw": True, "options": {"unit": "token"}}),
        ("/generate", {"inputs": "a", "parameters": {"unit": "token"}}),
        ("/completion", {"prompt": "a", "return_progress": True}),
        ("/completion", {"prompt": "a", "min_keep": 3}),
        ("/completion", {"prompt": "a", "adaptive_target": 0.5}),
    ],
)
def test_what_is_not_done_is_refused_by_name(
    client: Client, path: str, fields: dict[str, Any]
) -> None:
    status, body = client.refused(path, model="toy", **fields)
    inner = fields.get("options") or fields.get("parameters") or fields
    assert status == 400 and list(inner)[-1] in str(body["error"])


@pytest.mark.parametrize("path", ["/infill", "/v1/fim/completions"])
def test_every_dialect_leaves_a_prompt_unhealed_where_it_is_asked(
    client: Client, path: str
) -> None:
    prefix, suffix = "def area(r):\n    ret", " * r\n"
    names = ("input_prefix", "input_suffix") if path == "/infill" else ("prompt", "suffix")
    fields: dict[str, Any] = {**dict(zip(names, (prefix, suffix), strict=True)), **NEUTRAL}
    limit = "n_predict" if path == "/infill" else "max_tokens"
    answer = client.ask(path, model="toy", **fields, **{limit: 6}, seed=3, heal=False)
    text = answer["content"] if path == "/infill" else answer["choices"][0]["message"]["content"]
    whole = infill(LM, prefix, suffix, max_bytes=99, seed=3, valid_utf8=True, heal="none")
    assert whole.startswith(text.encode())
    status, body = client.refused(path, model="plain", **fields, heal=False)
    assert status == 400 and "heal" in str(body["error"])


def test_every_model_is_warm_before_anybody_asks_and_the_first_before_the_server_listens() -> None:
    first, late = plain_lm(), plain_lm()
    written = _written_by(first), _written_by(late)
    with running({"first": first, "plain": late}) as client:
        assert written[0].is_set()
        assert written[1].wait(60)
        assert client.ask("/completion", model="plain", prompt="a", n_predict=1)


def _written_by(lm: ByteLM) -> threading.Event:
    """Set once a model is asked."""
    called = threading.Event()
    whole = lm.token_lm.next_token_logprobs

    def next_token_logprobs(contexts: Any) -> Any:
        called.set()
        return whole(contexts)

    lm.token_lm.next_token_logprobs = next_token_logprobs  # pyright: ignore[reportAttributeAccessIssue]
    return called


def test_a_model_that_cannot_be_warmed_up_disturbs_no_other() -> None:
    bad = plain_lm()

    def next_token_logprobs(contexts: Any) -> Any:
        raise RuntimeError("out of memory")

    bad.token_lm.next_token_logprobs = next_token_logprobs  # pyright: ignore[reportAttributeAccessIssue]
    with running({"bad": bad, "toy": toy_lm()}) as client:
        assert client.ask("/completion", model="toy", prompt="a", n_predict=1)
        status, body = client.refused("/completion", model="bad", prompt="a", n_predict=1)
        assert status == 500 and "out of memory" in body["error"]["message"]
