"""Inferred mixtures of real tokenizers are those that are known, or published.

Needs what `benchmarks/fetch/real_tokenizers.py` and `benchmarks/fetch/mixture_samples.py` fetch.
"""

from __future__ import annotations

import pytest

import benchmarks.fetch.mixture_samples as mixture_samples
import benchmarks.fetch.real_tokenizers as real_tokenizers
import benchmarks.mixture.real as benchmark
from tokkit.mixture.result import MixtureResult

TOKENIZERS, SAMPLES = real_tokenizers.DEFAULT_FOLDER, mixture_samples.DEFAULT_FOLDER
TARGETS = {target.name: target for target in benchmark.TARGETS}

pytestmark = pytest.mark.slow


def percentages(name: str) -> tuple[MixtureResult, dict[str, float]]:
    target = TARGETS[name]
    if not (TOKENIZERS / target.path).exists():
        pytest.skip(f"{target.path} is missing; run python -m benchmarks.fetch.real_tokenizers")
    if not (SAMPLES / "English web").is_dir() or not (SAMPLES / "language de").is_dir():
        pytest.skip("no samples; run python -m benchmarks.fetch.mixture_samples --corpus FOLDER")
    result = benchmark.infer(target, TOKENIZERS, SAMPLES)
    return result, {name: 100 * group.share for name, group in result.groups.items()}


def test_gpt2_was_trained_on_english() -> None:
    """WebText: pages linked from an English forum, other languages filtered out."""
    result, shares = percentages("GPT-2")
    assert shares["English"] > 85
    assert shares["other"] < 10
    assert result.inherited is None


def test_gpt4o_agrees_with_the_published_inference() -> None:
    _, shares = percentages("GPT-4o (o200k)")
    assert [shares["English"], shares["code"], shares["other"]] == pytest.approx(
        [28, 33, 39], abs=10
    )


def test_claude_was_trained_on_much_code() -> None:
    _, shares = percentages("Claude")
    assert 50 < shares["code"] < 65
    assert shares["other"] < 15


def test_what_is_left_of_llama3_after_cl100k_is_not_trusted() -> None:
    result, _ = percentages("Llama 3")
    assert result.inherited is not None and result.inherited.n_merges == 100_000
    assert any("only rare pairs are left" in warning for warning in result.warnings)
    assert result.trust()[0].startswith("Take these shares as a rough guess")
