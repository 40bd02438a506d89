"""Sampled tokenizers are whole tokenizers, made of their window, and the same for a number."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.text.format_samples import CORPUS
from tokkit.errors import ArgumentError
from tokkit.hypernets.hypernetwork.sampling import (
    WORDS,
    SamplerOptions,
    TokenizerSampler,
    sampled_unigram,
    substring_scores,
)
from tokkit.text.spec import SplitRule

TEXT = "\n".join(CORPUS).encode() * 8
OPTIONS = SamplerOptions(min_tokens=300, max_tokens=400, window_bytes=4000, text_bytes=1000)


def test_every_sample_encodes_every_byte() -> None:
    sampler = TokenizerSampler([TEXT], OPTIONS, seed=0)
    families: set[str] = set()
    for number in range(6):
        sample = sampler.sample(number)
        families.add(sample.tokenizer.spec.family)
        for data in (bytes(range(256)), sample.text, "naïve 漢字 \U0001f642".encode()):
            assert sample.tokenizer.decode(sample.tokenizer.encode(data)) == data
        assert 257 <= sample.tokenizer.vocab_size <= 400
        assert len(sample.text) == 1000
    assert families == {"unigram", "bpe"}


def test_a_sample_depends_on_its_number_alone() -> None:
    first = TokenizerSampler([TEXT, TEXT[::-1]], OPTIONS, seed=3)
    first.sample(0)
    again = TokenizerSampler([TEXT, TEXT[::-1]], OPTIONS, seed=3)
    one, two, other = first.sample(4), again.sample(4), again.sample(5)
    assert one.tokenizer.spec.token_bytes == two.tokenizer.spec.token_bytes
    assert one.text == two.text
    assert one.tokenizer.spec.token_bytes != other.tokenizer.spec.token_bytes


def test_scores_are_counts_times_lengths() -> None:
    scores = substring_scores(Counter({b"aba": 2, "é".encode(): 1, b"\xff": 5}), 2)
    assert scores == {"a": 4, "b": 2, "ab": 4, "ba": 4, "é": 2}


def test_without_noise_the_best_substrings_are_the_vocabulary() -> None:
    scores = {"the": 90, "he": 50, "th": 40, "zz": 1, "a": 500}
    made = sampled_unigram(
        scores, n_tokens=258, split=SplitRule(WORDS), noise=0.0, generator=np.random.default_rng(0)
    )
    assert made.spec.token_bytes[256:] == (b"the", b"he")
    assert made.encode(b"the") == [256]
    assert made.spec.scores is not None
    np.testing.assert_allclose(np.exp(made.spec.scores[256:]), [90 / 681, 50 / 681])


def test_noise_changes_the_vocabulary() -> None:
    scores = {f"a{k}": k + 1 for k in range(200)}
    pieces = [
        set(
            sampled_unigram(
                scores,
                n_tokens=300,
                split=SplitRule(WORDS),
                noise=noise,
                generator=np.random.default_rng(1),
            ).spec.token_bytes
        )
        for noise in (0.0, 1e-2)
    ]
    assert pieces[0] != pieces[1]


def test_too_little_text_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no text to draw"):
        TokenizerSampler([b"short"], OPTIONS, seed=0)


@pytest.mark.parametrize(
    "options", [{"min_tokens": 10}, {"bpe_share": 2.0}, {"patterns": ()}, {"noise_sigma": -1.0}]
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        SamplerOptions(**options)  # type: ignore[arg-type]
