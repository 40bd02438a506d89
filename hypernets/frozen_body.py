"""A causal model between the two matrices of its vocabulary, frozen: embeddings in, states out.

Teacher and student share it: what goes in is made of old or of new rows, and what comes out, whole
or after an inner layer, is multiplied with old or with new output rows. A gradient runs through it
to the embeddings alone. A pass is broken off by an exception once its place has answered: no more
is computed than is wanted, and what a model does with its logits (Granite divides them, Gemma 2
caps them) is no part of it, whatever the architecture.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tokkit.errors import UnsupportedError

if TYPE_CHECKING:
    import torch


class _Reached(Exception):  # noqa: N818 - not an error
    """The wanted place has answered."""


class FrozenBody:
    """A causal model without its vocabulary.

    Attributes:
        device: of its weights.
        dtype: of its weights.
        width: of its input rows.
    """

    def __init__(
        self, model: Any, *, dtype: torch.dtype | None = None, autocast: bool = False
    ) -> None:
        """Take a model's numbers; the model stays as it is, in its mode and with its gradients.

        Args:
            model: of transformers.
            dtype: in which the layers compute; by default the model's, and then its numbers are
                shared.
            autocast: whether its products are in bfloat16 all the same.
        """
        self._model = _twin(model, dtype)
        self._autocast = autocast
        # Beside the model's own: rows of other ids go through it, none of which is padding.
        self._embedding = copy.deepcopy(
            self._model.get_input_embeddings(), _shared(self._model, None)
        )
        self._embedding.padding_idx = None
        rows = self._embedding.weight
        self.device: torch.device = rows.device
        self.dtype: torch.dtype = rows.dtype
        self.width = int(rows.shape[1])

    @cached_property
    def layers(self) -> torch.nn.ModuleList:
        """In order.

        Raises:
            UnsupportedError: the model keeps no list of as many layers as its config tells.
        """
        import torch

        n_layers: int = self._model.config.get_text_config().num_hidden_layers
        for each in self._model.modules():  # from the outside in: experts are lists, too
            if isinstance(each, torch.nn.ModuleList) and len(each) == n_layers:
                return each
        raise UnsupportedError(
            f"{type(self._model).__name__} keeps no list of its {n_layers} layers; "
            "expected a transformer"
        )

    def old_inputs(self, ids: torch.Tensor) -> torch.Tensor:
        """What the layers read for old ids, any shape: (…, width)."""
        return self._embedding(ids.to(self.device))

    def inputs(self, rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The same for rows (n, width) that are picked by their places, as the model scales them.

        A gradient runs through to the rows.
        """
        from torch.func import functional_call

        return functional_call(self._embedding, {"weight": rows.to(self.dtype)}, (places,))

    def states(self, inputs: torch.Tensor, **options: Any) -> torch.Tensor:
        """float32 (batch, length, width): what the output matrix is given.

        Padding stands at the end, where a causal model never looks back at it.

        Args:
            inputs: (batch, length, width), of `old_inputs` or `inputs`.
            **options: for the model's forward pass, such as `attention_mask`.
        """
        found: list[torch.Tensor] = []

        def reached(_: Any, given: tuple[torch.Tensor, ...]) -> None:
            found.append(given[0])
            raise _Reached

        hook = self._model.get_output_embeddings().register_forward_pre_hook(reached)
        self._run_up_to(hook, inputs, options)
        return found[0].float()

    def inner_states(self, inputs: torch.Tensor, layer: int) -> torch.Tensor:
        """float32 (batch, length, width): what comes out of a layer, counted from 1.

        Args:
            inputs: as for `states`.
            layer: 1 to `len(layers)`.
        """
        found: list[torch.Tensor] = []

        def reached(_: Any, __: Any, output: Any) -> None:
            found.append(_first(output))
            raise _Reached

        self._run_up_to(self.layers[layer - 1].register_forward_hook(reached), inputs, {})
        return found[0].float()

    def both_states(self, inputs: torch.Tensor, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """float32: what `inner_states` and `states` give, in one pass and without a gradient."""
        import torch

        found: list[torch.Tensor] = []

        def passed(_: Any, __: Any, output: Any) -> None:
            found.append(_first(output))

        hook = self.layers[layer - 1].register_forward_hook(passed)
        try:
            with torch.no_grad():
                last = self.states(inputs)
        finally:
            hook.remove()
        return found[0].float(), last

    def products(self, states: torch.Tensor) -> torch.Tensor:
        """float32 (n, n_source): the old output matrix times what `states` gives.

        They are the logits where the head is linear (`tokkit.hypernets.head`).
        """
        import torch

        head = self._model.get_output_embeddings()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._autocast):
            return head(states.to(head.weight.dtype)).float()

    def _run_up_to(self, hook: Any, inputs: torch.Tensor, options: dict[str, Any]) -> None:
        """Run until the hook, which is taken off again, says that its place is reached."""
        import torch

        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._autocast):
            try:
                self._model(inputs_embeds=inputs.to(self.dtype), use_cache=False, **options)
            except _Reached:
                pass
            finally:
                hook.remove()


def _first(output: Any) -> torch.Tensor:
    """The hidden states that a layer gives, alone or before others."""
    import torch

    return output if isinstance(output, torch.Tensor) else output[0]


def _twin(model: Any, dtype: torch.dtype | None) -> Any:
    """A model with the same numbers, or those of another type, none of which wants a gradient."""
    return copy.deepcopy(model, _shared(model, dtype)).requires_grad_(False).eval()


def _shared(model: Any, dtype: torch.dtype | None) -> dict[int, Any]:
    """Of each parameter what stands for it in a copy: the memory of `deepcopy`."""
    import torch

    head = model.get_output_embeddings().weight
    kept = [] if head is model.get_input_embeddings().weight else [head]

    def made(each: torch.Tensor) -> torch.Tensor:
        keep = dtype is None or any(each is other for other in kept)
        return each.detach() if keep else each.detach().to(dtype)

    return {id(p): torch.nn.Parameter(made(p), requires_grad=False) for p in model.parameters()}
