"""Bytes taken one at a time and in one pass agree as closely as the docs promise."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from pathlib import Path

import numpy as np

from tests.bytelm.lm_helpers import tiny_model
from tests.hf.toy_views import TEXT, save_tokenizer
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.loading import load_lm
from tokkit.text.tokenizer import load_tokenizer

PROMISED_NATS = {"float32": 2e-4, "float64": 1e-9}
"""Over 400 bytes; the figures of docs/concepts/byte-level-models.md."""

DATA = (TEXT.encode() * 3)[:400]


def saved_model(folder: Path, kind: str) -> Path:
    save_tokenizer(folder)
    model = tiny_model(
        kind, vocab_size=320, max_position_embeddings=512, hidden_size=96, intermediate_size=200
    )
    model.save_pretrained(folder)
    return folder


def laws_of_steps(lm: ByteLM, data: bytes) -> np.ndarray:
    state = lm.open()
    rows = []
    for k in range(len(data)):
        rows.append(state.logprobs())
        state.push(data[k : k + 1])
    return np.stack(rows)


@pytest.mark.parametrize("dtype", PROMISED_NATS)
@pytest.mark.parametrize("kind", ["llama", pytest.param("gemma3", marks=pytest.mark.slow)])
def test_steps_sum_to_a_pass(kind: str, dtype: str, tmp_path: Path) -> None:
    lm = load_lm(saved_model(tmp_path, kind), dtype=dtype)
    chosen = np.arange(len(DATA)), list(DATA)
    steps = laws_of_steps(lm, DATA)[chosen].sum()
    assert np.isfinite(steps)
    assert steps == pytest.approx(lm.logprob(DATA), abs=PROMISED_NATS[dtype], rel=0)
    scored = lm.byte_logprobs(DATA)[:-1][chosen].sum()
    assert scored == pytest.approx(lm.logprob(DATA), abs=PROMISED_NATS[dtype], rel=0)


def test_what_separates_steps_and_passes_is_the_rounding_of_the_model(tmp_path: Path) -> None:
    """In float64 the same laws differ a million times less, so nothing else does."""
    folder = saved_model(tmp_path, "llama")
    far = {}
    for dtype in PROMISED_NATS:
        lm = load_lm(folder, dtype=dtype)
        data = DATA[:100]
        laws = np.exp(laws_of_steps(lm, data)), np.exp(lm.byte_logprobs(data)[:-1])
        far[dtype] = np.abs(laws[0] - laws[1]).sum(axis=1).max() / 2
    assert far["float32"] < 2e-5
    assert far["float64"] < 1e-12


def test_results_of_a_model_in_float64_are_float64(tmp_path: Path) -> None:
    folder = saved_model(tmp_path, "llama")
    model = tiny_model("llama", vocab_size=320).double()
    lm = load_lm((model, load_tokenizer(folder / "tokenizer.json"))).token_lm
    assert lm.next_token_logprobs([[5], [5, 6]]).dtype == np.float64
    assert lm.next_token_logprobs([]).dtype == np.float64
