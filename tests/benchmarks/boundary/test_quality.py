"""What the benchmarks read off rows is what the library's models do, on toy models."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.boundary.quality import naive_tokens
from benchmarks.shared.agreement import agreement, greedy_agreement
from benchmarks.shared.cuts import LineCut, common_prefix
from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=15, deadline=None, derandomize=True)
specs = bpe_specs(PRETOKENIZERS["gpt2"])
texts = st.lists(st.sampled_from(SYMBOLS), max_size=6).map(b"".join)


def spelled(spec: TokenizerSpec, text: bytes) -> bytes:
    """What is left of a text without the bytes that a vocabulary lacks."""
    return bytes(byte for byte in text if bytes([byte]) in spec.token_bytes)


def line_of(spec: TokenizerSpec, text: bytes) -> bytes:
    """The same without newlines; not empty."""
    line = spelled(spec, text).replace(b"\n", b"")
    assume(line)
    return line


@FEW
@given(spec=specs, prompt=texts, other=texts, n_greedy=st.integers(0, 5))
def test_reading_off_the_rows_agrees_with_streaming(
    spec: TokenizerSpec, prompt: bytes, other: bytes, n_greedy: int
) -> None:
    lm = ByteLM(RandomLM(TextTokenizer(spec)))
    prompt, other = spelled(spec, prompt), line_of(spec, other)

    def stream(max_bytes: int) -> list[bytes]:
        return list(lm.stream(prompt, max_bytes=max_bytes, temperature=0, stop=["\n"]))

    for rest in (other, b"".join(stream(n_greedy)), b"".join(stream(n_greedy)) + other):
        if not rest:
            continue
        rows = lm.byte_logprobs(rest + b"\n", prefix=prompt)
        found = greedy_agreement(rows, rest)
        assert found == agreement(iter(stream(len(rest) + 1)), rest)


def test_agreement_counts_the_end_of_the_line() -> None:
    pieces = [b"a", b"b"]
    assert agreement(iter(pieces), b"ab") == 3
    assert agreement(iter(pieces), b"abc") == 2
    assert agreement(iter(pieces), b"a") == 1
    assert agreement(iter(pieces), b"xb") == 0


@FEW
@given(spec=specs, prompt=texts, rest=texts)
def test_naive_tokens_are_those_of_the_token_model(
    spec: TokenizerSpec, prompt: bytes, rest: bytes
) -> None:
    prompt, rest = spelled(spec, prompt), line_of(spec, rest)
    tokenizer = TextTokenizer(spec)
    model = RandomLM(tokenizer)
    context = tokenizer.encode(prompt)
    nats = 0.0
    for k, token in enumerate(ids := tokenizer.encode(rest)):
        nats += float(model.next_token_logprobs([[*context, *ids[:k]]])[0][token])
    bits, matched = naive_tokens(ByteLM(model), LineCut(prompt, rest, b""))
    assert bits == pytest.approx(-nats / math.log(2))
    text, ended, path = b"", False, list(context)
    while len(text) <= len(rest) and not ended:
        token = int(model.next_token_logprobs([path])[0].argmax())
        ended = not tokenizer.token_bytes(token)
        text += tokenizer.token_bytes(token)
        path.append(token)
    expected = common_prefix(text, rest + b"\n") + (ended and text == rest)
    assert matched == expected
