"""`tokkit train vqgraph` on a toy graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokkit

pytest.importorskip("torch")
from tests.models.vqgraph.test_vqgraph import GRAPH, N
from tokkit.cli import main

SMALL = (
    "n_codes=16", "width=16", "hops=3", "hidden=32", "recipe.teacher_steps=3", "recipe.sample=8",
)  # fmt: skip


@pytest.fixture
def graph(tmp_path: Path) -> str:
    arrays: dict[str, Any] = {"features": GRAPH.features, "edges": GRAPH.edges}
    np.savez(tmp_path / "graph.npz", labels=GRAPH.labels, **arrays)
    return str(tmp_path / "graph.npz")


def run(graph: str, into: Path, *options: str) -> int:
    settings = [word for each in SMALL for word in ("--set", each)]
    return main(["train", "vqgraph", graph, "--into", str(into), *settings, *options])


def test_what_is_trained_is_opened_as_a_tokenizer(
    graph: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, page = tmp_path / "made", tmp_path / "page.html"
    options = ("--steps", "6", "--held-out", "0.3")
    assert run(graph, into, *options, "--html", str(page), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 6 and told["resumed_at"] == 0
    assert list(told["accuracies"]) == ["teacher", "codes", "student"]
    assert all(0 <= each <= 1 for each in told["accuracies"].values())
    for name in ("Loss of the training", "Right at last", "the codes alone", "against steps"):
        assert name in page.read_text(encoding="utf-8")
    tokenizer: Any = tokkit.load_tokenizer(into)
    assert tokenizer.modality == "graph"
    assert tokenizer.encode(GRAPH.features, context=GRAPH.edges).shape == (N,)
    assert tokenizer.classify(GRAPH.features).shape == (N, 3)
    assert run(graph, into, *options, "--resume", "--seed", "1") == 2
    assert "of another training" in capsys.readouterr().err
    assert run(graph, into, *options, "--resume") == 0
    assert "finished before" in capsys.readouterr().out


def test_without_a_budget_the_student_learns_after_the_teacher(
    graph: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(graph, tmp_path / "made", "--held-out", "0", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 3 + 200
    assert told["accuracies"] == {} and told["perplexity"] >= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ngrams",), "--ngrams is of models of text"),
        (("--bf16",), "--bf16 is of models of text"),
        (("--set", "hop=3"), "did you mean 'hops'"),
        (("--steps", "3"), "would teach the student"),
        (("--held-out", "0.995"), "leaves none to learn from"),
        (("--resume",), "holds no training"),
    ],
)
def test_what_cannot_be_done_is_refused(
    options: tuple[str, ...],
    message: str,
    graph: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(graph, tmp_path / "made", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_other_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.txt").write_text("text")
    assert run(str(tmp_path / "text.txt"), tmp_path / "made") == 2
    assert "no npz" in capsys.readouterr().err
    np.savez(tmp_path / "plain.npz", features=GRAPH.features, edges=GRAPH.edges)
    assert run(str(tmp_path / "plain.npz"), tmp_path / "made") == 2
    assert "no label of a node is known" in capsys.readouterr().err
