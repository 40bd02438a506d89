"""A causal model of transformers as it is: plain passes, alone or continuing its own cache.

`WholeModel` knows nothing of how the model works inside. It is what every other way to evaluate a
model is measured against, and what `StateSession` and `PassSession` run.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch

from tokkit.bytelm.token_models.protocol import LogProbs
from tokkit.bytelm.token_models.transformers.result_dtype import result_dtype
from tokkit.bytelm.token_models.transformers.trial.length_limits import max_positions
from tokkit.errors import ModelError, UnsupportedError

_STATES = ("past_key_values", "cache_params", "state")
"""Under which of these names a model takes, and returns, what it keeps of the text so far."""


class WholeModel:
    """A model with its head, for plain passes over one context at a time.

    Attributes:
        name: for messages.
        config: of the text model.
        device, dtype: of the weights, and where ids are put.
        is_spread: whether its layers are on several devices, or wait elsewhere for their turn.
        moved: whether it was moved since: what it was asked before then fits it no more.
        n_logits: columns of the output.
        n_embeddings: ids that the model can read.
        max_positions: the longest context, or None where the model sets no limit.
        is_recurrent: whether it folds text into states from which it cannot go back.
    """

    def __init__(self, model: Any, *, name: str) -> None:
        """Wrap a model that is in evaluation mode.

        Raises:
            ModelError: it has no output over a vocabulary.
        """
        self.name = name
        self.model = model
        self.config: Any = model.config.get_text_config(decoder=True)
        places: dict[str, Any] = getattr(model, "hf_device_map", None) or {}
        self.is_spread = len(set(places.values())) > 1
        # Weights that wait elsewhere are on the device "meta"; hooks put the ids where they belong.
        its = model.device
        self.device: torch.device = torch.device("cpu") if its.type == "meta" else its
        self.moved = False
        self.dtype: torch.dtype = model.dtype
        self.max_positions = max_positions(self.config)
        self.is_recurrent = bool(getattr(model, "_is_stateful", False))
        self.n_logits, self.n_embeddings = self._columns()
        model_class: Any = cast(Any, type(model))
        parameters = inspect.signature(model_class.forward).parameters
        self._state_name = next((name for name in _STATES if name in parameters), None)
        self._only_last = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}

    def _columns(self) -> tuple[int, int]:
        sizes: list[int] = []
        for get in (self.model.get_output_embeddings, self.model.get_input_embeddings):
            try:
                sizes.append(rows_of(get()))
            except (AttributeError, NotImplementedError, TypeError):
                sizes.append(int(getattr(self.config, "vocab_size", 0) or 0))
        if not all(sizes):
            raise ModelError(
                f"{self.name}: {type(self.model).__name__} has no vocabulary, expected a causal "
                "language model; load it with AutoModelForCausalLM"
            )
        return sizes[0], sizes[1]

    def logits(self, ids: Sequence[int]) -> LogProbs:
        """A plain pass without a cache: float (len(ids), n_logits), as `result_dtype` says.

        Raises:
            ModelError: the pass failed.
            UnsupportedError: the output has no row for each id.
        """
        logits, _ = self._run(ids, {"use_cache": False})
        if logits.shape[0] != len(ids):
            raise UnsupportedError(
                f"{self.name}: {type(self.model).__name__} gives {logits.shape[0]} rows for "
                f"{len(ids)} tokens, expected one for each; it is no causal language model"
            )
        return logits

    def last_logits(self, ids: Sequence[int]) -> LogProbs:
        """The last row of a plain pass without a cache: float (n_logits,)."""
        return self._run(ids, {"use_cache": False, **self._only_last})[0][-1]

    def advance(self, ids: Sequence[int], state: Any) -> tuple[LogProbs, Any]:
        """Read ids after a state.

        Args:
            ids: at least one.
            state: from another call, and used up by this one; None for the beginning.

        Returns:
            float (n_logits,), what the model says after the last id, and the state there.

        Raises:
            ModelError: the pass failed.
            UnsupportedError: the model gives no state.
        """
        options: dict[str, Any] = {"use_cache": True, **self._only_last}
        if state is not None:
            options[str(self._state_name)] = state
        logits, output = self._run(ids, options)
        state = getattr(output, str(self._state_name), None)
        if state is None:
            raise UnsupportedError(f"{self.name}: {type(self.model).__name__} gives no state")
        return logits[-1], state

    def _run(self, ids: Sequence[int], options: dict[str, Any]) -> tuple[LogProbs, Any]:
        if self.moved:
            raise moved_error(self.name)
        try:
            with torch.inference_mode():
                output = self.model(
                    input_ids=torch.tensor([list(ids)], dtype=torch.int64, device=self.device),
                    **options,
                )
                scores = getattr(output, "logits", None)
                dtype = result_dtype(self.dtype)
                logits = None if scores is None else scores[0].to(dtype).cpu().numpy()
        except Exception as error:  # a model's own code may raise anything
            raise ModelError(
                f"{self.name}: a plain pass over {len(ids)} tokens failed "
                f"({type(error).__name__}: {' '.join(str(error).split())[:300]})"
            ) from error
        if logits is None:
            raise ModelError(
                f"{self.name}: {type(self.model).__name__} gives no logits, expected a causal "
                "language model; load it with AutoModelForCausalLM"
            )
        return logits, output


def rows_of(layer: Any) -> int:
    """Ids that an embedding or a head knows; the weight of a quantised one need have no such shape.

    Raises:
        AttributeError, TypeError: it does not say.
    """
    weight = layer.weight
    if weight.ndim == 2 and weight.is_floating_point():
        return int(weight.shape[0])
    return int(getattr(layer, "out_features", None) or layer.num_embeddings)


def moved_error(name: str) -> ModelError:
    """The error of a state from before a model was moved."""
    return ModelError(
        f"{name}: the model was moved or converted after this state was opened, and what the state "
        "holds is of the model as it was; open the text again"
    )


def refuse_nan(name: str, rows: LogProbs) -> None:
    """Refuse rows of log-probabilities that are no distributions; float (..., n), n at least 1.

    Raises:
        ModelError: a row is NaN; one NaN or +inf among the logits makes all of it so.
    """
    if np.isnan(rows[..., 0]).any():
        raise ModelError(
            f"{name}: the model returned NaN or infinite logits; "
            "try dtype='float32', or check that its weights are complete"
        )


def copied(state: Any) -> Any:
    """A state that shares nothing with the original."""
    with torch.inference_mode():
        return copy.deepcopy(state)


def normalised(logits: LogProbs) -> LogProbs:
    """Log-softmax over the last axis, nats, in the same dtype."""
    with torch.inference_mode():
        return torch.log_softmax(torch.from_numpy(logits), dim=-1).numpy()
