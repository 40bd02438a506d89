"""Laws of the tokenizer of nodes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokkit

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.models import LabelledGraph, VQGraph, VQGraphConfig, VQGraphRecipe
from tokkit.models.training import TrainingOptions, train
from tokkit.models.vqgraph.propagation import Propagation
from tokkit.tokenizer.entropy_coding import read_ids, write_ids

CONFIG = VQGraphConfig(
    n_features=12, n_classes=3, n_codes=16, width=16, hops=3, hidden=32,
    recipe=VQGraphRecipe(dropout=0.1, node_dropout=0.1, sample=8, teacher_steps=40),
)  # fmt: skip
QUICK = replace(CONFIG, recipe=replace(CONFIG.recipe, teacher_steps=2))
N = 60


def communities(seed: int = 0) -> LabelledGraph:
    """Three classes of nodes with features of their own, joined mostly among themselves."""
    random = np.random.default_rng(seed)
    labels = np.arange(N) % 3
    features = random.random((N, 12)) < 0.05
    features |= (np.arange(12) // 4 == labels[:, None]) & (random.random((N, 12)) < 0.5)
    near = random.random((N, N)) < np.where(labels[:, None] == labels, 0.1, 0.01)
    edges = np.stack(np.nonzero(np.triu(near, 1)))
    order = random.permutation(N)
    return LabelledGraph(features.astype(np.float32), edges, labels, order[:15], order[15:30])


GRAPH = communities()


def trained(graph: LabelledGraph = GRAPH, folder: Path | None = None, steps: int = 4) -> Any:
    torch.manual_seed(0)
    model = VQGraph(CONFIG if steps > 4 else QUICK)
    options = TrainingOptions(steps=steps, learning_rate=0.05, evaluations=2)
    result = train(model, graph, options, folder=folder)
    return model.eval(), result


@pytest.fixture(scope="module")
def model() -> Any:
    return trained(steps=100)[0]


def encode(model: Any, graph: LabelledGraph = GRAPH) -> Any:
    return model.encode(graph.features, context=graph.edges)


def test_it_answers_as_a_tokenizer(model: Any) -> None:
    ids = encode(model)
    assert ids.shape == (N,) and ids.dtype == np.int64
    assert model.vocab_sizes == (16,) and model.streams == 1 and model.needs_context
    rate = model.rate(ids)
    data = write_ids(ids, model.vocab_sizes)
    assert (rate.n_units, rate.nominal_bits, rate.coded_bytes) == (N, 4 * N, len(data))
    assert np.array_equal(read_ids(data, model.vocab_sizes), ids)
    decoded = model.decode(ids)
    assert decoded.shape == (N, 12) and decoded.dtype == np.float32
    assert np.allclose(np.square(decoded).sum(1), 1, atol=1e-5)
    soft = model.soft_assign(GRAPH.features, context=GRAPH.edges)
    assert np.array_equal(soft.argmax(1), ids)
    assert np.allclose(np.exp(soft).sum(1), 1, atol=1e-5)


def test_it_learns_classes_from_few_labels(model: Any) -> None:
    unseen = np.setdiff1d(np.arange(N), np.concatenate([GRAPH.train, GRAPH.validation]))
    for logprobs in (
        model.classify(GRAPH.features, context=GRAPH.edges),
        model.classify(GRAPH.features),
        model.classify_codes(encode(model)),
    ):
        assert (logprobs.argmax(1) == GRAPH.labels)[unseen].mean() > 0.8


def test_decoded_features_are_nearer_than_those_of_shuffled_codes(model: Any) -> None:
    scaled = GRAPH.features / np.maximum(np.linalg.norm(GRAPH.features, axis=1), 1)[:, None]
    ids = encode(model)
    near = (model.decode(ids) * scaled).sum(1).mean()
    shuffled = np.random.default_rng(0).permutation(ids)
    assert near > (model.decode(shuffled) * scaled).sum(1).mean() + 0.1


def test_permuting_nodes_permutes_codes(model: Any) -> None:
    order = np.random.default_rng(1).permutation(N)
    place = np.argsort(order)
    edges = place[GRAPH.edges][::-1]
    assert np.array_equal(model.encode(GRAPH.features[order], context=edges), encode(model)[order])


def test_edges_count_once_in_either_direction_and_loops_not_at_all(model: Any) -> None:
    loops = np.stack([np.arange(N)] * 2)
    edges = np.concatenate([GRAPH.edges, GRAPH.edges[::-1], GRAPH.edges, loops], axis=1)
    assert np.array_equal(model.encode(GRAPH.features, context=edges), encode(model))


def test_a_node_is_alone_with_itself_where_there_are_no_edges(model: Any) -> None:
    none = np.zeros((2, 0), np.int64)
    ids = model.encode(GRAPH.features, context=none)
    for node in range(5):
        alone = model.encode(GRAPH.features[node : node + 1], context=none)
        assert alone.tolist() == [ids[node]]
    nothing = np.zeros((3, 12), np.float32)
    assert len(set(model.encode(nothing, context=none).tolist())) == 1


def test_a_component_does_not_depend_on_another(model: Any) -> None:
    features = np.concatenate([GRAPH.features, communities(1).features])
    edges = np.concatenate([GRAPH.edges, communities(1).edges + N], axis=1)
    assert np.array_equal(model.encode(features, context=edges)[:N], encode(model))


def test_fewer_nodes_than_codes_can_be_learned_from() -> None:
    small = LabelledGraph(GRAPH.features[:9], np.zeros((2, 0)), GRAPH.labels[:9], [0, 1, 2], [])  # pyright: ignore[reportArgumentType]
    model, result = trained(small)
    assert encode(model, small).shape == (9,)
    assert result.records[-1].evaluation.keys() == {"perplexity"}


def test_a_large_graph_is_encoded_without_nodes_by_nodes(model: Any) -> None:
    n = 100_000  # nodes x nodes would be 40 GB
    random = np.random.default_rng(0)
    features = random.random((n, 12), np.float32)
    ids = model.encode(features, context=random.integers(0, n, (2, n)))
    assert ids.shape == (n,)


def test_a_hop_is_the_mean_over_neighbours_scaled_by_degrees() -> None:
    edges = np.array([[0, 1], [1, 2]])
    graph = Propagation(edges, 4, dtype=torch.float64, device=torch.device("cpu"))
    joined = np.eye(4)
    joined[[0, 1, 1, 2], [1, 0, 2, 1]] = 1
    hop = joined / np.sqrt(np.outer(joined.sum(1), joined.sum(1)))
    x = np.random.default_rng(0).random((4, 2))
    expected = (x + hop @ x + hop @ hop @ x) / 3
    assert np.allclose(graph.spread(torch.from_numpy(x), 2).numpy(), expected)
    halved = torch.from_numpy(x).to(torch.bfloat16)
    small = Propagation(edges, 4, dtype=torch.bfloat16, device=torch.device("cpu"))
    assert small.spread(halved, 2).dtype == torch.bfloat16
    assert np.allclose(small.spread(halved, 2).double().numpy(), expected, atol=0.01)


def test_gradients_go_back_along_the_edges() -> None:
    edges = np.array([[0, 1, 3], [1, 2, 1]])
    graph = Propagation(edges, 5, dtype=torch.float64, device=torch.device("cpu"))
    x = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: graph.spread(given, 3), (x,))


@pytest.mark.usefixtures("untouched")
def test_the_distillation_is_zero_exactly_at_the_teacher(model: Any) -> None:
    model.student.head.load_state_dict(model.teacher.head.state_dict())
    with torch.no_grad():
        graph = model._graph(GRAPH.edges, N)
        states = model.teacher.states(model._features(GRAPH.features), graph)
        target = model.teacher.classes(states)
        assert float(model.student_loss(states, states, target)) == 0
    other = (states + 0.1 * torch.rand_like(states)).requires_grad_()
    loss = model.student_loss(other, states, target)
    assert float(loss.detach()) > 0
    loss.backward()
    assert bool(other.grad.any())


@pytest.fixture
def untouched(model: Any) -> Iterator[None]:
    state = {name: each.clone() for name, each in model.state_dict().items()}
    yield
    model.load_state_dict(state)


def test_scrambled_labels_of_other_nodes_change_nothing() -> None:
    scrambled = GRAPH.labels.copy()
    known = np.concatenate([GRAPH.train, GRAPH.validation])
    others = np.setdiff1d(np.arange(N), known)
    scrambled[others] = -7
    one, two = trained()[0], trained(replace(GRAPH, labels=scrambled))[0]
    assert same_state(one, two)


def test_a_penalty_on_the_student_shrinks_its_weights_and_leaves_the_teacher() -> None:
    sizes, teachers = [], []
    for factor in (0.0, 0.05):
        torch.manual_seed(0)
        model = VQGraph(replace(CONFIG, recipe=replace(QUICK.recipe, student_l2=factor)))
        train(model, GRAPH, TrainingOptions(steps=30, learning_rate=0.05, evaluations=1))
        sizes.append(float(model.student.input.weight.detach().square().sum()))
        teachers.append(model.teacher)
    assert sizes[1] < 0.7 * sizes[0]
    assert same_state(*teachers)


def test_an_option_that_came_later_changes_no_name_at_its_default() -> None:
    torch.manual_seed(0)
    plain = VQGraph(QUICK)
    torch.manual_seed(0)
    other = VQGraph(replace(QUICK, recipe=replace(QUICK.recipe, student_l2=0.1)))
    assert same_state(plain, other) and plain.fingerprint != other.fingerprint
    told, of_other = (each.training_task(GRAPH, seed=0).identity for each in (plain, other))
    assert "student_l2" not in told["config"]["recipe"]  # so trainings from before it go on
    assert of_other["config"]["recipe"] == {**told["config"]["recipe"], "student_l2": 0.1}


def same_state(one: Any, two: Any) -> bool:
    other = two.state_dict()
    return all(torch.equal(each, other[name]) for name, each in one.state_dict().items())


def test_save_and_load_give_the_same_ids_and_signals(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path)
    for loaded in (tokkit.load_tokenizer(tmp_path), VQGraph.load(tmp_path)):
        assert isinstance(loaded, VQGraph) and loaded.config == CONFIG
        assert same_state(loaded, model)
        assert np.array_equal(encode(loaded), encode(model))
        assert np.array_equal(loaded.decode(encode(loaded)), model.decode(encode(model)))
        assert loaded.fingerprint == model.fingerprint
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FormatError):
        tokkit.load_tokenizer(tmp_path)


@pytest.mark.parametrize("stop", [1, 3])
@pytest.mark.usefixtures("sigint_raises")
def test_an_interrupted_training_goes_on_to_the_same_model(stop: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = VQGraph(QUICK)
    options = TrainingOptions(steps=4, learning_rate=0.05, evaluations=2)

    def interrupt(what: str, step: int, of: int) -> None:
        if step == stop:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(model, GRAPH, options, folder=tmp_path, progress=interrupt)
    resumed, result = trained(folder=tmp_path)
    assert result.resumed_at > 0
    assert same_state(resumed, trained()[0])
    with pytest.raises(tokkit.TokkitError, match="another training"):
        trained(communities(1), folder=tmp_path)


@pytest.mark.parametrize(
    ("x", "context", "message"),
    [
        (GRAPH.features, None, "pass context=edges"),
        (GRAPH.features[:, :5], GRAPH.edges, r"\(nodes, 12\)"),
        (GRAPH.features[0], GRAPH.edges, "features"),
        (GRAPH.features[:0], np.zeros((2, 0)), "without a node"),
        (np.full((3, 12), np.nan), np.zeros((2, 0)), "not finite"),
        (np.full((3, 12), 1e300), np.zeros((2, 0)), "not finite"),
        (np.array([["a"] * 12]), np.zeros((2, 0)), "must be numbers"),
        (GRAPH.features, GRAPH.edges.T, r"\(2, edges\)"),
        (GRAPH.features, GRAPH.edges * 1.0, "whole numbers"),
        (GRAPH.features, GRAPH.edges + N, "nodes 0 to 59"),
        (GRAPH.features, GRAPH.edges - 5, "nodes 0 to 59"),
    ],
)
def test_a_bad_graph_is_one_clear_error(model: Any, x: Any, context: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        model.encode(x, context=context)


def test_what_does_not_apply_is_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="budget"):
        model.encode(GRAPH.features, context=GRAPH.edges, budget=3)
    with pytest.raises(ArgumentError, match="seed"):
        model.decode([1], seed=0)
    with pytest.raises(EncodingError, match="0 to 15"):
        model.decode([16])
    with pytest.raises(ArgumentError, match="learns from a graph"):
        train(model, b"text", TrainingOptions(steps=1))
    with pytest.raises(ArgumentError, match="40 steps would teach the student"):
        train(model, GRAPH, TrainingOptions(steps=40))
    with pytest.raises(ArgumentError, match="a class is 3"):
        train(model, replace(GRAPH, labels=GRAPH.labels + 1), TrainingOptions(steps=1))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(tokkit.TokkitError, match="one process"):
        train(model, GRAPH, TrainingOptions(steps=41))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": GRAPH.validation}, "in `train` and in `validation`"),
        ({"train": np.zeros(0, np.int64)}, "no node to train on"),
        ({"train": np.array([N])}, "not among the 60"),
        ({"labels": GRAPH.labels[:-1]}, "labels must be"),
        ({"labels": GRAPH.labels - 1}, "a class is -1"),
    ],
)
def test_senseless_lessons_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        replace(GRAPH, **change)


@pytest.mark.parametrize(
    "change", [{"n_codes": 0}, {"temperature": 0.0}, {"recipe": None}, {"hops": -1}]
)
def test_senseless_configurations_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        VQGraphConfig(**change)
    with pytest.raises(ArgumentError):
        VQGraphRecipe(dropout=1.0)
    with pytest.raises(ArgumentError, match="student_l2"):
        VQGraphRecipe(student_l2=-1.0)
