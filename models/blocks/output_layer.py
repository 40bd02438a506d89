"""Which linear layers are outputs: `OutputLayer`, and `output_weights` of any network."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class OutputLayer(nn.Linear):
    """A linear layer that gives what its network says (logits, a picture, codes), no hidden state.

    An optimiser may treat it in another way than the layers between hidden states.
    """


def output_weights(network: nn.Module) -> list[torch.Tensor]:
    """The weights of what a network, or a part of it, declares as its outputs.

    That is by an `OutputLayer`; by `get_output_embeddings()`, as models of transformers do; or as a
    linear layer does whose weight is that of an `Embedding`, too.
    """
    tables = {id(each.weight) for each in network.modules() if isinstance(each, nn.Embedding)}
    found: list[torch.Tensor] = []
    for each in network.modules():
        named = getattr(each, "get_output_embeddings", lambda: None)()
        tied = isinstance(each, nn.Linear) and id(each.weight) in tables
        outputs: Any = each if tied or isinstance(each, OutputLayer) else named
        if outputs is not None:
            found.append(outputs.weight)
    return found
