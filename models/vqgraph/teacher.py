"""The teacher: a network that looks at a node's surroundings, and the codebook of what it sees.

The surroundings are those of `propagation`. Of the paper (section 3.1) are the codebook, and the
decoders that give back features and edges from codes; edges are decoded from samples of pairs, so
that nothing of nodes x nodes is built. Vectors have length 1 when they are quantised. Classes are
read from the vectors and, by a layer of its own, from the codes alone.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.vqgraph.config import VQGraphConfig
from tokkit.models.vqgraph.feature_layer import FeatureLayer
from tokkit.models.vqgraph.propagation import Propagation
from tokkit.quantize.vector import VectorQuantizer

_DECAY = 0.9
"""Of the codes at each step; a step sees all nodes, so a few of them are enough."""


class GraphTeacher(nn.Module):
    """Vectors, codes and classes of nodes by their surroundings."""

    def __init__(self, config: VQGraphConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.input = FeatureLayer(config.n_features, width)
        self.bias = nn.Parameter(torch.zeros(width))
        self.head = OutputLayer(width, config.n_classes)
        self.quantizer = VectorQuantizer(
            width, config.n_codes, decay=_DECAY, commitment=config.recipe.commitment
        )
        self.code_head = OutputLayer(width, config.n_classes)
        self.feature_decoder = OutputLayer(width, config.n_features)
        self.edge_decoder = OutputLayer(width, width)

    def states(self, x: torch.Tensor, graph: Propagation) -> torch.Tensor:
        """What is seen around each node.

        Args:
            x: float (nodes, n_features), scaled.
            graph: of the same nodes.

        Returns:
            float (nodes, width), 0 or more. In training, a random view: features are dropped, and
            all features of some nodes.
        """
        recipe = self.config.recipe
        own = self.input(x, dropout=recipe.dropout)
        if self.training and recipe.node_dropout:
            kept = functional.dropout(own.new_ones(len(own), 1), recipe.node_dropout)
            own = own * kept
        return functional.relu(graph.spread(own, self.config.hops) + self.bias)

    def classes(self, states: torch.Tensor) -> torch.Tensor:
        """Logits, float (nodes, n_classes)."""
        return self.head(functional.dropout(states, self.config.recipe.dropout, self.training))


def directions(states: torch.Tensor) -> torch.Tensor:
    """What is quantised: states, float (nodes, width), at length 1; those that are 0 stay so."""
    return functional.normalize(states, dim=-1)
