"""The table of graphs: what is read, what is known of it, and that a run fills every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from benchmarks.graphs.accuracy import main, table
from benchmarks.graphs.citation_graphs import Graph, component, draw, read_graph, without
from benchmarks.graphs.rows import ROWS, measure
from benchmarks.graphs.sage import given_by
from benchmarks.graphs.speed import Neighbours, drawn_graph
from tokkit.models import VQGraph, VQGraphConfig

N = 240


def toy() -> Graph:
    random = np.random.default_rng(0)
    labels = np.arange(N) % 3
    features = (np.arange(9) // 3 == labels[:, None]) & (random.random((N, 9)) < 0.6)
    edges = random.integers(0, N, (2, 400))
    edges[1] = edges[1] // 3 * 3 + np.where(random.random(400) < 0.9, edges[0] % 3, edges[1] % 3)
    return Graph(features.astype(np.float32), edges, labels)


def test_known_labels_are_drawn_by_class_and_test_nodes_are_the_rest() -> None:
    drawn = draw(toy().labels, 3)
    parts = np.concatenate([drawn.train, drawn.validation, drawn.test])
    assert np.array_equal(np.sort(parts), np.arange(N))
    assert np.bincount(toy().labels[drawn.train]).tolist() == [20] * 3
    assert np.bincount(toy().labels[drawn.validation]).tolist() == [30] * 3
    assert len(drawn.unseen) == 18 and np.isin(drawn.unseen, drawn.test).all()


def test_a_graph_without_nodes_has_no_edge_of_theirs() -> None:
    gone = np.arange(0, N, 5)
    left, place = without(toy(), gone)
    assert (place[gone] == -1).all()
    back = np.flatnonzero(place >= 0)[left.edges]
    wanted = toy().edges[:, ~np.isin(toy().edges, gone).any(axis=0)]
    assert np.array_equal(back, wanted)


def test_the_largest_component_is_joined_whatever_the_direction_of_edges() -> None:
    edges = np.array([[3, 1, 5, 0, 2], [1, 4, 3, 2, 2]])  # 1, 3, 4, 5; then 0, 2; then 6 alone
    features = np.arange(7, dtype=np.float32)[:, None]
    found = component(Graph(features, edges, np.arange(7) * 10))
    assert found.features[:, 0].tolist() == [1, 3, 4, 5]
    assert found.labels.tolist() == [10, 30, 40, 50]
    assert found.edges.tolist() == [[1, 0, 3], [0, 2, 1]]


def test_a_mean_is_over_a_node_and_its_neighbours() -> None:
    features = np.random.default_rng(0).random((4, 3), np.float32)
    edges = np.array([[0, 1, 0, 1], [1, 0, 2, 1]])  # one of them twice, and a loop
    x, mean = given_by(Graph(features, edges, np.zeros(4, np.int64)))
    rows = x.numpy()
    wanted = [rows[:3].mean(0), rows[:2].mean(0), rows[[0, 2]].mean(0), rows[3]]
    assert np.allclose(torch.sparse.mm(mean, x), np.stack(wanted))


@pytest.mark.parametrize("inductive", [False, True])
def test_every_row_is_measured(inductive: bool) -> None:
    rows = measure(toy(), draw(toy().labels, 0), (3, 2), seed=0, inductive=inductive)
    text = table("toy", [rows, rows], inductive=inductive)
    assert all(f"| {title} |" in text for title, _ in ROWS.values())
    assert text.count("±") >= 2 * len(ROWS)


def test_more_seeds_go_on_from_those_that_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph, parts = toy(), ("data", "indices", "indptr", "shape")
    ones = np.ones(graph.edges.shape[1])
    arrays: dict[str, Any] = {"labels": graph.labels}
    for kind, matrix in (
        ("adj", csr_matrix((ones, tuple(graph.edges)), shape=(N, N))),
        ("attr", csr_matrix(graph.features)),
    ):
        arrays |= {f"{kind}_{part}": np.asarray(getattr(matrix, part)) for part in parts}
    np.savez(tmp_path / "toy.npz", **arrays)
    steps = ["--teacher-steps", "2", "--student-steps", "2", "--records", str(tmp_path / "kept")]
    for seeds in ("1", "2"):
        given = ["--graphs", str(tmp_path), "--names", "toy", "--seeds", seeds, *steps]
        monkeypatch.setattr("sys.argv", ["accuracy.py", *given])
        main()
        shown = capsys.readouterr()
        assert f"{seeds} seeds" in shown.out and f"--seeds {seeds}" in shown.out
    assert "seed 1" in shown.err and "seed 0" not in shown.err


def test_the_neighbours_of_nodes_are_enough_for_the_teacher() -> None:
    features, edges = drawn_graph(1500)
    features = features[:, :12]
    torch.manual_seed(0)
    model = VQGraph(VQGraphConfig(n_features=12, hops=1)).eval()
    new = np.array([7, 800, 31])
    around, among = Neighbours(edges, len(features)).fetched(new, 2)
    assert around[:3].tolist() == new.tolist() and len(around) < len(features) == 1500
    there = model.classify(features[around], context=among)[:3]
    assert np.allclose(there, model.classify(features, context=edges)[new], atol=1e-5)


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no graph .*cora\.npz.*--graphs"):
        read_graph(tmp_path, "cora")
    np.savez(tmp_path / "cora.npz", labels=np.zeros(3))
    with pytest.raises(SystemExit, match="is no graph"):
        read_graph(tmp_path, "cora")
