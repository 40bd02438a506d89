"""The model that rows are made for, as a function of embeddings, whole or up to an inner layer.

Its weights are frozen; a gradient runs through it to the embeddings alone. To stop at an inner
layer, the pass is broken off by an exception once that layer has answered: no more is computed than
is wanted, whatever the architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch

from tokkit.errors import UnsupportedError


class _Reached(Exception):  # noqa: N818 - not an error
    """The wanted layer has answered."""


class FrozenModel:
    """A causal model without its vocabulary.

    Attributes:
        model: of transformers.
        n_layers: of it.
    """

    def __init__(self, model: Any, *, autocast: bool) -> None:
        """Take a model as it is; its parameters should not want gradients.

        Args:
            model: of transformers.
            autocast: whether its products are in bfloat16.

        Raises:
            UnsupportedError: no list of layers is found in it.
        """
        self.model = model
        self._autocast = autocast
        lists = [
            each
            for each in model.modules()
            if isinstance(each, torch.nn.ModuleList) and len(each) > 0
        ]
        if not lists:
            raise UnsupportedError(
                f"{type(model).__name__} keeps no list of layers; expected a transformer"
            )
        self._layers = cast("Sequence[torch.nn.Module]", max(lists, key=len))
        self.n_layers = len(self._layers)
        self.device: torch.device = model.get_input_embeddings().weight.device

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """The rows of old ids, float32, as its embedding layer gives them."""
        return self.model.get_input_embeddings()(ids.to(self.device)).float()

    def scaled(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows of the input matrix as the embedding layer would give them (Gemma scales them)."""
        scale = getattr(self.model.get_input_embeddings(), "embed_scale", None)
        return rows if scale is None else rows * float(scale)

    def inner_states(self, embeddings: torch.Tensor, layer: int) -> torch.Tensor:
        """float32 (batch, length, width): what comes out of a layer, counted from 1.

        Args:
            embeddings: float (batch, length, width); a gradient runs through to them.
            layer: 1 to `n_layers`.
        """
        found: list[torch.Tensor] = []

        def reached(_: Any, __: Any, output: Any) -> None:
            found.append(output if isinstance(output, torch.Tensor) else output[0])
            raise _Reached

        hook = self._layers[layer - 1].register_forward_hook(reached)
        self._run_up_to(hook, embeddings)
        return found[0].float()

    def both_states(
        self, embeddings: torch.Tensor, layer: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """float32: what comes out of a layer, and what the output matrix is given; no gradient."""
        found: list[torch.Tensor] = []

        def passed(_: Any, __: Any, output: Any) -> None:
            found.append(output if isinstance(output, torch.Tensor) else output[0])

        hook = self._layers[layer - 1].register_forward_hook(passed)
        try:
            with torch.no_grad():
                last = self.last_states(embeddings)
        finally:
            hook.remove()
        return found[0].float(), last

    def last_states(self, embeddings: torch.Tensor) -> torch.Tensor:
        """float32 (batch, length, width): what the output matrix is given."""
        found: list[torch.Tensor] = []
        head = self.model.get_output_embeddings()

        def reached(_: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            found.append(inputs[0])
            raise _Reached

        hook = head.register_forward_pre_hook(reached)
        self._run_up_to(hook, embeddings)
        return found[0].float()

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """float32 (n, n_source) of what `last_states` gives."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._autocast):
            return self.model.get_output_embeddings()(states.to(self.model.dtype)).float()

    def _run_up_to(self, hook: Any, embeddings: torch.Tensor) -> None:
        """Run until the hook, which is taken off again, says that its place is reached."""
        try:
            self._run(embeddings)
        except _Reached:
            pass
        finally:
            hook.remove()

    def _run(self, embeddings: torch.Tensor) -> None:
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._autocast):
            self.model(inputs_embeds=embeddings.to(self.model.dtype), use_cache=False)


def joined(
    starts: torch.Tensor, windows: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of embeddings after those that precede each text, padded with zeros behind their end.

    A causal model does not read what stands behind.

    Args:
        starts: float (n_starts, width).
        windows: float (length, width) each.

    Returns:
        Float (windows, n_starts + longest, width), and bool (windows, longest): what is no padding.
    """
    longest = max(map(len, windows))
    padded = [
        torch.nn.functional.pad(torch.cat([starts, each]), (0, 0, 0, longest - len(each)))
        for each in windows
    ]
    lengths = torch.tensor([len(each) for each in windows], device=starts.device)
    places = torch.arange(longest, device=starts.device)
    return torch.stack(padded), places < lengths[:, None]
