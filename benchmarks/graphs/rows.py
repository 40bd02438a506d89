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
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.graphs.citation_graphs import Draw, Graph, without
from benchmarks.graphs.sage import GraphSAGE, given_by, taught_sage
from tokkit.models import LabelledGraph, VQGraph, VQGraphConfig, VQGraphRecipe
from tokkit.models.training import TrainingOptions, train
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
MLP_DROPOUT = 0.6
"""Few labels need more of it than the teacher's word on every node does."""

STUDENT: Mapping[str, Any] = {"student_dropout": 0.5, "student_l2": 1e-3}
TEACHER: Mapping[str, Mapping[str, Any]] = {"citeseer": {"l2": 5e-3}}
"""What differs from the defaults of `VQGraphRecipe`, for all graphs and for some. Chosen on the
draws 100 to 103 (Cora, inductive) and 100 and 101 (Citeseer); the tables are of draws from 0."""

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
        self, recipe: VQGraphRecipe, n_steps: int, *, teacher: VQGraph | None, row: _Asked
    ) -> tuple[VQGraph, Figures]:
        """A model after `n_steps`, of a teacher that is there or taught first."""
        graph = self.graph
        torch.manual_seed(self.seed)
        model = VQGraph(
            VQGraphConfig(
                n_features=graph.features.shape[1],
                n_classes=int(graph.labels.max()) + 1,
                recipe=recipe,
            )
        )
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
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Figures]:
    """Every row for one draw.

    Args:
        graph: whole.
        drawn: what is known of it.
        steps: of the teacher, and of each student.
        seed: of weights and what a training draws.
        inductive: whether unseen nodes are left out of the training.
        changes: of fields of the recipe.
    """
    bench = _Bench(graph, drawn, seed=seed, inductive=inductive)
    teach = replace(VQGraphRecipe(teacher_steps=steps[0]), **(changes or {}))
    learn = replace(teach, teacher_steps=0)
    plain = replace(teach, commitment=0.0, features=0.0, edges=0.0)
    rows: dict[str, Figures] = {"sage": bench.sage()}
    to_the_end = steps[0] + 1  # a training without a step of the student is refused
    gnn, rows["gnn"] = bench.taught(plain, to_the_end, teacher=None, row=bench.with_graph)
    model, rows["teacher"] = bench.taught(teach, to_the_end, teacher=None, row=bench.with_graph)
    students = {
        "mlp": (replace(learn, labels=0.0, codes=0.0, student_dropout=MLP_DROPOUT), gnn),
        "glnn": (replace(learn, codes=0.0), gnn),
        "without_codes": (replace(learn, codes=0.0), model),
        "vqgraph": (learn, model),
    }
    for name, (recipe, teacher) in students.items():
        model, rows[name] = bench.taught(recipe, steps[1], teacher=teacher, row=bench.alone)
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
