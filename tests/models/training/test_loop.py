"""A training that was interrupted at any moment goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
from tests.models.training.two_processes import OPTIONS, loss_of, plain_network
from tokkit.errors import (
    ArgumentError,
    FormatError,
    Interrupted,
    ModelError,
    UnsupportedError,
)
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.training.checkpoints import CHECKPOINT
from tokkit.models.training.loop import train
from tokkit.models.training.options import TrainingOptions
from tokkit.models.training.records import RECORDS
from tokkit.models.training.tasks import Task

ROOT = Path(__file__).parents[3]
assert OPTIONS.steps
STEPS = OPTIONS.steps


def network(width: int = 3) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(width, 4),
        torch.nn.BatchNorm1d(4),
        torch.nn.Dropout(0.2),
        torch.nn.Tanh(),
        OutputLayer(4, 2),
    )


def trained(folder: Path | None = None, at: Any = lambda _: None, **options: Any) -> Any:
    model = network()
    chosen = TrainingOptions(**{**OPTIONS.__dict__, **options})
    result = train(
        model,
        loss_of(model, at),
        chosen,
        folder=folder,
        evaluate=lambda: {"size": float(model[0].weight.square().sum())},
    )
    return model, result


def curve(result: Any) -> list[Any]:
    return [(r.step, r.loss, r.learning_rate, dict(r.evaluation)) for r in result.records]


def same(model: Any, other: Any) -> bool:
    states = model.state_dict(), other.state_dict()
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("step", [0, 5, STEPS - 1])
@pytest.mark.usefixtures("sigint_raises")
def test_an_interrupted_training_goes_on_to_the_same_curve(
    step: int, optimizer: str, tmp_path: Path
) -> None:
    def interrupt(batch: int) -> None:
        if batch == step:
            signal.raise_signal(signal.SIGINT)

    whole, result = trained(optimizer=optimizer)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, interrupt, optimizer=optimizer)
    model, resumed = trained(tmp_path, optimizer=optimizer)
    assert resumed.resumed_at == step + 1
    assert same(model, whole)
    assert curve(resumed) == curve(result)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("step", [1, 7])
def test_a_training_that_died_goes_on_from_its_last_checkpoint(step: int, tmp_path: Path) -> None:
    def die(batch: int) -> None:
        if batch == step:
            raise OSError

    whole, result = trained()
    with pytest.raises(OSError):  # noqa: PT011  # it has no message
        trained(tmp_path, die, checkpoint_seconds=0)
    with (tmp_path / RECORDS).open("a") as stream:
        stream.write('{"step": 99, "sec')  # cut off while it was written
    model, resumed = trained(tmp_path)
    assert resumed.resumed_at == step
    assert same(model, whole)
    assert curve(resumed) == curve(result)


@pytest.mark.usefixtures("sigint_raises")
def test_a_second_interruption_comes_at_once(tmp_path: Path) -> None:
    reached: list[int] = []

    def interrupt(batch: int) -> None:
        if batch == 3:
            signal.raise_signal(signal.SIGINT)
            reached.append(batch)
            signal.raise_signal(signal.SIGINT)
            reached.append(batch)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, interrupt)
    assert reached == [3]


def test_a_training_that_died_before_its_first_step_can_go_on(tmp_path: Path) -> None:
    def die(batch: int) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011  # it has no message
        trained(tmp_path, die)
    assert (tmp_path / CHECKPOINT).exists()
    assert curve(trained(tmp_path)[1]) == curve(trained()[1])


@pytest.mark.usefixtures("sigint_raises")
def test_an_interruption_says_what_is_kept(tmp_path: Path) -> None:
    def interrupt(batch: int) -> None:
        if batch == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match=rf"after step 3, {3 / STEPS:.0%} .* keeps all of it"):
        trained(tmp_path, interrupt)

    def twice(batch: int) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="keeps all of it"):
        trained(tmp_path, twice)
    with pytest.raises(Interrupted, match="budget$"):  # without a folder nothing is kept
        trained(at=twice)


class WithOutputEmbeddings(torch.nn.Module):  # type: ignore[misc]
    """Says what is its output as models of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.nn.Linear(4, 3, bias=False)

    def get_output_embeddings(self) -> Any:
        return self.last


