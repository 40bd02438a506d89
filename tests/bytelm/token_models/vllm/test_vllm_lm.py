"""`VllmLM` gives what the server's model gives, or says what is wrong with the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.token_models.vllm.vllm_stub import Stub, serving
from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.loading import load_lm
from tokkit.bytelm.token_models.vllm.json_http import HttpOptions
from tokkit.bytelm.token_models.vllm.token_lm import API_KEY_VARIABLE, VllmLM
from tokkit.errors import ArgumentError, EncodingError, ModelError
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

texts = st.lists(st.sampled_from(SYMBOLS), max_size=8).map(b"".join)
HASTY = HttpOptions(timeout=5, retries=2, pause=0)


@cache
def toy_lm() -> RandomLM:
    none = np.array([], dtype=np.int32)
    tokens = (*(bytes([b]) for b in range(97, 123)), b"")
    kinds = np.array([TokenKind.NORMAL] * 26 + [TokenKind.SPECIAL], dtype=np.uint8)
    return RandomLM(
        TextTokenizer(
            TokenizerSpec(
                name="letters",
                family="bpe",
                token_bytes=tokens,
                kinds=kinds,
                special_tokens={"<end>": 26},
                merges=MergeTable(none, none, none, none),
                eos_ids=(26,),
            )
        )
    )


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(spec=bpe_specs(PRETOKENIZERS["gpt2"]), text=texts)
def test_bytes_over_http_equal_bytes_over_the_model(spec: TokenizerSpec, text: bytes) -> None:
    lm = RandomLM(TextTokenizer(spec))
    with serving(Stub(lm)) as url:
        remote = ByteLM(VllmLM(url, lm.tokenizer, http=HASTY, batch_size=3))
        np.testing.assert_allclose(
            np.exp(remote.byte_logprobs(text)), np.exp(ByteLM(lm).byte_logprobs(text)), atol=1e-13
        )


@pytest.mark.parametrize("n_padding", [0, 5])
@pytest.mark.parametrize("minus_one", ["all", "empty", "refused"])
def test_every_way_to_ask_for_all_gives_all(n_padding: int, minus_one: Any) -> None:
    lm = toy_lm()
    stub = Stub(lm, minus_one=minus_one, n_padding=n_padding)
    contexts = [[], [0], [3, 1]]
    with serving(stub) as url:
        rows = VllmLM(url, lm.tokenizer, http=HASTY).next_token_logprobs(contexts)
    expected = lm.next_token_logprobs(contexts) + (np.log(0.5) if n_padding else 0)
    np.testing.assert_allclose(rows, expected, atol=1e-12)


def test_prompts_begin_with_bos_and_requests_share_a_connection() -> None:
    lm = toy_lm()
    stub = Stub(lm)
    with serving(stub) as url:
        VllmLM(url + "/v1/", lm.tokenizer, bos_ids=[7], batch_size=2).next_token_logprobs(
            [[], [1], [2]]
        )
    bodies = [body for path, _, body in stub.requests if path == "/v1/completions"]
    assert [body["prompt"] for body in bodies] == [[[7]], [[7], [7, 1]], [[7, 2]]]
    assert all(body["temperature"] == 1 and body["max_tokens"] == 1 for body in bodies)
    assert len(stub.connections) == 1


def test_clamped_logprobs_are_minus_infinity() -> None:
    lm = toy_lm()

    def clamp(answer: Any) -> Any:
        for choice in answer["choices"]:
            table = choice["logprobs"]["top_logprobs"][0]
            table |= dict.fromkeys(table, -9999.0) | {"token_id:3": 0.0}
        return answer

    with serving(Stub(lm, spoil=clamp)) as url:
        row = VllmLM(url, lm.tokenizer, http=HASTY).next_token_logprobs([[]])[0]
    assert np.flatnonzero(np.isfinite(row)).tolist() == [3]


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], Any]:
    """Change the table of every choice."""

    def spoil(answer: Any) -> Any:
        for choice in answer.get("choices", ()):
            change(choice["logprobs"]["top_logprobs"][0])
        return answer

    return spoil


def drop_choice(answer: Any) -> Any:
    return answer | {"choices": answer["choices"][1:]}


def same_index(answer: Any) -> Any:
    return answer | {"choices": [c | {"index": 5} for c in answer["choices"]]}


SPOILED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an id lacks": (edit(lambda t: t.pop("token_id:3")), "1 of the tokenizer's 27 ids are missing"),
    "text for ids": (edit(lambda t: t.update({" the": -1.0})), "the token ' the'"),
    "an id twice": (edit(lambda t: t.update({"token_id:03": -1.0})), "same token id twice"),
    "a huge id": (edit(lambda t: t.update({"token_id:99999999999": 0.0})), "the token"),
    "not a number": (edit(lambda t: t.update({"token_id:3": "-1"})), "no number"),
    "null": (edit(lambda t: t.update({"token_id:3": None})), "no number"),
    "NaN": (edit(lambda t: t.update({"token_id:3": float("nan")})), "NaN"),
    "infinity": (edit(lambda t: t.update({"token_id:3": float("inf")})), "Infinity"),
    "logits": (edit(lambda t: t.update({k: v + 9 for k, v in t.items()})), "raw_logprobs"),
    "too few choices": (drop_choice, "0 choices for 1 prompts"),
    "too many choices": (lambda a: a | {"choices": a["choices"] * 2}, "2 choices for 1 prompts"),
    "a wrong index": (same_index, "indices"),
    "no logprobs": (lambda a: {"choices": [{"index": 0, "logprobs": None}]}, "without index or"),
    "no choices": (lambda a: {"object": "error"}, "no list 'choices'"),
    "no object": (lambda a: [1, 2], "no list 'choices'"),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILED.values(), ids=SPOILED.keys())
def test_spoiled_answers_are_refused(spoil: Callable[[Any], Any], message: str) -> None:
    lm = toy_lm()
    with (
        serving(Stub(lm, spoil=spoil)) as url,
        pytest.raises(ModelError, match=message.replace("(", r"\(")),
    ):
        VllmLM(url, lm.tokenizer, http=HASTY)


RAW: dict[str, tuple[tuple[int, dict[str, str], bytes], str]] = {
    "no JSON": ((200, {}, b"<html>hello"), "no JSON.*<html>"),
    "a repeated key": ((200, {}, b'{"data": 1, "data": 2}'), "repeats a key"),
    "deep nesting": ((200, {}, b"[" * 200_000), "no JSON"),
    "too large": ((200, {}, b" " * (1 << 21)), "longer than"),
    "cut off": ((200, {"Content-Length": "999", "Connection": "close"}, b"{}"), "no answer"),
    "a redirect": ((307, {"Location": "http://elsewhere.test/"}, b""), "elsewhere.*not followed"),
    "not found": ((404, {}, b'{"error": {"message": "nope"}}'), "nope.*check the URL"),
    "overload": ((503, {"Retry-After": "0"}, b"busy"), "503: busy"),
}


@pytest.mark.parametrize(("raw", "message"), RAW.values(), ids=RAW.keys())
def test_http_failures_are_explained(raw: tuple[int, dict[str, str], bytes], message: str) -> None:
    lm = toy_lm()
    with serving(Stub(lm, raw=lambda path: raw)) as url, pytest.raises(ModelError, match=message):
        VllmLM(url, lm.tokenizer, http=HASTY)


@pytest.mark.parametrize("minus_one", ["all", "empty", "refused"])
def test_limited_server_is_refused_with_the_flag_to_set(minus_one: Any) -> None:
    lm = toy_lm()
    with (
        serving(Stub(lm, max_logprobs=20, minus_one=minus_one)) as url,
        pytest.raises(ModelError, match="max allowed: 20; start the server with --max-logprobs -1"),
    ):
        VllmLM(url, lm.tokenizer, http=HASTY)


def test_passing_failures_are_tried_again() -> None:
    lm = toy_lm()
    failures = [429, 503]
    stub = Stub(lm, raw=lambda path: (failures.pop(), {}, b"busy") if failures else None)
    with serving(stub) as url:
        assert VllmLM(url, lm.tokenizer, http=HASTY).name == "toy"
    assert not failures


def test_late_and_absent_servers_are_explained() -> None:
    lm = toy_lm()

    def dawdle(path: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Length": "999"}, b"{"  # and the connection stays open

    with (
        serving(Stub(lm, raw=dawdle)) as url,
        pytest.raises(ModelError, match="within 0.2 seconds"),
    ):
        VllmLM(url, lm.tokenizer, http=HttpOptions(timeout=0.2, retries=0))
    with pytest.raises(ModelError, match="no answer.*check that the server runs"):
        VllmLM(url, lm.tokenizer, http=HASTY)


def test_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = toy_lm()
    stub = Stub(lm, api_key="s3cret")
    assert "s3cret" not in repr(HttpOptions(api_key="s3cret"))
    with serving(stub) as url:
        with pytest.raises(ModelError, match="401.*VLLM_API_KEY"):
            VllmLM(url, lm.tokenizer, http=HASTY)
        VllmLM(url, lm.tokenizer, http=HttpOptions(api_key="s3cret"))
        monkeypatch.setenv(API_KEY_VARIABLE, "s3cret")
        VllmLM(url, lm.tokenizer)


def test_bad_requests_are_refused_before_they_are_sent() -> None:
    lm = toy_lm()
    with serving(Stub(lm, max_model_len=4)) as url:
        remote = VllmLM(url, lm.tokenizer, http=HASTY)
        assert remote.max_context == 2
        with pytest.raises(ModelError, match="longer than the 2"):
            remote.next_token_logprobs([[1, 1, 1]])
        with pytest.raises(EncodingError, match="outside the vocabulary"):
            remote.next_token_logprobs([[27]])
        with pytest.raises(EncodingError, match="bos_ids"):
            VllmLM(url, lm.tokenizer, bos_ids=[99])
        assert remote.next_token_logprobs([]).shape == (0, 27)


def test_several_models_must_be_chosen_from() -> None:
    lm = toy_lm()
    with serving(Stub(lm, models=("a", "b"))) as url:
        assert VllmLM(url, lm.tokenizer, model="b").name == "b"
        for wanted in (None, "c"):
            with pytest.raises(ModelError, match="serves 'a', 'b'"):
                VllmLM(url, lm.tokenizer, model=wanted)


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "localhost:8000", "http://", "http://a:b@c", "http://x:99999", "http://x?q=1"],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(ArgumentError):
        VllmLM(url, toy_lm().tokenizer)


def test_load_lm_takes_urls() -> None:
    lm = toy_lm()
    with serving(Stub(lm)) as url:
        loaded = load_lm(url, tokenizer=lm.tokenizer, timeout=5)
        np.testing.assert_allclose(
            loaded.next_byte_logprobs(b"ab"), ByteLM(lm).next_byte_logprobs(b"ab"), atol=1e-12
        )
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "pass tokenizer="),
        ({"tokenizer": lm.tokenizer, "dtype": "float32"}, "unknown option 'dtype'"),
        ({"tokenizer": lm.tokenizer, "api_key": "a\nb"}, "newline"),
        ({"backend": "tgi"}, "expected 'transformers'"),
    ]
    for options, message in cases:
        with pytest.raises(ArgumentError, match=message):
            load_lm(url, **options)
    with pytest.raises(ArgumentError, match="takes the URL of a server"):
        load_lm("smollm2", backend="vllm")
