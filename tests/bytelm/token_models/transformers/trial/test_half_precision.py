"""In half precision models are right up to the rounding that is promised, or go by plain passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks.backends.architectures import ALLOWED, build, contexts, found_rows, reference
from tests.bytelm.lm_helpers import FakeTokenizer
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
from tokkit.bytelm.token_models.transformers.trial import half_precision
from tokkit.bytelm.token_models.transformers.trial.trial_texts import total_variation
from tokkit.bytelm.token_models.transformers.whole_model import WholeModel
from tokkit.errors import UnsupportedError

TOKENIZER: Any = FakeTokenizer(vocab_size=280)


def _half(kind: str) -> Any:
    with quiet_transformers():
        return build(kind).bfloat16()


def _worst(lm: TransformersLM) -> float:
    """The largest total variation from fresh passes, on texts of many lengths."""
    trunk = np.random.default_rng(0).integers(3, 270, 40).tolist()
    texts = [*contexts()[1::2], *(trunk[:n] for n in range(2, 41, 2))]
    rows = [*found_rows(lm, texts, forest=False), *found_rows(lm, texts, forest=True)]
    plain = [reference(lm._model, [*lm.bos_ids, *ids])[: lm.vocab_size] for ids in texts] * 2
    return max(map(total_variation, rows, plain))


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("gemma4_unified_text", "passes"),  # attention without a scale magnifies rounding
        ("jetmoe", "passes"),  # rounding flips the choice of experts
        ("llama", "tree"),
        pytest.param("nemotron", "passes", marks=pytest.mark.slow),
        pytest.param("exaone_moe", "passes", marks=pytest.mark.slow),
        pytest.param("minimax", "passes", marks=pytest.mark.slow),
        pytest.param("llama4_text", "passes", marks=pytest.mark.slow),
        pytest.param("gemma3_text", "tree", marks=pytest.mark.slow),
        pytest.param("falcon", "tree", marks=pytest.mark.slow),
        pytest.param("gptj", "tree", marks=pytest.mark.slow),
        pytest.param("bloom", "states", marks=pytest.mark.slow),
        pytest.param("mamba", "steps", marks=pytest.mark.slow),
    ],
)
def test_small_models_are_as_close_to_fresh_passes_as_is_promised(kind: str, way: str) -> None:
    lm = TransformersLM(_half(kind), TOKENIZER)
    assert lm.way == way, lm.rejected_ways
    assert _worst(lm) <= ALLOWED["bfloat16"]


def test_a_way_that_is_asked_for_may_round_as_the_model_does() -> None:
    for kind in ("gemma4_unified_text", "jetmoe"):
        lm = TransformersLM(_half(kind), TOKENIZER, way="tree")
        assert lm.way == "tree"
        assert 0 < _worst(lm) < 0.5


def test_what_rounds_too_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _half("llama")
    monkeypatch.setattr(half_precision, "_ALLOWED", 1e-12)
    lm = TransformersLM(model, TOKENIZER)
    assert lm.way == "passes"
    assert len(lm.rejected_ways) == 3
    assert "in total variation after" in lm.rejected_ways[0]
    monkeypatch.setattr(half_precision, "SMALL", 0)
    assert TransformersLM(model, TOKENIZER).way == "tree"
    assert TransformersLM(build("llama"), TOKENIZER).way == "tree"


def test_a_large_model_goes_by_passes_where_rounding_visibly_flips_the_choice_of_experts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a processor's rounding flips is left to chance; so one pass is changed by hand."""
    model = _half("mixtral")
    monkeypatch.setattr(half_precision, "SMALL", 0)
    assert TransformersLM(model, TOKENIZER).way == "tree"
    plain = WholeModel.last_logits

    def flipped(self: WholeModel, ids: Sequence[int]) -> np.ndarray:
        logits = plain(self, ids)
        return logits[::-1].copy() if len(ids) == 15 else logits

    monkeypatch.setattr(WholeModel, "last_logits", flipped)
    lm = TransformersLM(model, TOKENIZER)
    assert lm.way == "passes"
    assert "flips its choice among experts (num_experts" in lm.rejected_ways[0]
    assert TransformersLM(model, TOKENIZER, way="tree").way == "tree"
    assert TransformersLM(build("mixtral"), TOKENIZER).way == "tree"


@pytest.mark.parametrize("way", [None, "passes"])
def test_what_fails_only_on_longer_texts_is_refused_when_it_is_loaded(way: Any) -> None:
    """xLSTM adds chunks in bfloat16 to states in float32, once a text fills a chunk."""
    with pytest.raises(UnsupportedError, match="pass over .* in bfloat16: .*dtype='float32'"):
        TransformersLM(_half("xlstm"), TOKENIZER, way=way)
