"""What a teacher learns from one graph, and then its student from both.

The teacher learns the labels that are known, from its states and from its codes; that views of the
graph with features and nodes dropped agree on the classes of all nodes ("Graph Random Neural
Networks", Feng et al., 2020, equation 6); and to decode features and edges from codes (VQGraph,
equation 4, on samples). Nothing that reads codes moves the states but the commitment.

The student learns the labels that are known, the teacher's distribution over classes ("Graph-less
Neural Networks", Zhang et al., ICLR 2022), and its distribution over codes (VQGraph, equation 7:
soft code assignment), on all nodes. Both are Kullback-Leibler divergences, and zero exactly where
student and teacher agree. The published code gives the latter a factor of 1e-8; here it is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from tokkit.models.training.options import TrainingOptions
from tokkit.models.vqgraph.propagation import Propagation
from tokkit.models.vqgraph.teacher import GraphTeacher, directions
from tokkit.quantize.quantizer import Quantized


def training_options(*, rate: float | None = None, **options: Any) -> TrainingOptions:
    """Options of a training that suit it.

    Args:
        rate: learning rate at its peak; None: 0.01.
        **options: further fields of `TrainingOptions`, such as its budget.

    Raises:
        ArgumentError: an option out of its range.
    """
    known: dict[str, Any] = {
        "learning_rate": 0.01 if rate is None else rate,
        "clip_norm": None,
    }
    return TrainingOptions(**{**known, **options})


def divergence(target: torch.Tensor, logprobs: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence, nats, of distributions from targets.

    Args:
        target: float (n, k), log-probabilities, which get no gradient.
        logprobs: float (n, k).
    """
    return functional.kl_div(logprobs, target.detach(), reduction="batchmean", log_target=True)


def disagreement(logprobs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Mean squared distance of views to their mean, sharpened by the square of its probabilities.

    Args:
        logprobs: float (nodes, n_classes) of each view.
    """
    views = [each.exp() for each in logprobs]
    squares = (sum(views[1:], views[0]) / len(views)).detach().square()
    target = squares / squares.sum(1, keepdim=True)
    return torch.stack([(view - target).square().sum(1).mean() for view in views]).mean()


def decoding_loss(
    teacher: GraphTeacher, codes: torch.Tensor, x: torch.Tensor, graph: Propagation
) -> torch.Tensor:
    """Of features and edges that are decoded from codes, on a sample.

    Features by their angle, edges against as many pairs of random nodes.

    Args:
        teacher: has the decoders.
        codes: float (nodes, width), what codes stand for.
        x: float (nodes, n_features), sparse or dense.
        graph: of the same nodes.
    """
    recipe, loss = teacher.config.recipe, codes.new_zeros(())
    if recipe.features:
        nodes = torch.randint(len(codes), (recipe.sample,)).to(codes.device)
        rows = x.index_select(0, nodes)
        rows = rows.to_dense() if rows.is_sparse else rows
        decoded = teacher.feature_decoder(codes[nodes])
        loss = loss + recipe.features * (1 - functional.cosine_similarity(decoded, rows)).mean()
    if recipe.edges:
        ends = graph.ends
        places = torch.randint(ends.shape[1], (recipe.sample,)).to(codes.device)
        others = torch.randint(len(codes), (2, recipe.sample)).to(codes.device)
        pairs = torch.cat([ends[:, places], others], 1)
        decoded = teacher.edge_decoder(codes)
        logits = (decoded[pairs[0]] * decoded[pairs[1]]).sum(1)
        are_edges = torch.arange(2 * recipe.sample, device=codes.device) < recipe.sample
        loss = loss + recipe.edges * functional.binary_cross_entropy_with_logits(
            logits, are_edges.to(logits.dtype)
        )
    return loss


def teacher_loss(
    teacher: GraphTeacher,
    x: torch.Tensor,
    graph: Propagation,
    nodes: torch.Tensor,
    labels: torch.Tensor,
) -> torch.Tensor:
    """Of one step.

    Args:
        teacher: in its training mode; its codes move.
        x: float (nodes, n_features), scaled.
        graph: of the same nodes.
        nodes: int64 (n,), those whose labels are known.
        labels: int64 (n,).
    """
    recipe = teacher.config.recipe
    states = [teacher.states(x, graph) for _ in range(recipe.views)]
    logprobs = [teacher.classes(each).log_softmax(1) for each in states]
    terms = [functional.nll_loss(each[nodes], labels) for each in logprobs]
    loss = torch.stack(terms).mean() + recipe.consistency * disagreement(logprobs)
    found: Quantized = teacher.quantizer(directions(states[0]))
    codes = found.values.detach()
    of_codes = teacher.code_head(codes).log_softmax(1)
    loss = loss + found.loss + functional.nll_loss(of_codes[nodes], labels)
    loss = loss + divergence(logprobs[0], of_codes)
    return loss + decoding_loss(teacher, codes, x, graph)


def half_squares(parameters: Sequence[torch.Tensor]) -> torch.Tensor:
    """Half the squared size of weights; biases, of one dimension, are left out."""
    return torch.stack([each.square().sum() / 2 for each in parameters if each.ndim > 1]).sum()
