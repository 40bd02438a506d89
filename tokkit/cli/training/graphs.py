"""`tokkit train vqgraph`: a tokenizer of the nodes of a graph, trained and told about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tokkit.cli.training.signals import OF_TEXT, SignalTraining, train_signals
from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from tokkit.models import LabelledGraph, VQGraph

VQGRAPH = "vqgraph"
_STUDENT_STEPS = 200
"""After those of the teacher, where no budget is given."""


def train_vqgraph(inputs: Sequence[str], ask: SignalTraining) -> int:
    """Train a tokenizer of nodes, and tell how it went.

    Args:
        inputs: one npz of a graph.
        ask: how.

    Returns:
        The exit code.
    """
    from tokkit.models.text_models.building import read_settings
    from tokkit.models.vqgraph.fitting import config_for
    from tokkit.models.vqgraph.graph_files import read_labelled_graph
    from tokkit.models.vqgraph.learning import training_options
    from tokkit.models.vqgraph.training_story import STORY

    ask.asked.refuse("of models of text", (*OF_TEXT, "bf16"))
    if len(inputs) != 1:
        raise ArgumentError(f"vqgraph learns from one npz of a graph, got {len(inputs)}")
    settings = read_settings(ask.asked.settings or ())
    recipe = config_for(1, 1, settings=settings).recipe  # a wrong setting is told before the work
    options = training_options(
        rate=ask.rate, **ask.budget(steps=recipe.teacher_steps + _STUDENT_STEPS)
    )

    def read() -> tuple[LabelledGraph, VQGraph]:
        import torch

        from tokkit.models import VQGraph

        graph = read_labelled_graph(inputs[0], held_out=ask.held_out, seed=ask.seed)
        n_classes = int(graph.known.max()) + 1
        config = config_for(graph.features.shape[1], n_classes, settings=settings)
        torch.manual_seed(ask.seed)
        return graph, VQGraph(config)

    return train_signals(ask, options, STORY, read)
