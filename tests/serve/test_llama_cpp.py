"""llama.cpp's routes, as llama.vim and others use them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.serve.running_server import Client, plain_lm, toy_lm
from tokkit.bytelm.completion.infilling import Infilling, infill
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.serve.dialects.llama_cpp.following import indent_cut
from tokkit.serve.generation import drawing

LM = toy_lm()
NEUTRAL = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}
VIM: dict[str, Any] = {
    "id_slot": 0,
    "input_prefix": "import math\n\n",
    "input_suffix": "\n\nprint(area(2))\n",
    "input_extra": [{"text": "x = 1\n", "filename": "other.py"}],
    "prompt": "def area(r):",
    "n_predict": 12,
    "stop": [],
    "n_indent": 4,
    "top_k": 40,
    "top_p": 0.9,
    "stream": False,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 60_000,
    "response_fields": ["content", "timings/prompt_n", "timings/predicted_ms", "truncated", "none"],
}


def test_a_completion_is_what_the_library_writes(client: Client) -> None:
    answer = client.ask("/completion", prompt="the n", n_predict=9, seed=2, **NEUTRAL)
    whole = LM.generate("the n", max_bytes=200, seed=2, valid_utf8=True)
    assert whole.startswith(answer["content"].encode())
    assert answer["stop"] is True
    assert answer["tokens_predicted"] <= 9
    assert answer["tokens_evaluated"] == LM.token_lm.tokenizer.count("the n")
    assert answer["stop_type"] in ("eos", "limit")
    assert answer["timings"]["predicted_n"] == answer["tokens_predicted"]
    assert client.ask("/completions", prompt="the n", n_predict=9, seed=2, **NEUTRAL)[
        "content"
    ] == answer["content"]  # fmt: skip


def test_a_stream_ends_with_the_counts(client: Client) -> None:
    fields: dict[str, Any] = {"prompt": "the n", "n_predict": 9, "seed": 2, **NEUTRAL}
    *pieces, last = client.events("/completion", **fields, stream=True)
    whole = client.ask("/completion", **fields)
    assert "".join(piece["content"] for piece in pieces) == whole["content"]
    assert all(piece["stop"] is False for piece in pieces)
    assert (last["stop"], last["content"]) == (True, "")
    assert last["tokens_predicted"] == whole["tokens_predicted"]


def test_a_stop_string_is_told(client: Client) -> None:
    answer = client.ask(
        "/completion", prompt="the naïve cats", n_predict=20, temperature=0, stop=["sat"]
    )
    assert answer["content"].strip() in ("", "naïvely") or "sat" not in answer["content"]
    assert answer["stop_type"] in ("word", "limit", "eos")
    if answer["stop_type"] == "word":
        assert answer["stopping_word"] == "sat"


def test_a_middle_is_what_infill_writes(client: Client) -> None:
    prefix, suffix = "def area(r):\n    ret", " * r\n"
    answer = client.ask(
        "/infill", input_prefix=prefix, input_suffix=suffix, n_predict=6, seed=1, **NEUTRAL
    )
    whole = infill(LM, prefix, suffix, max_bytes=99, seed=1, valid_utf8=True)
    assert whole.startswith(answer["content"].encode())


def test_a_middle_goes_on_from_what_is_written(client: Client) -> None:
    prefix, suffix, begins = "def area(r):\n    ", " * r\n", "retu"
    answer = client.ask(
        "/infill",
        input_prefix=prefix,
        input_suffix=suffix,
        prompt=begins,
        n_predict=4,
        temperature=0,
    )
    gap = Infilling(LM, prefix, suffix)
    state = gap.state.fork()
    state.push(begins)
    for byte in answer["content"].encode():
        assert int(state.logprobs().argmax()) == byte
        state.push(bytes([byte]))


def test_what_vim_sends_is_answered_as_it_reads(client: Client) -> None:
    status, body, _ = client.send("POST", "/infill", json.dumps(VIM).encode())
    assert status == 200
    assert re.search(rb'"content":"', body)
    answer = json.loads(body)
    assert set(answer) == {"content", "timings/prompt_n", "timings/predicted_ms", "truncated"}
    warm = {**VIM, "n_predict": 0, "prompt": "", "samplers": ["temperature"]}
    assert client.ask("/infill", **warm)["content"] == ""


@pytest.mark.parametrize(
    ("text", "n_indent", "cut"),
    [
        ("x\n    y\n  z", 4, 8),
        ("x\n    y\n    z", 4, None),
        ("x\nz", 1, 2),
        ("x\n", 1, None),
        ("x\n  ", 4, None),
        ("x\nz", 0, None),
        ("  x", 4, None),
    ],
)
def test_a_text_ends_before_a_line_that_is_indented_by_less(
    text: str, n_indent: int, cut: int | None
) -> None:
    assert indent_cut(text, n_indent) == cut


def test_too_long_a_gap_is_trimmed_at_its_far_ends(client: Client) -> None:
    answer = client.ask(
        "/infill", input_prefix="a b\n" * 20_000, input_suffix="c\n" * 20_000, n_predict=2
    )
    assert answer["truncated"] is True
    n_context = answer["generation_settings"]["n_ctx"]
    assert n_context * 0.9 < answer["tokens_evaluated"] + 2 < n_context


def test_a_model_without_a_format_searches(client: Client) -> None:
    answer = client.ask("/infill", **{**VIM, "model": "plain", "n_predict": 3})
    assert isinstance(answer["content"], str)
    fields = {"model": "plain", "input_prefix": "the ", "prompt": "na", "n_predict": 3, "seed": 2}
    plain = client.ask("/infill", **fields, input_suffix="")
    prompt = {"model": "plain", "prompt": "the na", "n_predict": 3, "seed": 2}
    assert plain["content"] == client.ask("/completion", **prompt)["content"]


@pytest.mark.parametrize(
    "fields",
    [
        {"mirostat": 2},
        {"grammar": "root ::= x"},
        {"repeat_penalty": 1.1},
        {"logit_bias": [[1, 1]]},
        {"post_sampling_probs": True},
        {"samplers": "k"},
        {"response_fields": 3},
        {"input_extra": [3]},
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_by_name(client: Client, fields: dict[str, Any]) -> None:
    status, body = client.refused("/infill", input_prefix="a", input_suffix="b", **fields)
    assert status == 400
    assert next(iter(fields)) in body["error"]["message"]
    assert body["error"]["code"] == 400


def test_a_search_ends_when_its_time_is_over(client: Client) -> None:
    fields = {"model": "both", "input_prefix": "the c", "input_suffix": " sat", "n_predict": 12}
    late = client.ask("/infill", **fields, seed=1, t_max_predict_ms=0.001)
    both = ByteEnsemble([LM, plain_lm()])
    options: dict[str, Any] = {"budget": 16, "seed": 1, "temperature": 0.8, "max_bytes": 12 * 64}
    short = infill(both, "the c", " sat", method="posterior", **options)
    assert late["content"] == short.decode() != ""
    whole = client.ask("/infill", **fields, seed=1)
    in_time = client.ask("/infill", **fields, seed=1, t_max_predict_ms=1e8)
    assert in_time["content"] == whole["content"] != late["content"]


def test_samplers_are_not_called_penalties(client: Client) -> None:
    others = ("typical_p", "xtc_probability", "dynatemp_range", "top_n_sigma", "mirostat")
    for name in others:
        _, body = client.refused("/completion", prompt="a", **{name: 0.5})
        message = body["error"]["message"]
        assert name in message and "penalties" not in message
    _, body = client.refused("/completion", prompt="a", repeat_penalty=1.1)
    assert "penalties" in body["error"]["message"]


def test_nothing_is_predicted_where_nothing_is_asked_for(client: Client) -> None:
    answer = client.ask("/completion", prompt="the cats", n_predict=0)
    assert answer["content"] == ""
    assert answer["tokens_predicted"] == answer["timings"]["predicted_n"] == 0
    assert answer["tokens_cached"] == answer["tokens_evaluated"] > 0


def test_a_prompt_that_spells_a_template_is_searched_with_the_defaults(client: Client) -> None:
    prompt = "<fim_prefix>the <fim_suffix> sat<fim_middle>"
    fields = {"model": "plain", "prompt": prompt, "n_predict": 3, "seed": 1}
    gap = {"model": "plain", "input_prefix": "the ", "input_suffix": " sat", "n_predict": 3}
    answer = client.ask("/completion", **fields)
    assert answer["content"] == client.ask("/infill", **gap, seed=1)["content"]


def test_neutral_values_are_taken(client: Client) -> None:
    neutral = {"mirostat": 0, "grammar": "", "repeat_penalty": 1.0, "logit_bias": [], "seed": -1}
    assert client.ask("/completion", prompt="a", n_predict=1, ignore_eos=False, **neutral)


def test_tokens_go_there_and_back(client: Client) -> None:
    tokens = client.ask("/tokenize", content="the naïve")["tokens"]
    assert tokens == LM.token_lm.tokenizer.encode("the naïve")
    assert client.ask("/detokenize", tokens=tokens)["content"] == "the naïve"
    pieces = client.ask("/tokenize", content="the ï", with_pieces=True)["tokens"]
    assert pieces[0] == {"id": tokens[0], "piece": "the"}
    assert pieces[-1]["piece"] == [0xAF]
    end = LM.token_lm.eos_ids[0]
    status, body = client.refused("/detokenize", tokens=[*tokens, end])
    assert status == 400 and f"control token {end}" in body["error"]["message"]
    status, body = client.refused("/tokenize", content="a", parse_special=True)
    assert status == 400 and "parse_special" in body["error"]["message"]
    assert client.refused("/detokenize", tokens=["a"])[0] == 400
    assert client.refused("/detokenize", tokens=[1 << 40])[0] == 400
    ids = client.ask("/completion", prompt=tokens, n_predict=3, seed=1, **NEUTRAL)["content"]
    text = client.ask("/completion", prompt="the naïve", n_predict=3, seed=1, **NEUTRAL)["content"]
    assert ids == text


def test_the_server_tells_of_itself(client: Client) -> None:
    def get(path: str) -> Any:
        status, body, _ = client.send("GET", path)
        assert status == 200
        return body

    assert json.loads(get("/health")) == {"status": "ok"}
    props = json.loads(get("/props"))
    assert props["default_generation_settings"]["n_ctx"] > 0
    slots = json.loads(get("/slots"))
    assert len(slots) == props["total_slots"]
    assert all(slot["is_processing"] is False for slot in slots if client.becomes_idle())
    client.ask("/completion", prompt="a most peculiar prompt", n_predict=1)
    metrics = get("/metrics").decode()
    assert "tokkit_requests_total{" in metrics
    assert "peculiar" not in metrics


@pytest.mark.parametrize("stream", [False, True])
def test_the_time_of_a_text_ends_it_after_a_line_break_alone(client: Client, stream: bool) -> None:
    fields: dict[str, Any] = {"model": "toy", "prompt": "def area", "n_predict": 90, **NEUTRAL}

    def ask(seed: int, **more: Any) -> Any:
        if not stream:
            return client.ask("/completion", **fields, seed=seed, **more)
        *pieces, last = client.events("/completion", **fields, seed=seed, stream=True, **more)
        return {**last, "content": "".join(piece["content"] for piece in pieces)}

    n_ended = 0
    for seed in range(4):
        whole, late = ask(seed)["content"], ask(seed, t_max_predict_ms=0.001)
        assert whole.startswith(late["content"])
        assert late["stop_type"] in ("limit", "eos")
        if "\n" in whole:
            assert "\n" in late["content"]
            n_ended += len(late["content"]) < len(whole)
        else:
            assert late["content"] == whole
    assert n_ended
    assert client.becomes_idle()


def test_a_prompt_is_read_whole_to_warm_the_cache_however_little_time_there_is(
    client: Client,
) -> None:
    prefix = "".join(f"x{k} = {k}\n" for k in range(300))
    warm = {"input_prefix": prefix, "n_predict": 0, "t_max_predict_ms": 1, "response_fields": [""]}
    assert client.ask("/infill", input_suffix="\n", samplers=[], **warm) == {}
    answer = client.ask("/infill", input_prefix=prefix, input_suffix="\n", n_predict=2)
    assert answer["timings"]["cache_n"] > 0.9 * answer["tokens_evaluated"]


def test_nothing_is_searched_for_where_nothing_is_asked_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def searched(*_: object) -> None:
        pytest.fail("searched for what is not told")

    monkeypatch.setattr(drawing, "fill_by_posterior", searched)
    fields = {"model": "plain", "input_prefix": "the ", "input_suffix": " sat", "n_predict": 0}
    answer = client.ask("/infill", **fields)
    assert (answer["content"], answer["tokens_predicted"]) == ("", 0)
