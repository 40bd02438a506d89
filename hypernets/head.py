"""The head of a model: what its output matrix is given, and whether logits are nothing but that."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_TOLERANCE = 1e-2
"""Of a logit, in nats; half precision rounds so much."""


@contextmanager
def captured_states(model: Any) -> Generator[list[torch.Tensor]]:
    """What the output matrix is given, a tensor (batch, length, width) for each pass inside."""
    found: list[torch.Tensor] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(
        lambda _, inputs: found.append(inputs[0].detach())
    )
    try:
        yield found
    finally:
        hook.remove()


def is_linear(model: Any, starts: tuple[int, ...]) -> bool:
    """Whether logits are the states times the output rows, plus the bias, and nothing else.

    They are not where a model scales or caps them (Cohere, Granite, Gemma 2): rows and biases that
    are made for a linear head would then mean something else.
    """
    import torch

    from tokkit.models.blocks.evaluating import evaluating

    config = model.config.get_text_config(decoder=True)
    if getattr(config, "final_logit_softcapping", None):
        return False  # small logits would hide it
    layer = model.get_output_embeddings()
    with evaluating(model), captured_states(model) as found:
        ids = torch.tensor([[*starts, *range(min(16, layer.weight.shape[0]))]])
        logits = model(ids.to(layer.weight.device)).logits.float()
        bias = getattr(layer, "bias", None)
        plain = torch.nn.functional.linear(found[0], layer.weight, bias).float()
    return bool(torch.allclose(logits, plain, atol=_TOLERANCE, rtol=_TOLERANCE))
