"""Rows are trained as each method says, and a training goes on where it was interrupted."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tests.text.format_samples import CORPUS
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.hypernets.alignment import align
from tokkit.hypernets.bench import Bench, starting_ids
from tokkit.hypernets.distillation.distilling import distil
from tokkit.hypernets.distillation.options import TransferTraining
from tokkit.hypernets.heuristics.subtokens import first_last
from tokkit.hypernets.methods import METHODS
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_rows
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import TransferTask
from tokkit.hypernets.transfer import transfer
from tokkit.text.tokenizer import load_tokenizer

TRAINED = [name for name, method in METHODS.items() if method.distillation]
QUICK_AND_SLOW = [
    pytest.param(name, marks=pytest.mark.slow if name == "byte-distillation" else ())
    for name in TRAINED
]
TEXT = "\n".join(CORPUS) * 12
SENTENCE = b"The quick brown fox jumps over the lazy dog. "
STEPS = TransferTraining(steps=6, dtype="float32")
N_OLD = 280


class Made:
    """A toy model, the heuristic's rows for a larger vocabulary, and a text to train on."""

    def __init__(
        self, kind: str = "llama", *, fitting: bytes = 2 * SENTENCE, **options: Any
    ) -> None:
        model = toy_model(kind, N_OLD, **options)
        self.source = load_source((model, toy_tokenizer(N_OLD)))
        target = load_tokenizer(toy_tokenizer(340))
        alignment = align(self.source.tokenizer, target)
        self.task = TransferTask(
            alignment,
            self.source.tokenizer,
            target.spec,
            inputs=input_rows(model, N_OLD),
            outputs=output_rows(model, N_OLD),
            bias=None,
            seed=0,
        )
        self.rows = first_last(self.task)
        self.bench = Bench(
            self.source,
            target,
            alignment,
            starting_ids(self.source),
            fitting_windows=(fitting, fitting[5:]),
            choosing_windows=(SENTENCE[4:],),
        )

    def distil(self, method: str, training: TransferTraining = STEPS, **bench: Any) -> Any:
        plan = METHODS[method].distillation
        assert plan is not None
        return distil(method, plan, self.rows, self.task, replace(self.bench, **bench), training)


@pytest.fixture(scope="module")
def made() -> Made:
    return Made()


def same(rows: Rows, other: Rows) -> bool:
    assert rows.outputs is not None
    assert other.outputs is not None
    biases = [np.zeros(1) if each.bias is None else each.bias for each in (rows, other)]
    return (
        np.array_equal(rows.inputs, other.inputs)
        and np.array_equal(rows.outputs, other.outputs)
        and np.array_equal(biases[0], biases[1])
    )


@pytest.mark.parametrize("method", QUICK_AND_SLOW)
def test_the_loss_falls(method: str, made: Made) -> None:
    training = TransferTraining(steps=8, learning_rate=0.1, evaluations=2, dtype="float32")
    _, curve = made.distil(method, training)
    assert curve.losses[-1] < curve.losses[0]
    assert len(curve.losses) == 8
    assert len(curve.bits_per_byte) == 3


def test_token_distillation_trains_the_input_rows_of_new_tokens_of_the_text_alone(
    made: Made,
) -> None:
    rows, _ = made.distil("token-distillation")
    changed = np.flatnonzero((made.rows.inputs != rows.inputs).any(axis=1))
    present = {t for window in made.bench.fitting_windows for t in made.bench.target.encode(window)}
    assert set(changed.tolist()) == {token for token in present if token >= N_OLD}
    assert rows.outputs is made.rows.outputs


@pytest.mark.parametrize("method", ["row-distillation", "byte-distillation"])
def test_the_others_train_output_rows_too(method: str, made: Made) -> None:
    rows, _ = made.distil(method)
    changed = (made.rows.inputs != rows.inputs).any(axis=1)
    assert changed[N_OLD:].any()
    assert not changed[:N_OLD].any()
    assert rows.outputs is not None
    assert (rows.outputs != made.rows.outputs).any(axis=1).sum() > changed.sum()