def test_muon_is_refused_for_a_model_that_does_not_say_which_layers_are_its_outputs() -> None:
    model = torch.nn.Sequential(torch.nn.Embedding(3, 2), torch.nn.Linear(2, 3))
    with pytest.raises(ArgumentError, match="Sequential does not say which of its linear layers"):
        train(model, loss_of(model), replace(OPTIONS, optimizer="muon"))


def test_muon_turns_hidden_matrices_alone() -> None:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rows = torch.nn.Embedding(5, 4)
            self.hidden = torch.nn.Linear(4, 6)
            self.back = torch.nn.Linear(6, 4, bias=False)
            self.tied = torch.nn.Linear(4, 5, bias=False)
            self.scores = OutputLayer(4, 3, bias=False)
            self.head = torch.nn.Linear(3, 3, bias=False)  # what a layer is called says nothing
            self.named = WithOutputEmbeddings()
            self.tied.weight = self.rows.weight

        def loss(self, _: int) -> Any:
            states = self.back(torch.tanh(self.hidden(self.rows(torch.arange(5)))))
            heads = self.scores(states).exp() + self.head(self.named.last(states.detach())).exp()
            return self.tied(states).square().mean() + heads.mean()

    after = {}
    for optimizer in ("adamw", "muon"):
        model = Tied()
        before = {name: each.detach().clone() for name, each in model.named_parameters()}
        options = TrainingOptions(steps=1, learning_rate=0.1, optimizer=optimizer, warmup=0)  # pyright: ignore[reportArgumentType]
        train(model, model.loss, options)
        after[optimizer] = {
            name: each.detach() - before[name] for name, each in model.named_parameters()
        }
    turned = {name for name, each in after["muon"].items() if not each.equal(after["adamw"][name])}
    assert turned == {"hidden.weight", "back.weight", "head.weight"}
    for name in ("hidden.weight", "back.weight"):  # such steps have about equal singular values
        values = torch.linalg.svdvals(after["muon"][name])
        assert values.min() > 0.4 * values.max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_muon_takes_matrices_of_every_shape_and_type(dtype: Any) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv1d(1, 3, 2),
        torch.nn.Linear(6, 1),
        torch.nn.Linear(1, 5, bias=False),
        torch.nn.Linear(5, 1, bias=False),
        OutputLayer(1, 1),
    ).to(dtype)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    options = TrainingOptions(steps=1, learning_rate=0.1, optimizer="muon", warmup=0)
    result = train(
        model, lambda _: model(torch.ones(1, 1, 7, dtype=dtype)).square().mean(), options
    )
    rate = result.records[0].learning_rate or 0.0
    for name, each in model.named_parameters():
        step = (each.detach() - before[name]).float()
        assert each.dtype == dtype
        if each.ndim == 2 and each is not model[-1].weight:  # of the size that AdamW's have
            assert float(step.square().mean().sqrt()) == pytest.approx(0.2 * rate, rel=0.5), name
        assert bool((step != 0).any()), name


def test_an_old_torch_is_refused_for_muon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    model = network()
    with pytest.raises(UnsupportedError, match="Muon needs PyTorch 2.9"):
        train(model, loss_of(model), replace(OPTIONS, optimizer="muon"))


def test_two_trainings_cannot_be_in_one_folder(tmp_path: Path) -> None:
    reached: list[int] = []

    def another(batch: int) -> None:
        if not reached:
            reached.append(batch)
            with pytest.raises(ModelError, match="another training is in"):
                trained(tmp_path)

    trained(tmp_path, another)
    assert reached
    trained(tmp_path)  # the lock is gone


def test_parts_that_would_learn_nothing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Learner(torch.nn.Linear):  # type: ignore[misc]
        def training_task(self, data: Any, *, seed: int) -> Task:
            return Task(lambda _: self.weight.sum(), least_steps=4, part="second half")

    with pytest.raises(ArgumentError, match="3 steps would teach the second half nothing"):
        train(Learner(2, 2), None, TrainingOptions(steps=3))
    train(Learner(2, 2), None, TrainingOptions(steps=4))
    now = iter(range(1000))
    monkeypatch.setattr(time, "process_time", lambda: next(now))
    with pytest.warns(UserWarning, match="ended after 2 steps, and the second half"):
        train(Learner(2, 2), None, TrainingOptions(seconds=2.0))


