"""The shape of a `VQGraph`, and how it is taught."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.errors import ArgumentError
from tokkit.models.saving.configs import ADDED

_MOST = 1 << 20


@dataclass(frozen=True)
class VQGraphRecipe:
    """How a `VQGraph` is taught; see `tokkit.models.vqgraph.learning` for the terms.

    Attributes:
        teacher_steps: of a training, in which the teacher learns; in those that follow, the student
            does, from a teacher that does not change any more.
        dropout: share of the features, and of the states, that are dropped from the teacher.
        student_dropout: share of the features, and of the hidden numbers, of the student.
        node_dropout: share of the nodes whose features a view of the graph lacks.
        views: of the graph in each step, which are to agree.
        consistency: factor of their disagreement.
        commitment: factor of the squared distance of vectors to their codes.
        features: factor of the loss of features decoded from codes.
        edges: factor of the loss of edges decoded from codes.
        labels: factor of the teacher's distribution over classes as the student's target.
        codes: factor of the teacher's distribution over codes as the student's target.
        l2: factor of half the squared size of the teacher's weights.
        student_l2: factor of half the squared size of the student's weights.
        sample: nodes, and edges, of a step from which features and edges are decoded.
    """

    teacher_steps: int = 150
    dropout: float = 0.5
    student_dropout: float = 0.2
    node_dropout: float = 0.5
    views: int = 2
    consistency: float = 1.0
    commitment: float = 0.25
    features: float = 0.1
    edges: float = 0.1
    labels: float = 1.0
    codes: float = 1.0
    l2: float = 5e-4
    student_l2: float = field(default=0.0, metadata=ADDED)
    sample: int = 256

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a value out of range.
        """
        settle_fields(self)
        for name in ("dropout", "student_dropout", "node_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be from 0 to below 1, got {getattr(self, name)}")
        losses = ("consistency", "commitment", "features", "edges", "labels", "codes")
        for name in (*losses, "l2", "student_l2"):
            if getattr(self, name) < 0:
                raise ArgumentError(f"{name} must be at least 0, got {getattr(self, name)}")
        check_whole("teacher_steps", self.teacher_steps, 0)
        check_whole("views", self.views, 1, 64)
        check_whole("sample", self.sample, 1)


@dataclass(frozen=True)
class VQGraphConfig:
    """A tokenizer of nodes. The defaults fit Cora.

    Attributes:
        n_features: of a node.
        n_classes: of nodes.
        n_codes: of the codebook.
        width: of the vectors that are quantised.
        hops: how far around a node its code looks.
        hidden: width of the student's hidden layer.
        temperature: of soft codes, in squared distances of vectors of length 1.
        recipe: how it is taught.
    """

    n_features: int = 1433
    n_classes: int = 7
    n_codes: int = 256
    width: int = 64
    hops: int = 8
    hidden: int = 128
    temperature: float = 0.05
    recipe: VQGraphRecipe = field(default_factory=VQGraphRecipe)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a value out of range.
        """
        settle_fields(self)
        for name in ("n_features", "n_classes", "n_codes", "width", "hidden"):
            check_whole(name, getattr(self, name), 1, _MOST)
        check_whole("hops", self.hops, 0, 1000)
        if self.temperature <= 0:
            raise ArgumentError(f"temperature must be more than 0, got {self.temperature}")
