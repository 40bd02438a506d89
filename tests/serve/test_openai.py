"""OpenAI's routes say what the library says, in the shapes that its clients read."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from tests.serve.running_server import TEXTS, Client, plain_lm, running, toy_lm
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.serve.options import ServeOptions

COMPLETE = "/v1/completions"
MODELS: dict[str, ByteModel] = {"toy": toy_lm(), "plain": plain_lm()}
TOKENIZERS = {"toy": toy_lm().token_lm.tokenizer, "plain": plain_lm().token_lm.tokenizer}
MODELS["both"] = ByteEnsemble(list(MODELS.values()))


def text_of(answer: Any) -> str:
    assert answer["object"] == "text_completion"
    assert [choice["index"] for choice in answer["choices"]] == list(range(len(answer["choices"])))
    return answer["choices"][0]["text"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cut", [0, 3, 9, 17])
def test_a_completion_is_what_the_library_writes(client: Client, name: str, cut: int) -> None:
    prompt = TEXTS[1][:cut]
    answer = client.ask(
        COMPLETE, model=name, prompt=prompt, max_tokens=12, seed=3, temperature=0.8, top_p=0.9
    )
    text = text_of(answer)
    whole = MODELS[name].generate(
        prompt, max_bytes=200, seed=3, temperature=0.8, top_p=0.9, valid_utf8=True
    )
    assert whole.startswith(text.encode())
    assert "�" not in text
    usage = answer["usage"]
    assert usage["completion_tokens"] <= 12
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_every_cut_of_a_text_heals_byte_for_byte(client: Client) -> None:
    text = TEXTS[1].strip()
    for cut in range(1, len(text)):
        answer = client.ask(
            COMPLETE, model="toy", prompt=text[:cut], max_tokens=60, temperature=0, stop="\n"
        )
        expected = MODELS["toy"].generate(
            text[:cut], max_bytes=400, temperature=0, stop="\n", valid_utf8=True
        )
        assert expected.startswith(text_of(answer).encode())
        if answer["choices"][0]["finish_reason"] == "stop":
            assert text_of(answer).encode() == expected


def test_a_stream_is_the_text_in_pieces(client: Client) -> None:
    fields: dict[str, Any] = {"model": "both", "prompt": "the n", "max_tokens": 30, "seed": 5}
    whole = client.ask(COMPLETE, **fields)
    *events, counts, done = client.events(
        COMPLETE, **fields, stream=True, stream_options={"include_usage": True}
    )
    assert done == "[DONE]"
    assert counts["choices"] == []
    assert counts["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert "".join(each["choices"][0]["text"] for each in events) == text_of(whole)
    reasons = [each["choices"][0]["finish_reason"] for each in events]
    assert reasons == [*[None] * (len(events) - 1), whole["choices"][0]["finish_reason"]]
    assert all(each["usage"] is None for each in events)
    assert len({each["id"] for each in events}) == 1


def test_a_middle_is_what_infill_writes(client: Client) -> None:
    prompt, suffix = "def area(r):\n    ret", " * r\n"
    answer = client.ask(COMPLETE, model="toy", prompt=prompt, suffix=suffix, max_tokens=5, seed=1)
    whole = infill(MODELS["toy"], prompt, suffix, max_bytes=99, seed=1, valid_utf8=True)
    assert whole.startswith(text_of(answer).encode())
    spelt = f"<fim_prefix>{prompt}<fim_suffix>{suffix}<fim_middle>"
    same = client.ask(COMPLETE, model="toy", prompt=spelt, max_tokens=5, seed=1)
    assert text_of(same) == text_of(answer)
    other = f"<|fim_prefix|>{prompt}<|fim_suffix|>{suffix}<|fim_middle|>"
    assert text_of(client.ask(COMPLETE, model="toy", prompt=other, max_tokens=5, seed=1)) == (
        text_of(answer)
    )


@pytest.mark.parametrize("name", ["plain", "both"])
def test_a_model_without_a_format_searches_for_middles(client: Client, name: str) -> None:
    fields: dict[str, Any] = {"model": name, "prompt": "the ", "suffix": " sat", "max_tokens": 3}
    answer = client.ask(COMPLETE, **fields, seed=1, byte_logprobs=True)
    budget = ServeOptions().fill_budget
    whole = infill(
        MODELS[name], "the ", " sat", max_bytes=3 * 64, method="posterior", budget=budget, seed=1
    )
    assert whole.decode(errors="ignore").startswith(text_of(answer))
    data = text_of(answer).encode()
    figures = answer["choices"][0]["byte_logprobs"]
    assert figures == pytest.approx(
        MODELS[name]
        .byte_logprobs(data, prefix="the ")[np.arange(len(data)), np.frombuffer(data, np.uint8)]
        .tolist()
    )
    *events, done = client.events(COMPLETE, **fields, seed=1, stream=True)
    assert done == "[DONE]"
    assert "".join(each["choices"][0]["text"] for each in events) == text_of(answer)
    for wrong in ({"top_p": 0.5}, {"logprobs": 0}, {"heal": False}, {"best_of": 2}):
        status, body = client.refused(COMPLETE, **fields, **wrong)
        assert (status, body["error"]["param"]) == (400, next(iter(wrong)))
    assert client.ask(COMPLETE, model=name, prompt="a", suffix="", max_tokens=1)


def test_a_greedy_search_finds_the_same_each_time() -> None:
    gap = {"prompt": "the na", "suffix": "ts naïvely\n", "max_tokens": 9, "temperature": 0}
    with running({"plain": plain_lm()}, ServeOptions(port=0, fill_budget=30)) as client:
        assert len({text_of(client.ask(COMPLETE, **gap)) for _ in range(6)}) == 1


def test_a_suffix_is_refused_by_name_where_only_formats_may_fill() -> None:
    with running({"plain": plain_lm()}, ServeOptions(port=0, fills="format")) as client:
        status, body = client.refused(COMPLETE, prompt="a", suffix="b")
        assert (status, body["error"]["param"]) == (400, "suffix")
        assert set(body["error"]) == {"message", "type", "param", "code"}
        status, body = client.refused("/infill", input_prefix="a", input_suffix="b")
        error = body["error"]
        assert (status, error["code"], error["type"]) == (501, 501, "not_supported_error")


def test_several_choices_and_prompts_are_those_of_each_seed(client: Client) -> None:
    answer = client.ask(COMPLETE, model="toy", prompt=["the ", "def "], n=2, max_tokens=8, seed=4)
    texts = [choice["text"] for choice in answer["choices"]]
    for k, prompt in enumerate(["the ", "the ", "def ", "def "]):
        whole = MODELS["toy"].generate(prompt, max_bytes=200, seed=4 + k, valid_utf8=True)
        assert whole.startswith(texts[k].encode())


def test_requests_without_a_seed_differ(client: Client) -> None:
    texts: list[str] = []

    def ask() -> None:
        texts.append(text_of(client.ask(COMPLETE, model="plain", prompt="a", max_tokens=12)))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(texts)) == 5


def test_concurrent_requests_equal_serial_ones(client: Client) -> None:
    def ask(k: int) -> str:
        name = ("toy", "both")[k % 2]
        prompt = TEXTS[k % 2][: 2 + k]
        return text_of(client.ask(COMPLETE, model=name, prompt=prompt, max_tokens=10, seed=k))

    serial = {k: ask(k) for k in range(16)}
    found: dict[int, str] = {}
    threads = [threading.Thread(target=lambda k=k: found.update({k: ask(k)})) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == serial


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("as_ids", [False, True])
def test_figures_of_tokens_add_up_to_that_of_the_text(
    client: Client, name: str, as_ids: bool
) -> None:
    text = "the naïve cats"
    lm = MODELS[name]
    tokenizer = TOKENIZERS["plain" if name == "plain" else "toy"]
    ids = tokenizer.encode(text)
    answer = client.ask(
        COMPLETE,
        model=name,
        prompt=[ids] if as_ids else text,
        echo=True,
        logprobs=1,
        max_tokens=1,
        temperature=0,
    )
    figures = answer["choices"][0]["logprobs"]
    n = len(ids)
    assert "".join(figures["tokens"][:2]).startswith("the"[:2])
    assert len(figures["tokens"]) == n + 1 == len(figures["token_logprobs"])
    assert answer["choices"][0]["text"].startswith(text)
    first = len(tokenizer.token_bytes(ids[0]))
    data = text.encode()
    expected = lm.logprob(data[first:], prefix=data[:first])
    assert figures["token_logprobs"][0] is None
    assert sum(figures["token_logprobs"][1:n]) == pytest.approx(expected)
    rows = lm.byte_logprobs(data)[:-1]
    greedy = rows.argmax(axis=1) == np.frombuffer(data, np.uint8)
    place = first
    for k in range(1, n):
        size = len(tokenizer.token_bytes(ids[k]))
        largest = max(figures["top_logprobs"][k].values())
        is_greedy = bool(greedy[place : place + size].all())
        assert (figures["token_logprobs"][k] == largest) == is_greedy
        place += size


@pytest.mark.parametrize("echo", [False, True])
def test_without_alternatives_each_token_has_a_null_in_their_place(
    client: Client, echo: bool
) -> None:
    answer = client.ask(COMPLETE, model="toy", prompt="the", logprobs=0, max_tokens=2, echo=echo)
    figures = answer["choices"][0]["logprobs"]
    assert figures["top_logprobs"] == [None] * len(figures["tokens"])
    assert len(figures["tokens"]) > 1


def test_echo_alone_draws_nothing(client: Client) -> None:
    answer = client.ask(COMPLETE, model="toy", prompt="the cats", echo=True, max_tokens=0)
    assert text_of(answer) == "the cats"
    assert answer["usage"]["completion_tokens"] == 0


def test_nulls_and_empty_names_are_as_if_they_were_not_there(client: Client) -> None:
    names = ("suffix", "seed", "logprobs", "stop", "n", "user", "temperature", "logit_bias")
    nothing = dict.fromkeys(names)
    assert client.ask(COMPLETE, model="", prompt="the ", max_tokens=2, **nothing)
    assert client.ask(COMPLETE, prompt="the ", max_tokens=2, logit_bias={}, presence_penalty=0)
    status, _, _ = client.send("GET", "/v1/models", Authorization="Bearer ")
    assert status == 200


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"logit_bias": {"50": 1}}, "logit_bias"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 1000}, "n"),
        ({"stop": [""]}, "stop"),
        ({"stop": 5}, "stop"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"prompt": [[1, "a"]]}, "prompt"),
        ({"prompt": [10**9]}, "prompt"),
        ({"stream": "yes"}, "stream"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"byte_logprobs": True, "echo": True}, "byte_logprobs"),
        ({"prompt": "the " * 100_000}, "prompt"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_done_is_refused_by_name(
    client: Client, fields: dict[str, Any], param: str
) -> None:
    status, body = client.refused(COMPLETE, **{"model": "toy", "prompt": "a", **fields})
    assert status == 400
    assert body["error"]["param"] == param
    assert param in body["error"]["message"]


def test_models_are_listed_and_shown(client: Client) -> None:
    import json

    _, body, _ = client.send("GET", "/v1/models")
    assert [model["id"] for model in json.loads(body)["data"]] == [
        "toy",
        "plain",
        "both",
        "endless",
    ]
    assert client.send("GET", "/v1/models/both")[0] == 200
    assert client.send("GET", "/v1/models/none")[0] == 404
    status, body = client.refused(COMPLETE, model="gpt-4", prompt="a")
    assert (status, body["error"]["code"]) == (404, "model_not_found")


def test_a_prompt_seen_before_is_not_computed_again(client: Client) -> None:
    prompt = "cats " * 30
    client.ask(COMPLETE, model="toy", prompt=prompt, max_tokens=1)
    again = client.ask(COMPLETE, model="toy", prompt=prompt + "sat", max_tokens=1)
    usage = again["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] >= usage["prompt_tokens"] - 6


def test_several_prompts_seen_before_are_all_counted(client: Client) -> None:
    prompts = [text * 20 for text in ("the cats sat ", "def area(r): ")]
    fields: dict[str, Any] = {"model": "toy", "prompt": prompts, "max_tokens": 1, "n": 2}
    client.ask(COMPLETE, **fields)
    usage = client.ask(COMPLETE, **fields)["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] >= usage["prompt_tokens"] - 12


def test_ids_that_are_not_to_be_healed_are_given_as_they_are(client: Client) -> None:
    lm, spelt = toy_lm(), TOKENIZERS["toy"].spec.token_bytes
    ids = [spelt.index(bytes([byte])) for byte in b"the cats"]
    fields: dict[str, Any] = {"model": "toy", "max_tokens": 1, "logprobs": 1, "heal": False}
    figures = client.ask(COMPLETE, **fields, prompt=ids, temperature=0)["choices"][0]["logprobs"]
    expected = lm.open_after(ids).logprobs().max()
    assert figures["token_logprobs"][0] == pytest.approx(expected)
    assert expected != pytest.approx(lm.next_byte_logprobs("the cats").max())
    status, body = client.refused(COMPLETE, **fields, prompt=[spelt.index(b"\xc3")])
    assert (status, body["error"]["param"]) == (400, "heal")
    status, body = client.refused(COMPLETE, **fields, prompt="the cats", echo=True)
    assert (status, body["error"]["param"]) == (400, "echo")


def test_figures_of_a_prompt_do_not_depend_on_the_text_after_it(client: Client) -> None:
    fields: dict[str, Any] = {"model": "toy", "prompt": "the cats", "echo": True, "logprobs": 3}
    fields |= {"temperature": 0, "max_tokens": 3}
    whole = client.ask(COMPLETE, **fields)["choices"][0]
    first = whole["text"][len("the cats")]
    ended = client.ask(COMPLETE, **fields, stop=[first])["choices"][0]["logprobs"]
    n = len(ended["tokens"])
    assert ended["top_logprobs"] == whole["logprobs"]["top_logprobs"][:n]
    assert min(len(each) for each in ended["top_logprobs"][1:]) == 3
    fields |= {"prompt": ""}
    assert None not in client.ask(COMPLETE, **fields)["choices"][0]["logprobs"]["token_logprobs"]


def test_a_middle_that_is_searched_for_ends_before_the_first_stop_string(client: Client) -> None:
    fields: dict[str, Any] = {
        "prompt": "a",
        "suffix": " sat",
        "max_tokens": 9,
        "temperature": 90,
    }
    answers = (
        (seed, text_of(client.ask(COMPLETE, model="plain", **fields, seed=seed, stop=["\n\n\n"])))
        for seed in range(20)
    )
    seed, text = next((seed, text) for seed, text in answers if len(text) > 1)
    cut = client.ask(COMPLETE, model="plain", **fields, seed=seed, stop=[text[1:], text[1]])
    assert text_of(cut) == text[: text.index(text[1])]
    assert cut["choices"][0]["finish_reason"] == "stop"
    llama: dict[str, Any] = {
        "input_prefix": "a",
        "input_suffix": " sat",
        "n_predict": 9,
        "temperature": 90,
    }
    told = client.ask("/infill", model="plain", **llama, seed=seed, stop=[text[1]])
    assert (told["content"], told["stop_type"]) == (text_of(cut), "word")
    assert told["stopping_word"] == text[1]
