"""Graphs are read as they are, or refused: bounded, never unpickled."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the hf extra")
from scipy import sparse

from tests.models.vqgraph.test_vqgraph import GRAPH, N
from tokkit.errors import ArgumentError, FormatError
from tokkit.models import read_labelled_graph
from tokkit.models.vqgraph.graph_files import read_graph

PLAIN: dict[str, Any] = {
    "features": GRAPH.features, "edges": GRAPH.edges, "labels": GRAPH.labels
}  # fmt: skip


def written(place: Path, **arrays: Any) -> Path:
    np.savez(place / "graph.npz", **arrays)
    return place / "graph.npz"


def as_sparse() -> dict[str, Any]:
    ones = np.ones(GRAPH.edges.shape[1])
    parts: dict[str, Any] = {
        "attr": sparse.csr_matrix(GRAPH.features),
        "adj": sparse.csr_matrix((ones, tuple(GRAPH.edges)), shape=(N, N)),
    }
    return {
        f"{name}_{part}": np.asarray(getattr(matrix, part))
        for name, matrix in parts.items()
        for part in ("data", "indices", "indptr", "shape")
    }


def test_both_forms_are_the_same_graph(tmp_path: Path) -> None:
    one = read_graph(written(tmp_path, **PLAIN))
    two = read_graph(written(tmp_path, labels=GRAPH.labels, **as_sparse()))
    np.testing.assert_array_equal(one.features, two.features)
    assert set(zip(*one.edges.tolist(), strict=True)) == set(zip(*two.edges.tolist(), strict=True))
    assert one.labels is not None and one.train is None


def test_known_labels_are_parted_and_unknown_ones_are_in_neither_part(tmp_path: Path) -> None:
    labels = GRAPH.labels.copy()
    labels[::2] = -1
    path = written(tmp_path, **{**PLAIN, "labels": labels})
    graph = read_labelled_graph(path, held_out=0.2, seed=3)
    assert len(graph.validation) == N // 2 // 5
    both = np.concatenate([graph.train, graph.validation])
    assert sorted(both.tolist()) == list(range(1, N, 2))
    again = read_labelled_graph(path, held_out=0.2, seed=3)
    assert again.fingerprint() == graph.fingerprint()
    assert len(read_labelled_graph(path, held_out=0).validation) == 0


def test_a_file_may_say_what_is_learned_from(tmp_path: Path) -> None:
    parts = {"train": GRAPH.train, "validation": GRAPH.validation}
    graph = read_labelled_graph(written(tmp_path, **PLAIN, **parts))
    assert graph.fingerprint() == GRAPH.fingerprint()
    graph = read_labelled_graph(written(tmp_path, **PLAIN, train=GRAPH.train))
    assert not len(graph.validation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": GRAPH.features[0]}, "must be numbers"),
        ({"features": np.full_like(GRAPH.features, np.nan)}, "not finite"),
        ({"edges": GRAPH.edges + N}, "edges join the nodes"),
        ({"edges": GRAPH.edges[:1]}, r"\(2, edges\)"),
        ({"labels": GRAPH.labels[1:]}, "labels"),
        ({"labels": GRAPH.labels / 2}, "whole numbers in a row"),
        ({"labels": GRAPH.labels.astype(np.uint64) + np.uint64(1 << 63)}, "too large"),
        ({"labels": GRAPH.labels - 5}, "no label of a node is known"),
        ({"train": np.array([N])}, "not among"),
        ({"validation": np.array([0])}, "not what train is"),
        ({"labels": np.array([{}] * N)}, "holds objects"),
    ],
)
def test_what_does_not_fit_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        read_labelled_graph(written(tmp_path, **{**PLAIN, **change}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"adj_indices": np.full(GRAPH.edges.shape[1], N)}, "outside adj_shape"),
        ({"adj_shape": np.array([N, N + 1])}, "features are of"),
        ({"attr_shape": np.array([N, 1 << 40])}, "too many"),
        ({"attr_indptr": np.zeros(N + 1, int)}, "does not fit attr_indices"),
        ({"attr_indptr": np.zeros(N, int)}, "does not fit attr_shape"),
        # The differences of these wrap to what they should be.
        ({"attr_indptr": np.r_[0, 1 << 62, -1 << 63, np.zeros(N - 2, int)]}, "does not fit attr_"),
        ({"adj_indices": np.zeros((2, 2), int)}, "in a row"),
    ],
)
def test_sparse_matrices_that_do_not_fit_are_refused(
    change: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=message):
        read_graph(written(tmp_path, **{**as_sparse(), **change}))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="held_out"):
        read_labelled_graph(written(tmp_path, **PLAIN), held_out=1)
    with pytest.raises(FormatError, match="is not in it"):
        read_graph(written(tmp_path, features=GRAPH.features))
    with pytest.raises(FormatError, match="cannot read"):
        read_graph(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(FormatError, match="no npz"):
        read_graph(tmp_path / "text.npz")


def test_an_array_may_not_claim_more_than_there_is(tmp_path: Path) -> None:
    header = io.BytesIO()
    claims = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 12)}
    np.lib.format.write_array_header_1_0(header, claims)
    with zipfile.ZipFile(tmp_path / "claims.npz", "w") as archive:
        archive.writestr("features.npy", header.getvalue() + bytes(48))
    with pytest.raises(FormatError, match="less than its"):
        read_graph(tmp_path / "claims.npz")


@pytest.mark.parametrize("form", ["zlib", "header"])
def test_damaged_arrays_are_refused(form: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.npz"
    if form == "zlib":
        np.savez_compressed(path, features=np.arange(5000.0))
        whole = bytearray(path.read_bytes())
        whole[200:260] = bytes(60)
        path.write_bytes(whole)
    else:
        text = b"(" * 117 + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("features.npy", b"\x93NUMPY\x01\x00" + bytes([118, 0]) + text)
    with pytest.raises(FormatError):
        read_graph(path)


def test_entries_of_zero_are_no_edges_and_those_that_come_twice_add_up(tmp_path: Path) -> None:
    arrays = {
        "adj_data": np.array([1.0, 0.0]), "adj_indices": np.array([1, 2]),
        "adj_indptr": np.array([0, 2, 2, 2]), "adj_shape": np.array([3, 3]),
        "attr_data": np.array([1.0, 2.0]), "attr_indices": np.array([0, 0]),
        "attr_indptr": np.array([0, 2, 2, 2]), "attr_shape": np.array([3, 2]),
    }  # fmt: skip
    graph = read_graph(written(tmp_path, **arrays))
    assert graph.edges.tolist() == [[0], [1]]
    assert graph.features.tolist() == [[3, 0], [0, 0], [0, 0]]
