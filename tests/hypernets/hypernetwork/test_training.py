"""A training begins with the heuristic, and goes on where it was; transfer uses its network."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
from tests.hypernets.hypernetwork.toy_training import (
    OPTIONS,
    TEXT,
    TRAINING,
    toy_source,
    toy_training,
)
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tokkit.errors import ArgumentError, FormatError, ModelError, UnsupportedError
from tokkit.hypernets.hypernetwork.options import HypernetOptions
from tokkit.hypernets.hypernetwork.trained import CONFIG, WEIGHTS, TrainedHypernet
from tokkit.hypernets.hypernetwork.training import HypernetTraining, train_hypernetwork
from tokkit.hypernets.transfer import transfer
from tokkit.text.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HypernetTraining]:
    folder = tmp_path_factory.mktemp("run")
    given = {"target": (load_tokenizer(toy_tokenizer(340)), [TEXT[:300].encode()])}
    return folder, toy_training(folder, evaluate_on=given)


def rows_of(result: Any) -> tuple[Any, Any]:
    model = result.model
    return model.get_input_embeddings().weight, model.get_output_embeddings().weight


def other_source(parameter: str) -> Any:
    """A model of the same shape and tokenizer with another row in one place."""
    model, tokenizer = toy_source()
    with torch.no_grad():
        model.get_parameter(parameter)[5] += 0.1
    return model, tokenizer


def test_the_first_figures_are_the_heuristics(run: tuple[Path, HypernetTraining]) -> None:
    figures = [each.evaluation for each in run[1].result.records if each.evaluation]
    first, last = figures[0], figures[-1]
    for kind in ("", "'s outputs"):
        assert first[f"target: hypernetwork{kind}"] == first[f"target: heuristic{kind}"]
        assert last[f"target: hypernetwork{kind}"] != last[f"target: heuristic{kind}"]
    assert len({each["target: control"] for each in figures}) == 1


def test_an_interrupted_training_goes_on_to_the_same_network(
    tmp_path: Path, run: tuple[Path, HypernetTraining]
) -> None:
    def stop(what: str, done: int, _: int) -> None:
        if what == "training" and done == 3:
            raise KeyboardInterrupt

    given = {"target": (load_tokenizer(toy_tokenizer(340)), [TEXT[:300].encode()])}
    short = replace(TRAINING, checkpoint_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        toy_training(tmp_path, short, evaluate_on=given, progress=stop)
    assert TrainedHypernet.load(tmp_path).network.config == run[1].hypernet.network.config
    others = [
        (toy_source(), TEXT[::-1]),
        (other_source("model.embed_tokens.weight"), TEXT),
        (other_source("model.layers.0.mlp.down_proj.weight"), TEXT),
    ]
    for source, text in others:
        with pytest.raises(ModelError, match="of another training"):
            train_hypernetwork(source, [text], tmp_path, short, options=OPTIONS)
    resumed = toy_training(tmp_path, short, evaluate_on=given)
    assert resumed.result.resumed_at > 0
    whole = run[1].hypernet.network.state_dict()
    for name, each in resumed.hypernet.network.state_dict().items():
        assert torch.equal(each, whole[name]), name


@pytest.mark.parametrize("kind", ["llama", pytest.param("mistral", marks=pytest.mark.slow)])
def test_a_network_of_zeros_is_the_heuristic(tmp_path: Path, kind: str) -> None:
    trained = toy_training(tmp_path, replace(TRAINING, steps=1, learning_rate=1e-9), kind=kind)
    with torch.no_grad():
        for parameter in trained.hypernet.network.output_projection.parameters():
            parameter.zero_()
        assert trained.hypernet.network.output_projection_out is not None
        for parameter in trained.hypernet.network.output_projection_out.parameters():
            parameter.zero_()
        for parameter in trained.hypernet.network.bias_projection.parameters():  # type: ignore[union-attr]
            parameter.zero_()
    source, target = toy_source(kind), toy_tokenizer(340)
    plain = transfer(source, target, method="shared-first")
    same = transfer(source, target, hypernet=trained.hypernet)
    assert same.report.method == "hypernetwork"
    for mine, theirs in zip(rows_of(same), rows_of(plain), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("text", [None, pytest.param(TEXT, marks=pytest.mark.slow)])
def test_rows_of_known_tokens_are_copied_and_others_predicted(
    run: tuple[Path, HypernetTraining], text: str | None
) -> None:
    model, small = toy_source()
    result = transfer((model, small), toy_tokenizer(340), hypernet=run[0], text=text)
    plain = transfer((model, small), toy_tokenizer(340), method="shared-first", text=text)
    assert result.report.n_predicted == plain.report.n_combined > 0
    made, theirs = rows_of(result)[0], rows_of(plain)[0]
    equal = (made == theirs).all(1)
    assert int((~equal).sum()) == plain.report.n_combined


def test_a_tuned_variant_takes_the_network(run: tuple[Path, HypernetTraining]) -> None:
    model, small = toy_source()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    result = transfer((model, small), toy_tokenizer(340), hypernet=run[0])
    assert np.isfinite(rows_of(result)[0].detach().numpy()).all()


@pytest.mark.parametrize(
    ("kind", "size", "options", "message"),
    [
        ("llama", 270, {}, "is not the one"),
        ("llama", 280, {"hidden_size": 16}, "columns"),
        ("mistral", 280, {}, "an output matrix of its own"),
    ],
)
def test_other_models_are_refused(
    run: tuple[Path, HypernetTraining], kind: str, size: int, options: dict[str, Any], message: str
) -> None:
    model = toy_model(kind, size, **options)
    with pytest.raises(ModelError, match=message):
        transfer((model, toy_tokenizer(size)), toy_tokenizer(340), hypernet=run[0])


def test_a_folder_holds_the_network(run: tuple[Path, HypernetTraining], tmp_path: Path) -> None:
    read = TrainedHypernet.load(run[0])
    for name, each in read.network.state_dict().items():
        assert torch.equal(each, run[1].hypernet.network.state_dict()[name])
    read.save(tmp_path)
    weights = (tmp_path / WEIGHTS).read_bytes()
    for data, name in ((weights[:-40], WEIGHTS), (b"{}", CONFIG)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(FormatError):
            TrainedHypernet.load(tmp_path)
        read.save(tmp_path)
    with pytest.raises(FormatError, match="missing"):
        TrainedHypernet.load(tmp_path / "elsewhere")


def test_what_could_not_be_loaded_is_not_saved(
    run: tuple[Path, HypernetTraining], tmp_path: Path
) -> None:
    read = TrainedHypernet.load(run[0])
    with torch.no_grad():
        next(read.network.parameters()).view(-1)[0] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        read.save(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_the_warm_up_teaches_the_identity(tmp_path: Path) -> None:
    options = replace(
        OPTIONS, residual=False, identity_steps=60, prediction=0, reading=0, overlap=1
    )
    result = toy_training(tmp_path, replace(TRAINING, steps=60), options).result
    losses = [each.loss for each in result.records if each.loss is not None]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])


def test_all_objectives_together_have_a_gradient(tmp_path: Path) -> None:
    options = replace(OPTIONS, language=1.0, overlap=1.0)
    result = toy_training(tmp_path, replace(TRAINING, steps=1), options).result
    assert result.step == 1


@pytest.mark.parametrize("kind", ["bert", "cohere"])
def test_models_that_are_not_plain_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnsupportedError):
        toy_training(tmp_path, kind=kind)


@pytest.mark.parametrize(
    "options",
    [
        {"prediction": 0.0, "reading": 0.0},
        {"heuristic": "best"},
        {"output_scale": 0.0},
        {"hidden": 6},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        HypernetOptions(**options)


def test_method_and_network_must_fit_each_other(run: tuple[Path, HypernetTraining]) -> None:
    with pytest.raises(ArgumentError, match="wants no hypernet"):
        transfer(toy_source(), toy_tokenizer(340), method="mean", hypernet=run[0])
    with pytest.raises(ArgumentError, match="wants hypernet"):
        transfer(toy_source(), toy_tokenizer(340), method="hypernetwork")


@pytest.mark.slow
def test_two_processes_learn_one_network(tmp_path: Path) -> None:
    module = "tests.hypernets.hypernetwork.toy_training"
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone",
        "-m", module, str(tmp_path),
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3], timeout=300)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone = toy_training(tmp_path / "alone").hypernet.network.state_dict()
    assert any(not torch.equal(first[name], alone[name]) for name in first)
