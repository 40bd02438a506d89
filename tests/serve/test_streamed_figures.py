"""Figures of tokens that come in a stream are those of the whole answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve.running_server import Client

COMPLETE = "/v1/completions"
LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


@pytest.mark.parametrize("model", ["toy", "plain", "both"])
@pytest.mark.parametrize("more", [{}, {"echo": True}, {"stop": ["a"]}, {"n": 2, "logprobs": 0}])
def test_a_stream_tells_what_the_whole_tells(
    client: Client, model: str, more: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {"model": model, "prompt": "the na", "max_tokens": 12, "seed": 5}
    fields |= {"logprobs": 3, **more}
    whole = client.ask(COMPLETE, **fields)
    events = [each for each in client.events(COMPLETE, **fields, stream=True) if each != "[DONE]"]
    for choice in whole["choices"]:
        own = [e["choices"][0] for e in events if e["choices"][0]["index"] == choice["index"]]
        assert "".join(each["text"] for each in own) == choice["text"]
        figures = [each["logprobs"] for each in own if each["logprobs"] is not None]
        assert own[-1]["logprobs"] is None
        for name in LISTS:
            told = [figure for each in figures for figure in each[name]]
            expected = choice["logprobs"][name]
            if name == "token_logprobs":
                assert told == pytest.approx(expected, abs=1e-9)
            elif name == "top_logprobs":
                assert [each and list(each) for each in told] == [
                    each and list(each) for each in expected
                ]
            else:
                assert told == expected


@pytest.mark.parametrize("stream", [False, True])
def test_llama_cpp_tells_the_alternatives_of_each_token(client: Client, stream: bool) -> None:
    fields: dict[str, Any] = {"prompt": "the na", "n_predict": 8, "seed": 5, "n_probs": 3}
    fields |= {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}
    if stream:
        *pieces, _ = client.events("/completion", **fields, stream=True)
    else:
        pieces = [client.ask("/completion", **fields)]
    told = [each for piece in pieces for each in piece["completion_probabilities"]]
    asked: dict[str, Any] = {"prompt": "the na", "max_tokens": 8, "seed": 5, "logprobs": 3}
    choice = client.ask(COMPLETE, **asked)["choices"][0]
    assert "".join(piece["content"] for piece in pieces) == choice["text"]
    assert [each["token"] for each in told] == choice["logprobs"]["tokens"]
    assert [each["logprob"] for each in told] == pytest.approx(choice["logprobs"]["token_logprobs"])
    for each, top in zip(told, choice["logprobs"]["top_logprobs"], strict=True):
        assert [other["token"] for other in each["top_logprobs"]] == list(top)


def test_figures_that_cannot_be_told_are_refused(client: Client) -> None:
    gap = {"model": "both", "input_prefix": "a", "input_suffix": "b", "n_predict": 2}
    assert client.refused("/infill", **gap, n_probs=2)[0] == 400
    gap = {"model": "both", "prompt": "a", "suffix": "b", "max_tokens": 2, "stream": True}
    assert client.refused(COMPLETE, **gap, logprobs=2)[0] == 400