@pytest.mark.parametrize("method", QUICK_AND_SLOW)
@pytest.mark.usefixtures("sigint_raises")
def test_an_interrupted_training_goes_on_to_the_same_rows(
    method: str, made: Made, tmp_path: Path
) -> None:
    def interrupt(_: str, done: int, __: int) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    whole, curve = made.distil(method)
    training = replace(STEPS, folder=tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        made.distil(method, training, progress=interrupt)
    lines = (tmp_path / "kept" / "records.jsonl").read_text().splitlines()
    assert max(json.loads(line)["step"] for line in lines) == 2
    resumed, again = made.distil(method, training)
    assert same(whole, resumed)
    assert again.losses == curve.losses


def test_a_checkpoint_of_another_method_text_or_model_is_refused(tmp_path: Path) -> None:
    made = Made()
    training = replace(STEPS, steps=1, folder=tmp_path)
    made.distil("token-distillation", training)
    with pytest.raises(ModelError, match="of another training"):
        made.distil("row-distillation", training)
    with pytest.raises(ModelError, match="of another training"):
        made.distil("token-distillation", training, fitting_windows=(SENTENCE,))
    made.distil("token-distillation", training)
    with torch.no_grad():
        made.source.model.get_parameter("model.layers.0.mlp.down_proj.weight")[5] += 0.1
    with pytest.raises(ModelError, match="of another training"):
        made.distil("token-distillation", training)


def test_text_that_teaches_nothing_is_refused(made: Made) -> None:
    with pytest.raises(ArgumentError, match="holds no new token"):
        made.distil("token-distillation", fitting_windows=(b"\x01\x02\x03",))
    with pytest.raises(ArgumentError, match="too short to be divided"):
        made.distil("token-distillation", choosing_windows=())


def test_bytes_are_not_distilled_where_a_model_heeds_no_mask() -> None:
    with pytest.raises(UnsupportedError, match="mask and positions"):
        Made("mamba").distil("byte-distillation")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gpt2", "mistral", "gemma3_text", "mamba"])
def test_other_architectures_are_trained(kind: str) -> None:
    training = TransferTraining(steps=8, learning_rate=0.1)
    positions: Any = {"n_positions": 256} if kind == "gpt2" else {}
    _, curve = Made(kind, **positions).distil("token-distillation", training)
    assert curve.losses[-1] < curve.losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("method", TRAINED)
def test_a_transfer_trains_and_tells_its_curve(method: str) -> None:
    model, small = toy_model("llama", N_OLD), toy_tokenizer(N_OLD)
    training = TransferTraining(steps=4)
    result = transfer(
        (model, small), toy_tokenizer(340), method=method, text=TEXT, training=training
    )
    assert result.report.training is not None
    assert result.report.notes["steps of training"] == 4
    assert result.report.bits_per_byte is not None
    assert np.isfinite(result.report.bits_per_byte.after)
    assert "Loss of the training" in result.report.to_html()
    json.dumps(result.report.to_dict())
    unchanged = transfer((model, small), small, method=method, text=TEXT, training=training)
    assert unchanged.report.training is None
    assert torch.equal(
        unchanged.model.get_input_embeddings().weight, model.get_input_embeddings().weight
    )


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("shared-first", {"training": STEPS}, "does not train, so leave training out"),
        ("auto", {"training": STEPS}, "does not train, so leave training out"),
        ("token-distillation", {"text": None}, "wants a text"),
        ("token-distillation", {"training": 5}, "training must be TransferTraining"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_work(
    method: str, options: Any, message: str
) -> None:
    given: Any = {"text": TEXT, **options}
    with pytest.raises(ArgumentError, match=message):
        transfer("nowhere", "nothing", method=method, **given)


@pytest.mark.parametrize("options", [{"learning_rate": 0.0}, {"steps": 0}, {"dtype": "int8"}])
def test_options_that_make_no_sense_are_refused(options: Any) -> None:
    with pytest.raises(ArgumentError):
        TransferTraining(**options)


def test_snippets_are_no_longer_than_the_positions_of_the_model() -> None:
    made = Made("gpt2", fitting=10 * SENTENCE)
    _, curve = made.distil("token-distillation")
    assert len(curve.losses) == STEPS.steps