@pytest.mark.parametrize("device", ["meta", "cuda:99", "nothing"])
def test_devices_that_cannot_be_used_are_refused(device: str) -> None:
    with pytest.raises(ArgumentError, match="cannot be used"):
        trained(device=device)


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    whole, result = trained(tmp_path)
    model, again = trained(tmp_path, at=lambda batch: pytest.fail("a batch was asked for"))
    assert same(model, whole)
    assert again.records == result.records
    assert (result.was_finished, again.was_finished) == (False, True)


def test_evaluations_come_before_and_at_even_shares() -> None:
    _, result = trained()
    assert [each.step for each in result.records if each.evaluation] == [0, 3, 6, 9, 12]
    assert [each.step for each in result.records if not each.evaluation] == [*range(1, STEPS + 1)]


def test_an_evaluation_draws_the_same_each_time_and_leaves_the_generator_alone() -> None:
    model = network()
    before = torch.get_rng_state()
    result = train(
        model, loss_of(model), OPTIONS, evaluate=lambda: {"drawn": float(torch.rand(()))}
    )
    assert torch.equal(torch.get_rng_state(), before)
    drawn = [each.evaluation["drawn"] for each in result.records if each.evaluation]
    assert len(drawn) > 1 and len(set(drawn)) == 1


def test_gradients_that_a_model_has_already_are_not_learned() -> None:
    model = network()
    model(torch.ones(2, 3)).sum().backward()
    model.load_state_dict(network().state_dict())  # as batch norm has seen that batch
    result = train(model, loss_of(model), replace(OPTIONS, evaluations=0))
    plain = network()
    assert curve(train(plain, loss_of(plain), replace(OPTIONS, evaluations=0))) == curve(result)


def test_several_batches_are_one_larger_one() -> None:
    def parts(batch: int) -> Any:
        return (model.weight * (batch + 1)).sum()

    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    options = TrainingOptions(steps=1, batches=3, evaluations=0)
    result = train(model, parts, options)
    assert result.records[0].loss == pytest.approx((1 + 2 + 3) / 3)


def test_seconds_end_a_training_and_lower_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(time, "process_time", lambda: next(now) / 4)
    _, result = trained(steps=None, seconds=2.0, warmup=0.0, final=0.0)
    rates = [each.learning_rate for each in result.records if not each.evaluation]
    assert (result.step, result.seconds) == (8, 2.0)
    assert rates == sorted(rates, reverse=True)
    assert rates[4] == pytest.approx(OPTIONS.learning_rate / 2)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    with pytest.raises(ModelError, match="options"):
        trained(tmp_path, learning_rate=0.1)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), *network()[1:])
    with pytest.raises(ModelError, match=r"0.weight is \(4, 3\), here it is \(4, 2\)"):
        train(model, loss_of(model), OPTIONS, folder=tmp_path)
    with pytest.raises(ModelError, match="in one of them alone"):
        train(network()[:1], loss_of(model), OPTIONS, folder=tmp_path)
    model = network().double()
    with pytest.raises(ModelError, match=r"0.weight is torch.float32, here it is torch.float64"):
        train(model, lambda _: model(torch.ones(2, 3).double()).sum(), OPTIONS, folder=tmp_path)


def test_a_checkpoint_from_before_there_was_a_choice_of_optimizers_goes_on(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    def interrupt(batch: int) -> None:
        if batch == 4:
            raise KeyboardInterrupt

    whole, _ = trained()
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, interrupt, checkpoint_seconds=0.0)
    with safe_open(tmp_path / CHECKPOINT, framework="pt") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    state = json.loads(metadata["training"])
    assert state["identity"]["options"].pop("optimizer") == "adamw"
    save_file(tensors, tmp_path / CHECKPOINT, {**metadata, "training": json.dumps(state)})
    with pytest.raises(ModelError, match="options.optimizer is 'adamw', here it is 'muon'"):
        trained(tmp_path, optimizer="muon")
    model, resumed = trained(tmp_path)
    assert resumed.resumed_at == 4 and same(model, whole)


