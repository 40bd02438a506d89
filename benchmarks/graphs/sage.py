"""GraphSAGE, the teacher of what is published: a row to compare with, not a part of tokkit.

"Inductive Representation Learning on Large Graphs" (Hamilton et al., 2017), with the mean over a
node and its neighbours in each of two layers, as GLNN and VQGraph train it: Adam at 0.01, a weight
decay of 5e-4, no dropout.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from benchmarks.graphs.citation_graphs import Graph
from tokkit.models.vqgraph.feature_layer import FeatureLayer, scaled, sparse_if_few
from tokkit.models.vqgraph.propagation import Propagation

HIDDEN, STEPS = 128, 200
LEARNING_RATE, WEIGHT_DECAY = 0.01, 5e-4

Logprobs = NDArray[np.float32]
Given = tuple[torch.Tensor, torch.Tensor]
"""What the network sees of a graph."""


class GraphSAGE(nn.Module):
    """Classes of nodes by the means over their neighbours."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.input = FeatureLayer(n_features, HIDDEN)
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.output = nn.Linear(HIDDEN, n_classes)

    def forward(self, x: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
        """Logits, float (nodes, n_classes), of what `given_by` gives."""
        hidden = functional.relu(mean.matmul(self.input(x)) + self.bias)
        return self.output(mean.matmul(hidden))

    def classify(self, given: Given) -> Logprobs:
        """Of all nodes of a graph, float32 (nodes, n_classes), natural logarithms."""
        with torch.no_grad():
            return self(*given).log_softmax(1).numpy()


def given_by(graph: Graph) -> Given:
    """Features, and the matrix that takes the mean over a node and its neighbours."""
    n = len(graph.labels)
    ends = Propagation(graph.edges, n, dtype=torch.float32, device=torch.device("cpu")).ends
    weights = 1 / torch.bincount(ends[0], minlength=n)[ends[0]].float()
    mean = torch.sparse_coo_tensor(ends, weights, (n, n), check_invariants=False, is_coalesced=True)
    return sparse_if_few(scaled(torch.from_numpy(graph.features))), mean


def taught_sage(
    graph: Graph, train: NDArray[np.int64], *, seed: int, evaluate: Callable[[GraphSAGE], None]
) -> GraphSAGE:
    """A network after its last step.

    Args:
        graph: as the training sees it.
        train: int64 (n,), nodes whose labels are known.
        seed: of the weights.
        evaluate: called ten times.
    """
    torch.manual_seed(seed)
    model = GraphSAGE(graph.features.shape[1], int(graph.labels.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    given = given_by(graph)
    nodes, labels = torch.from_numpy(train), torch.from_numpy(graph.labels[train])
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        functional.cross_entropy(model(*given)[nodes], labels).backward()
        optimizer.step()
        if step % (STEPS // 10) == 0:
            evaluate(model)
    return model
