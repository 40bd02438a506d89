"""Every kind of text model goes where byte-level models go: scores, ensembles, other libraries."""

from __future__ import annotations

import importlib.util
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
import tokkit
from tests.models.laws import TEXT
from tests.models.toy_models import TOYS
from tokkit.errors import ArgumentError

PROMPTS = [TEXT[:7], b"", TEXT[:23], TEXT[:23] + b" \xc3"]
QUICK = {"byte", "subword"}
KINDS = {toy.name: toy for toy in TOYS if not toy.name.endswith(("+", "-window"))}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(toy, id=name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name, toy in KINDS.items()
    ],
)
def model(request: pytest.FixtureRequest) -> Any:
    return request.param.made(torch.float64)


def test_scores_are_the_sums_of_the_rows(model: Any) -> None:
    rows = model.byte_logprobs(TEXT)
    nats = -rows[np.arange(len(TEXT)), list(TEXT)].sum()
    report = tokkit.score(model, [TEXT, b"", b" "])
    assert report.documents[0].bits[model.name] == pytest.approx(nats / math.log(2))
    windows = tokkit.score(model, TEXT, window=12).bits_per_byte[model.name]
    assert windows > 0
    assert math.isfinite(windows)


def test_batches_write_what_the_model_writes_alone(model: Any) -> None:
    texts = model.generate_batch(PROMPTS, max_bytes=6, seed=3)
    assert texts == [
        model.generate(prompt, max_bytes=6, seed=3 + k) for k, prompt in enumerate(PROMPTS)
    ]
    assert tokkit.complete(model, PROMPTS[3], max_bytes=6, seed=6) == texts[3]
    beams = tokkit.beam_search(model, PROMPTS[0], max_bytes=3, n_beams=2)
    assert beams[0].logprob >= beams[1].logprob


def test_ensembles_mix_its_rows_with_those_of_another(model: Any) -> None:
    other = TOYS[0].made(torch.float64)
    ensemble = tokkit.ByteEnsemble([model, other])
    for prompt in (b"", TEXT[:10]):
        first, second = (lm.byte_logprobs(prompt) for lm in (model, other))
        chosen = np.arange(len(prompt)), list(prompt)
        joint = [lm[-1] + lm[chosen].sum() for lm in (first, second)]
        total = np.logaddexp(*(lm[chosen].sum() for lm in (first, second)))
        np.testing.assert_allclose(
            ensemble.next_byte_logprobs(prompt), np.logaddexp(*joint) - total, atol=1e-9
        )


def test_a_middle_is_written_without_a_format(model: Any) -> None:
    found = tokkit.infill(model, b"a", b"b", max_bytes=3, budget=20, seed=0)
    assert len(found) <= 3
    with pytest.raises(ArgumentError):
        tokkit.infill(model, b"a", b"b", max_bytes=3, method="format")


def test_greedy_texts_of_the_transformers_view_are_those_of_the_model(model: Any) -> None:
    pytest.importorskip("transformers")
    from tokkit.hf import ByteLevelCausalLM, ByteLevelTokenizer

    ids = ByteLevelTokenizer()([PROMPTS[0].decode()], return_tensors="pt")["input_ids"]
    output = ByteLevelCausalLM.wrap(model).generate(ids, max_new_tokens=5, do_sample=False)
    written = bytes(each for each in output[0, ids.shape[1] :].tolist() if each < 256)
    assert written == model.generate(PROMPTS[0], max_bytes=5, temperature=0)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="needs the harness extra")
def test_the_harness_asks_for_the_probability_of_bytes(model: Any) -> None:
    from tokkit.harness import TokkitLM

    request: Any = SimpleNamespace(args=("Hi", " there"))
    [(logprob, _)] = TokkitLM(model).loglikelihood([request], disable_tqdm=True)
    assert logprob == pytest.approx(model.logprob(b" there", prefix=b"Hi"))
