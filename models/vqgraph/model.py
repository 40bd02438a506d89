"""`VQGraph`: a tokenizer of nodes, and a classifier of them with and without their graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from tokkit.arguments import check_kind
from tokkit.errors import ArgumentError
from tokkit.models.blocks.evaluating import evaluating
from tokkit.models.saving.configs import Config, config_identity
from tokkit.models.saving.fingerprint import fingerprint_of
from tokkit.models.saving.in_folder import InFolder
from tokkit.models.training.processes import refuse_several
from tokkit.models.training.tasks import Task
from tokkit.models.vqgraph.checks import as_edges, as_features
from tokkit.models.vqgraph.config import VQGraphConfig
from tokkit.models.vqgraph.feature_layer import scaled, sparse_if_few
from tokkit.models.vqgraph.labelled import LabelledGraph
from tokkit.models.vqgraph.learning import divergence, half_squares, teacher_loss
from tokkit.models.vqgraph.propagation import Propagation
from tokkit.models.vqgraph.student import GraphStudent
from tokkit.models.vqgraph.teacher import GraphTeacher, directions
from tokkit.models.vqgraph.training_story import ACCURACY
from tokkit.quantize.usage import perplexity
from tokkit.tokenizer import (
    Ids,
    Modality,
    Tokenizer,
    as_id_array,
    refuse_budget,
    refuse_seed,
)


class VQGraph(InFolder, nn.Module, Tokenizer[NDArray[np.float32]]):
    """Nodes of a graph as codes: the same code for nodes with the same kind of surroundings.

    A signal is float32 (nodes, n_features), its context the edges, int64 (2, edges), undirected:
    each may be given once or in both directions. Decoding gives features that nodes of a code have
    on average, scaled to length 1; it is lossy.

    Attributes:
        config: its shape.
        name: for tables and messages; of a model that was loaded its folder's.
        teacher: looks at the graph, and has the codebook.
        student: looks at features alone.
    """

    kind: ClassVar[str] = "vqgraph"
    config_class: ClassVar[type[Config]] = VQGraphConfig

    def __init__(self, config: VQGraphConfig | None = None) -> None:
        """Random weights, by torch's generator.

        Raises:
            ArgumentError: no `VQGraphConfig`.
        """
        super().__init__()
        config = VQGraphConfig() if config is None else config
        check_kind(config, VQGraphConfig, "config")
        self.config = config
        self.name = type(self).__name__
        self.teacher = GraphTeacher(config)
        self.student = GraphStudent(config)

    # -- as a tokenizer ------------------------------------------------------------------------

    @property
    def modality(self) -> Modality:
        """The kind of signal: "graph"."""
        return "graph"

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        """One stream, of the codebook's size."""
        return (self.config.n_codes,)

    @property
    def needs_context(self) -> bool:
        """True: a node needs the edges of its graph."""
        return True

    @property
    def fingerprint(self) -> str:
        """Hexadecimal, of the configuration and all weights."""
        return fingerprint_of(self, self.config)

    def encode(
        self, x: Any, /, *, budget: int | None = None, context: Any = None
    ) -> NDArray[np.int64]:
        """The code of each node.

        Args:
            x: float32 (nodes, n_features).
            budget: None; a node has one code.
            context: int64 (2, edges).

        Returns:
            int64 (nodes,).

        Raises:
            ArgumentError: a budget, no context, another shape, or numbers that are not finite.
        """
        refuse_budget(self, budget)
        with evaluating(self):
            return self.teacher.quantizer.encode(self._seen(x, context)).cpu().numpy()

    def decode(self, ids: Ids, *, seed: int | None = None) -> NDArray[np.float32]:
        """Features of nodes with these codes, float32 (nodes, n_features), of length 1.

        Raises:
            ArgumentError: a seed (nothing is drawn), or ids of another shape.
            EncodingError: an id outside the codebook.
        """
        refuse_seed(self, seed)
        codes = torch.from_numpy(as_id_array(ids, self.vocab_sizes)).to(self.device)
        with evaluating(self):
            vectors = self.teacher.quantizer.decode(codes)
            features = functional.normalize(self.teacher.feature_decoder(vectors), dim=1)
            return features.float().cpu().numpy()

    def soft_assign(self, x: Any, *, context: Any = None) -> NDArray[np.float32]:
        """How likely each code is, float32 (nodes, n_codes), natural logarithms.

        Raises:
            ArgumentError: as `encode`.
        """
        with evaluating(self):
            return self._soft(self._seen(x, context)).float().cpu().numpy()

    # -- without the graph ---------------------------------------------------------------------

    def soft_assign_alone(self, x: Any) -> NDArray[np.float32]:
        """How likely each code is by the features of a node alone, as the student sees it.

        Args:
            x: float32 (nodes, n_features).

        Returns:
            float32 (nodes, n_codes), natural logarithms.

        Raises:
            ArgumentError: another shape, or numbers that are not finite.
        """
        with evaluating(self):
            states = self.student.states(self._features(x))
            return self._soft(directions(states)).float().cpu().numpy()

    def classify(self, x: Any, *, context: Any = None) -> NDArray[np.float32]:
        """How likely each class is.

        Args:
            x: float32 (nodes, n_features).
            context: int64 (2, edges), for the teacher; None asks the student, which needs none.

        Returns:
            float32 (nodes, n_classes), natural logarithms.

        Raises:
            ArgumentError: another shape, or numbers that are not finite.
        """
        with evaluating(self):
            features = self._features(x)
            if context is None:
                logits = self.student.classes(self.student.states(features))
            else:
                states = self.teacher.states(features, self._graph(context, len(features)))
                logits = self.teacher.classes(states)
            return logits.log_softmax(1).float().cpu().numpy()

    def classify_codes(self, ids: Ids) -> NDArray[np.float32]:
        """How likely each class is by the code of a node alone, float32 (nodes, n_classes).

        Raises:
            ArgumentError: ids of another shape.
            EncodingError: an id outside the codebook.
        """
        codes = torch.from_numpy(as_id_array(ids, self.vocab_sizes)).to(self.device)
        with evaluating(self):
            logits = self.teacher.code_head(self.teacher.quantizer.decode(codes))
            return logits.log_softmax(1).float().cpu().numpy()

    # -- training ------------------------------------------------------------------------------

    def training_task(self, data: Any, *, seed: int) -> Task:
        """What it learns from a graph; see `tokkit.models.training.train`.

        Every step looks at all nodes, in one process. The first `recipe.teacher_steps` teach the
        teacher, and those that follow the student, so a training needs more steps than that. What
        is drawn is drawn from torch's generator, which the loop seeds; `seed` has nothing to add.

        Args:
            data: a `LabelledGraph`.
            seed: of an order; there is none.

        Raises:
            ArgumentError: something else, or a graph of another number of features or classes.
            UnsupportedError: several processes.
        """
        del seed
        check_kind(data, LabelledGraph, "data", "VQGraph learns from a graph with some labels")
        graph: LabelledGraph = data
        as_features(graph.features, self.config.n_features)
        if (most := int(graph.known.max())) >= self.config.n_classes:
            raise ArgumentError(f"a class is {most}, and the model has {self.config.n_classes}")
        refuse_several("a VQGraph", "its codes follow the vectors of one")
        lesson = _Lesson(self, graph)
        identity = {"graph": graph.fingerprint(), "config": config_identity(self.config)}
        return Task(
            lesson.loss,
            lesson.evaluate,
            identity,
            save=self.save,
            least_steps=self.config.recipe.teacher_steps + 1,
            part="student (recipe.teacher_steps come before its first)",
        )

    def student_loss(
        self,
        states: torch.Tensor,
        target_states: torch.Tensor,
        target_classes: torch.Tensor,
    ) -> torch.Tensor:
        """The distillation: zero where the student gives the teacher's classes and codes.

        Args:
            states: float (nodes, width) of the student.
            target_states: float (nodes, width) of the teacher.
            target_classes: float (nodes, n_classes), the teacher's logits.
        """
        recipe = self.config.recipe
        classes = self.student.classes(states).log_softmax(1)
        loss = recipe.labels * divergence(target_classes.log_softmax(1), classes)
        if recipe.codes:
            target = self._soft(directions(target_states))
            loss = loss + recipe.codes * divergence(target, self._soft(directions(states)))
        return loss

    # -- parts ---------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.teacher.bias.device

    def _features(self, x: Any) -> torch.Tensor:
        rows = torch.from_numpy(as_features(x, self.config.n_features))
        return scaled(rows.to(self.device, self.teacher.bias.dtype))

    def _graph(self, context: Any, n_nodes: int) -> Propagation:
        edges = as_edges(context, n_nodes)
        return Propagation(edges, n_nodes, dtype=self.teacher.bias.dtype, device=self.device)

    def _seen(self, x: Any, context: Any) -> torch.Tensor:
        """The vectors that are quantised, float (nodes, width)."""
        features = self._features(x)
        return directions(self.teacher.states(features, self._graph(context, len(features))))

    def _soft(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.teacher.quantizer.soft_assign(vectors, temperature=self.config.temperature)


class _Lesson:
    """One graph, as a model learns from it."""

    def __init__(self, model: VQGraph, graph: LabelledGraph) -> None:
        self._model, self._data = model, graph
        self._on: torch.device | None = None
        self._targets: tuple[torch.Tensor, torch.Tensor] | None = None

    def _prepare(self) -> None:
        """Bring the graph to where the model is, which the loop may have moved."""
        model, data = self._model, self._data
        if self._on == model.device:
            return
        self._on = model.device
        self._x = sparse_if_few(model._features(data.features))
        self._graph = model._graph(data.edges, len(data.features))
        self._train = torch.from_numpy(data.train).to(model.device)
        self._labels = torch.from_numpy(data.labels[data.train]).to(model.device)

    def loss(self, number: int) -> torch.Tensor:
        """Of a step: of the teacher at first, then of the student."""
        self._prepare()
        if number < self._model.config.recipe.teacher_steps:
            return self._of_the_teacher()
        return self._of_the_student()

    def _of_the_teacher(self) -> torch.Tensor:
        teacher = self._model.teacher
        loss = teacher_loss(teacher, self._x, self._graph, self._train, self._labels)
        return loss + self._model.config.recipe.l2 * half_squares(list(teacher.parameters()))

    def _of_the_student(self) -> torch.Tensor:
        model = self._model
        if self._targets is None:
            model.teacher.eval()
            with torch.no_grad():
                seen = model.teacher.states(self._x, self._graph)
                self._targets = seen, model.teacher.classes(seen)
        states = model.student.states(self._x)
        classes = model.student.classes(states)
        loss = functional.cross_entropy(classes[self._train], self._labels)
        loss = loss + model.student_loss(states, *self._targets)
        if factor := model.config.recipe.student_l2:
            loss = loss + factor * half_squares(list(model.student.parameters()))
        return loss

    def evaluate(self) -> Mapping[str, float]:
        """Shares of validation nodes that are classified right, and the perplexity of codes."""
        self._prepare()
        model, data = self._model, self._data
        states = model.teacher.states(self._x, self._graph)
        ids = model.teacher.quantizer.encode(directions(states))
        found = {
            "teacher": model.teacher.classes(states),
            "codes": model.teacher.code_head(model.teacher.quantizer.decode(ids)),
            "student": model.student.classes(model.student.states(self._x)),
        }
        figures: dict[str, float] = {}
        if len(data.validation):
            wanted = torch.from_numpy(data.labels[data.validation])
            for name, logits in found.items():
                right = logits.cpu()[torch.from_numpy(data.validation)].argmax(1) == wanted
                figures[f"{ACCURACY}{name}"] = float(right.float().mean())
        counts = np.bincount(ids.cpu().numpy(), minlength=model.config.n_codes)
        return {**figures, "perplexity": perplexity(counts)}