def test_other_factors_are_refused_in_the_same_folder(tmp_path: Path) -> None:
    model = network()
    train(model, loss_of(model), OPTIONS, folder=tmp_path, factors={"0.weight": 2.0})
    for other in ({"0.weight": 3.0}, {}):
        with pytest.raises(ModelError, match=r"its factors(\.0\.weight)? is .*2"):
            train(network(), loss_of(model), OPTIONS, folder=tmp_path, factors=other)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    (tmp_path / RECORDS).write_bytes(b"")
    with pytest.raises(FormatError, match="0 records, but the checkpoint"):
        trained(tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FormatError, match="damaged"):
        trained(tmp_path)


def test_numbers_that_are_none_stop_a_training(tmp_path: Path) -> None:
    model = network()
    with pytest.raises(ModelError, match="loss of step 1 is nan"):
        train(model, lambda _: model[0].weight.sum() * float("nan"), OPTIONS)
    with pytest.raises(ModelError, match="x is inf"):
        train(model, loss_of(model), OPTIONS, evaluate=lambda: {"x": float("inf")})


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_a_gradient_that_is_no_number_leaves_parameters_and_checkpoints_as_they_were(
    clip_norm: float | None, tmp_path: Path
) -> None:
    def loss(batch: int, broken: int) -> Any:
        size = model[0].weight.square().sum()
        return size + (size - size).sqrt() if batch == broken else size  # its slope is infinite

    options = replace(OPTIONS, clip_norm=clip_norm, checkpoint_seconds=0.0, evaluations=0)
    model = network()
    with pytest.raises(ModelError, match="gradient of step 4 is (nan|inf)"):
        train(model, lambda batch: loss(batch, 3), options, folder=tmp_path)
    assert all(bool(each.isfinite().all()) for each in model.parameters())
    assert train(model, lambda batch: loss(batch, -1), options, folder=tmp_path).resumed_at == 3


def test_what_cannot_be_trained_is_refused() -> None:
    model = network()
    with pytest.raises(ArgumentError, match="a factor for 'rows'"):
        train(model, loss_of(model), OPTIONS, factors={"rows": 2.0})
    with pytest.raises(ArgumentError, match="nothing to train"):
        train(model.requires_grad_(False), loss_of(model), OPTIONS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": None}, "needs a budget"),
        ({"steps": 0}, "steps must be"),
        ({"seconds": 0.0}, "seconds must be greater"),
        ({"learning_rate": -1.0}, "learning_rate must be greater"),
        ({"warmup": 1.0}, "warmup must be from 0 to 1"),
        ({"betas": (0.9,)}, "betas must be two"),
        ({"clock": "sun"}, "clock must be one of"),
        ({"autocast": "int8"}, "autocast must be one of 'bfloat16', None"),
        ({"batches": 0}, "batches must be"),
        ({"checkpoint_seconds": -1.0}, "checkpoint_seconds must be at least 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TrainingOptions(**{"steps": 1, **options})  # pyright: ignore[reportArgumentType]


def test_products_in_float16_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="take 'bfloat16'"):
        TrainingOptions(steps=1, autocast="float16")  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_both_batches(tmp_path: Path) -> None:
    script = Path(__file__).parent / "two_processes.py"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for _ in range(2):  # the second goes on from the checkpoint of the first
        run = subprocess.run(
            [*launch, str(script), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert run.returncode == 0, run.stderr
    states: Any = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    one = plain_network()
    train(one, loss_of(one), replace(OPTIONS, batches=2))
    for name, value in one.state_dict().items():
        torch.testing.assert_close(states[0][name], states[1][name], rtol=0, atol=0)
        torch.testing.assert_close(states[0][name], value)


def test_a_folder_that_holds_another_model_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"someone's")
    with pytest.raises(ArgumentError, match=r"model\.safetensors"):
        trained(folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
