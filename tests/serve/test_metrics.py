"""What `/metrics` counts: the tokens of every text, also of one that was not written to its end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serve.running_server import Client, toy_lm
from tokkit.bytelm.batch.counted_tokens import count_tokens

TOKENIZER = toy_lm().token_lm.tokenizer
NEUTRAL: dict[str, Any] = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}


def counted(client: Client) -> dict[str, float]:
    assert client.becomes_idle()
    _, body, _ = client.send("GET", "/metrics")
    lines = [line.rsplit(" ", 1) for line in body.decode().splitlines() if line[0] != "#"]
    return {name: float(figure) for name, figure in lines}


def gained(before: dict[str, float], after: dict[str, float]) -> tuple[float, float, float]:
    names = ("prompt_tokens_total", "completion_tokens_total", "first_byte_seconds_count")
    read, written, first = (after[f"tokkit_{name}"] - before[f"tokkit_{name}"] for name in names)
    return read, written, first


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("ends", [{}, {"n_indent": 8}, {"t_max_predict_ms": 0.001}])
def test_a_text_counts_however_it_ends(client: Client, ends: dict[str, Any], stream: bool) -> None:
    prompt = "def area"
    fields = {"model": "toy", "prompt": prompt, "n_predict": 90, "seed": 0, **NEUTRAL}
    whole = client.ask("/completion", **fields)["content"]
    before = counted(client)
    if stream:
        events = client.events("/completion", **fields, **ends, stream=True)
        told = "".join(event["content"] for event in events)
    else:
        told = client.ask("/completion", **fields, **ends)["content"]
    read, written, first = gained(before, counted(client))
    assert "\n" in told and whole.startswith(told)
    assert (told == whole) == (not ends) or "t_max_predict_ms" in ends  # by its own clock
    assert read == count_tokens(prompt.encode(), TOKENIZER)
    assert written >= count_tokens(told.encode(), TOKENIZER) > 0
    assert first == 1


def test_a_text_counts_of_which_the_client_has_left(client: Client) -> None:
    before = counted(client)
    connection = client.connect()
    asked = {"model": "endless", "prompt": "a", "max_tokens": 4096, "stream": True}
    connection.request("POST", "/v1/completions", json.dumps(asked))
    answer = connection.getresponse()
    assert answer.readline().startswith(b"data: ")
    answer.close()
    connection.close()
    read, written, first = gained(before, counted(client))
    assert read == 1 and 0 < written < 4096 and first == 1


def test_what_is_refused_counts_for_no_text(client: Client) -> None:
    before = counted(client)
    client.refused("/completion", model="toy", prompt="a", n_predict=-7)
    assert gained(before, counted(client)) == (0, 0, 0)
