"""The student: a multilayer perceptron over the features of a node, without its graph."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.vqgraph.config import VQGraphConfig
from tokkit.models.vqgraph.feature_layer import FeatureLayer


class GraphStudent(nn.Module):
    """States of nodes, which the teacher's codebook quantises, and classes."""

    def __init__(self, config: VQGraphConfig) -> None:
        super().__init__()
        self.dropout = config.recipe.student_dropout
        self.input = FeatureLayer(config.n_features, config.hidden)
        self.bias = nn.Parameter(torch.zeros(config.hidden))
        self.output = OutputLayer(config.hidden, config.width)
        self.head = OutputLayer(config.width, config.n_classes)

    def states(self, x: torch.Tensor) -> torch.Tensor:
        """Float (nodes, width), of scaled features (nodes, n_features)."""
        hidden = functional.relu(self.input(x, dropout=self.dropout) + self.bias)
        hidden = functional.dropout(hidden, self.dropout, self.training)
        return self.output(hidden)

    def classes(self, states: torch.Tensor) -> torch.Tensor:
        """Logits, float (nodes, n_classes)."""
        return self.head(states)
