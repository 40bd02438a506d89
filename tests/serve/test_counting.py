"""The tokens of an ensemble may be those of a tokenizer that none of its models has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bytelm.completion.fim_toys import WORDS, all_bytes_with
from tests.serve.running_server import Client, plain_lm, running, toy_lm
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ArgumentError
from tokkit.serve.app import make_app
from tokkit.serve.options import ServeOptions
from tokkit.text.tokenizer import TextTokenizer

COUNTING = TextTokenizer(all_bytes_with(b"cat", b" na", b"sat"))
BOTH = ByteEnsemble([toy_lm(), plain_lm()])
PROMPT = "the na"


@pytest.fixture(scope="module")
def counting() -> Iterator[Client]:
    options = ServeOptions(port=0, tokenizer=COUNTING)
    with running({"both": BOTH, "toy": toy_lm()}, options) as client:
        yield client


def ends_of(text: str) -> list[int]:
    return COUNTING.encode_with_offsets(text, normalize=False).ends.tolist()


@pytest.mark.parametrize("n", [1, 4, 9])
def test_so_many_of_its_tokens_are_written(counting: Client, n: int) -> None:
    asked: dict[str, Any] = {"model": "both", "prompt": PROMPT, "max_tokens": n, "seed": 3}
    answer = counting.ask("/v1/completions", **asked, logprobs=2)
    choice, usage = answer["choices"][0], answer["usage"]
    data = BOTH.generate(PROMPT, max_bytes=200, seed=3, valid_utf8=True)
    start = len(PROMPT.encode())
    ends = [end - start for end in ends_of(PROMPT + data.decode()) if end > start]
    assert choice["text"] == data[: ends[:n][-1]].decode(errors="ignore")
    assert usage["completion_tokens"] == len(choice["logprobs"]["tokens"]) == min(n, len(ends))
    assert usage["prompt_tokens"] == COUNTING.count(PROMPT)
    *events, _ = counting.events("/v1/completions", **asked, stream=True, logprobs=2)
    streamed = [each["choices"][0]["logprobs"] for each in events]
    tokens = [token for told in streamed if told for token in told["tokens"]]
    assert tokens == choice["logprobs"]["tokens"]


def test_prompts_and_figures_are_in_its_ids(counting: Client) -> None:
    ids = COUNTING.encode(PROMPT + "cat")
    assert counting.ask("/tokenize", model="both", content=PROMPT + "cat")["tokens"] == ids
    fields: dict[str, Any] = {"model": "both", "max_tokens": 1, "echo": True, "logprobs": 1}
    figures = counting.ask("/v1/completions", prompt=[ids], **fields)["choices"][0]["logprobs"]
    assert len(figures["tokens"]) == len(ids) + 1
    first = len(COUNTING.token_bytes(ids[0]))
    data = (PROMPT + "cat").encode()
    expected = BOTH.logprob(data[first:], prefix=data[:first])
    assert sum(figures["token_logprobs"][1 : len(ids)]) == pytest.approx(expected)


def test_a_single_model_has_its_own(counting: Client) -> None:
    own = toy_lm().token_lm.tokenizer
    answer = counting.ask("/v1/completions", model="toy", prompt="the cats", max_tokens=1)
    assert answer["usage"]["prompt_tokens"] == own.count("the cats") != COUNTING.count("the cats")
    with pytest.raises(ArgumentError, match="counts the tokens of ensembles"):
        make_app({"toy": toy_lm()}, ServeOptions(tokenizer=COUNTING))


def test_a_prompt_is_too_long_by_the_tokens_of_the_models() -> None:
    most = TextTokenizer(all_bytes_with(b"aa"))
    options = ServeOptions(port=0, tokenizer=most, cache_tokens=256)
    with running({"both": BOTH}, options) as client:
        assert most.count("a" * 200) < 128
        status, body = client.refused("/v1/completions", prompt="a" * 200, max_tokens=1)
        assert status == 400 and "200 tokens" in body["error"]["message"]
        answer = client.ask("/v1/completions", prompt="a" * 200, suffix=" b", max_tokens=2)
        assert answer["choices"][0]["truncated"] is True


def test_as_many_tokens_may_be_asked_for_as_of_the_first_model() -> None:
    for tokenizer in (None, COUNTING):
        options = ServeOptions(port=0, tokenizer=tokenizer, cache_tokens=512)
        with running({"both": BOTH}, options) as client:
            answer = client.ask("/v1/completions", prompt=PROMPT, max_tokens=40, seed=3)
            assert answer["usage"]["completion_tokens"] <= 40


def test_what_the_counting_tokenizer_cannot_spell_counts_in_bytes() -> None:
    options = ServeOptions(port=0, tokenizer=TextTokenizer(WORDS))
    with running({"both": BOTH}, options) as client:
        asked: dict[str, Any] = {"prompt": "the ca", "max_tokens": 7, "temperature": 0}
        answer = client.ask("/v1/completions", **asked)
        echoed = client.ask("/v1/completions", **asked, echo=True, logprobs=0)
    assert len(echoed["choices"][0]["logprobs"]["tokens"]) == 6 + 7
    assert len(answer["choices"][0]["text"].encode()) == 7
    assert answer["usage"] == {**answer["usage"], "prompt_tokens": 6, "completion_tokens": 7}
