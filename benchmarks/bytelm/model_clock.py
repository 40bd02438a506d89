"""How much of a measurement is the model's own."""

from __future__ import annotations

from time import process_time
from typing import Any


class ModelClock:
    """CPU time and tokens in a model's body and head, by hooks on the two modules."""

    def __init__(self, model: Any) -> None:
        self.seconds = 0.0
        self.n_passes = 0
        self.n_tokens = 0
        self._began = 0.0
        body, head = model.get_decoder(), model.get_output_embeddings()
        for module in (body, head):
            module.register_forward_pre_hook(self._enter)
            module.register_forward_hook(self._leave)
        body.register_forward_pre_hook(self._count, with_kwargs=True)

    def reset(self) -> None:
        """Start from zero."""
        self.seconds, self.n_passes, self.n_tokens = 0.0, 0, 0

    def _count(self, _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs.get("input_ids")
        self.n_passes += 1
        self.n_tokens += (args[0] if ids is None else ids).numel()

    def _enter(self, *_: Any) -> None:
        self._began = process_time()

    def _leave(self, *_: Any) -> None:
        self.seconds += process_time() - self._began
