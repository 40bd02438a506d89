"""The ways of classification that the table compares, trained for one draw of labels.

    mlp             the student's network on the known labels alone
    sage            GraphSAGE, the teacher of what is published
    gnn             the teacher's network without a codebook
    glnn            a student of that ("Graph-less Neural Networks", Zhang et al., ICLR 2022)
    teacher         the teacher with its codebook
    codes           the classes of its codes, by the code of a node alone
    without_codes   a student of it without the code term
    vqgraph         a student of it, with both terms

Those that share a teacher have the very same one: a student is taught again, from a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.graphs.citation_graphs import Draw, Graph, without
from benchmarks.graphs.sage import GraphSAGE, given_by, taught_sage
from tokkit.models import LabelledGraph, VQGraph, VQGraphConfig
from tokkit.models.saving.configs import changed_config
from tokkit.models.training import TrainingOptions, train
from tokkit.models.vqgraph.fitting import config_for
from tokkit.quantize.usage import perplexity

ROWS = {
    "mlp": ("MLP", False),
    "sage": ("GraphSAGE", True),
    "gnn": ("GNN, no codebook", True),
    "glnn": ("GLNN: student of it", False),
    "teacher": ("GNN with codebook", True),
    "codes": ("the code alone", True),
    "without_codes": ("student of it, labels only", False),
    "vqgraph": ("VQGraph: student of it, labels and codes", False),
}
"""Key -> title, and whether it needs the graph."""
LEARNING_RATE = 0.01
N_EVALUATIONS = 10

Settings = Mapping[str, Any]
"""Fields of `VQGraphConfig` and of its recipe that are not at their defaults."""
STUDENT: Settings = {"recipe": {"student_dropout": 0.5, "student_l2": 1e-3, "codes": 0.3}}
OF_GRAPH: Mapping[str, Settings] = {
    "citeseer": {"recipe": {"l2": 5e-3}},
    "a-photo": {"hops": 4},
    "a-computer": {"hops": 4},
}
MLP: Settings = {"labels": 0.0, "codes": 0.0, "student_dropout": 0.6, "student_l2": 5e-3}
"""Of all graphs, of some, and of the recipe of the row "MLP". Chosen on draws from 100 to 103: of
Cora, inductive, and of Citeseer, whole; the hops in graphs of products on draw 100 of A-photo. The
tables are of draws from 0."""

Figures = Mapping[str, float]
Logprobs = NDArray[np.float32]


class _Bench:
    """One graph, whole and as a training sees it."""

    def __init__(self, graph: Graph, drawn: Draw, *, seed: int, inductive: bool) -> None:
        self.graph, self.drawn, self.seed, self.inductive = graph, drawn, seed, inductive
        hidden = drawn.unseen if inductive else drawn.unseen[:0]
        self.seen, place = without(graph, hidden)
        seen = self.seen
        train_on, validate = place[drawn.train], place[drawn.validation]
        self.lesson = LabelledGraph(seen.features, seen.edges, seen.labels, train_on, validate)

    def taught(
        self, config: VQGraphConfig, n_steps: int, *, teacher: VQGraph | None, row: _Asked
    ) -> tuple[VQGraph, Figures]:
        """A model after `n_steps`, of a teacher that is there or taught first."""
        torch.manual_seed(self.seed)
        model = VQGraph(config)
        if teacher is not None:
            model.teacher = deepcopy(teacher.teacher)
        best = 0.0

        def evaluate() -> dict[str, float]:
            nonlocal best
            best = max(best, self.right(row(model), self.drawn.test))
            return {"best": best}

        options = TrainingOptions(
            steps=n_steps,
            learning_rate=LEARNING_RATE,
            clip_norm=None,
            seed=self.seed,
            evaluations=N_EVALUATIONS,
            final=0.1 if teacher is not None else 1.0,
        )
        train(model, self.lesson, options, evaluate=evaluate)
        return model, {**self.figures(row(model)), "best": best}

    def sage(self) -> Figures:
        """GraphSAGE, taught without the unseen nodes and asked about all."""
        best, whole = 0.0, given_by(self.graph)

        def evaluate(model: GraphSAGE) -> None:
            nonlocal best
            best = max(best, self.right(model.classify(whole), self.drawn.test))

        model = taught_sage(self.seen, self.lesson.train, seed=self.seed, evaluate=evaluate)
        return {**self.figures(model.classify(whole)), "best": best}

    def figures(self, logprobs: Logprobs) -> dict[str, float]:
        """Shares that are right."""
        drawn = self.drawn
        return {
            "validation": self.right(logprobs, drawn.validation),
            "test": self.right(logprobs, drawn.test),
            "unseen": self.right(logprobs, drawn.unseen),
            "production": self.right(logprobs, drawn.test),
        }

    def right(self, logprobs: Logprobs, nodes: NDArray[np.int64]) -> float:
        """Share of nodes whose most likely class is theirs."""
        return float((logprobs[nodes].argmax(1) == self.graph.labels[nodes]).mean())

    def with_graph(self, model: VQGraph) -> Logprobs:
        """The teacher's classes of all nodes."""
        return model.classify(self.graph.features, context=self.graph.edges)

    def alone(self, model: VQGraph) -> Logprobs:
        """The student's classes of all nodes."""
        return model.classify(self.graph.features)


_Asked = Callable[[VQGraph], Any]


def measure(
    graph: Graph,
    drawn: Draw,
    steps: tuple[int, int],
    *,
    seed: int,
    inductive: bool,
    settings: Settings | None = None,
) -> dict[str, Figures]:
    """Every row for one draw.

    Args:
        graph: whole.
        drawn: what is known of it.
        steps: of the teacher, and of each student.
        seed: of weights and what a training draws.
        inductive: whether unseen nodes are left out of the training.
        settings: those that differ from the defaults.
    """
    bench = _Bench(graph, drawn, seed=seed, inductive=inductive)
    n_features, n_classes = graph.features.shape[1], int(graph.labels.max()) + 1
    teach = config_for(n_features, n_classes, settings=settings)
    teach = _with(teach, {"teacher_steps": steps[0]})
    learn = _with(teach, {"teacher_steps": 0})
    plain = _with(teach, {"commitment": 0.0, "features": 0.0, "edges": 0.0})
    rows: dict[str, Figures] = {"sage": bench.sage()}
    to_the_end = steps[0] + 1  # a training without a step of the student is refused
    gnn, rows["gnn"] = bench.taught(plain, to_the_end, teacher=None, row=bench.with_graph)
    model, rows["teacher"] = bench.taught(teach, to_the_end, teacher=None, row=bench.with_graph)
    students = {
        "mlp": (_with(learn, MLP), gnn),
        "glnn": (_with(learn, {"codes": 0.0}), gnn),
        "without_codes": (_with(learn, {"codes": 0.0}), model),
        "vqgraph": (learn, model),
    }
    for name, (config, teacher) in students.items():
        model, rows[name] = bench.taught(config, steps[1], teacher=teacher, row=bench.alone)
    ids = model.encode(graph.features, context=graph.edges)
    own = model.soft_assign_alone(graph.features).argmax(1)
    counts = np.bincount(ids, minlength=model.vocab_size)
    rows["codes"] = {
        **bench.figures(model.classify_codes(ids)),
        "best": float("nan"),
        "perplexity": perplexity(counts),
        "agreement": float((own == ids)[drawn.test].mean()),
    }
    return rows


def _with(config: VQGraphConfig, recipe: Mapping[str, Any]) -> VQGraphConfig:
    return changed_config(config, {"recipe": dict(recipe)})
