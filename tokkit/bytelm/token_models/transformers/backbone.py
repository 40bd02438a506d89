"""The two halves of a causal model of transformers, as a cache of slots needs them.

The *body* turns ids into hidden states under an explicit mask; the *head* turns chosen hidden
states into log-probabilities. Calling them apart means that logits, which are large (262,144
columns for Gemma 3), are computed only where somebody asks for them.

`SlotLayer` is a cache layer of transformers that keeps every slot, whatever the layer's attention
window, in a buffer that grows by doubling: transformers' own `DynamicLayer` copies the whole cache
at every step, and its sliding layers drop what a branch may still need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import Cache, CacheLayerMixin

from tokkit.bytelm.token_models.protocol import LogProbs
from tokkit.bytelm.token_models.transformers.layers.packed_linear import PackedLinear
from tokkit.bytelm.token_models.transformers.layers.padded_attention import (
    PADDED,
    ROW_BLOCK,
    additive,
    round_up,
)
from tokkit.bytelm.token_models.transformers.result_dtype import empty_results, result_dtype
from tokkit.bytelm.token_models.transformers.sessions.slot_tree import AttentionKind
from tokkit.bytelm.token_models.transformers.trial.length_limits import max_positions, rope_switch
from tokkit.bytelm.token_models.transformers.whole_model import (
    moved_error,
    refuse_nan,
    rows_of,
)
from tokkit.errors import ModelError, UnsupportedError

_KNOWN_KINDS: tuple[AttentionKind, ...] = get_args(AttentionKind)
_HEAD_CHUNK_BYTES = 64 << 20
"""Logits in flight at any time; the caller's result comes on top."""


class SlotLayer(CacheLayerMixin):
    """Keys and values of one layer, `(1, heads, slots, head_dim)`, appended in place."""

    is_sliding = False

    def __init__(self) -> None:
        super().__init__()
        self.length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Allocate the first buffers, of the heads, dtype and device of the states."""
        self.keys = _grown(key_states[:, :, :0], 2 * key_states.shape[2])
        self.values = _grown(value_states[:, :, :0], 2 * value_states.shape[2])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the new slots and return views of all the slots.

        So many free slots follow as complete the new ones to a multiple of `ROW_BLOCK`.
        """
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        n = key_states.shape[2]
        start, end = self.length, self.length + n
        shown = end - n + round_up(n)
        if shown > self.keys.shape[2]:
            self.keys = _grown(self.keys[:, :, :start], 2 * end)
            self.values = _grown(self.values[:, :, :start], 2 * end)
        self.keys[:, :, start:end] = key_states
        self.values[:, :, start:end] = value_states
        self.length = end
        return self.keys[:, :, :shown], self.values[:, :, :shown]

    def keep(self, first: int, slots: torch.Tensor) -> None:
        """Keep the slots before `first` and, moved up behind them, `slots` (int64, ascending)."""
        self.length = first + len(slots)
        if self.is_initialized:  # a layer that shares another's cache never gets any states
            assert self.keys is not None
            assert self.values is not None
            self.keys[:, :, first : self.length] = self.keys.index_select(2, slots)
            self.values[:, :, first : self.length] = self.values.index_select(2, slots)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the keys that a forward pass over `query_length` ids will see."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """Number of slots in use."""
        return self.length

    def get_max_length(self) -> int:
        """-1: no limit."""
        return -1


def _grown(used: torch.Tensor, capacity: int) -> torch.Tensor:
    batch, heads, length, width = used.shape
    grown = used.new_zeros((batch, heads, max(capacity, 256), width))
    grown[:, :, :length] = used
    return grown


def new_cache() -> Any:
    """An empty cache of slots for all the layers of a model."""
    return Cache(layer_class_to_replicate=SlotLayer)


@dataclass(frozen=True)
class LogitScaling:
    """What some models do to the output of the head: `cap * tanh(scale * logits / cap)`."""

    scale: float = 1.0
    cap: float | None = None

    @classmethod
    def of(cls, config: Any) -> LogitScaling:
        """Read from a configuration: Gemma 2's cap, Cohere's factor, Granite's divisor."""
        scale = float(getattr(config, "logit_scale", None) or 1.0)
        scale /= float(getattr(config, "logits_scaling", None) or 1.0)
        cap = getattr(config, "final_logit_softcapping", None)
        return cls(scale, float(cap) if cap else None)

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """Scale logits; returns them unchanged where there is nothing to do."""
        if self.scale != 1.0:
            logits = logits * self.scale
        if self.cap is not None:
            logits = torch.tanh(logits / self.cap) * self.cap
        return logits


class Backbone:
    """A causal model of transformers, split into body and head.

    Attributes:
        name: for messages.
        kinds: the kinds of attention that the layers use, with the width of window or chunk.
        rope_switch: the longest context under the first of two ropes, or None where there is one.
        max_positions: the longest context, or None where the model sets no limit.
        n_logits: columns of the head.
        hidden_size: width of the body's output.
        device, dtype: of the weights.
        moved: whether the model was moved since.
        result_dtype: of hidden states and results (see
            `tokkit.bytelm.token_models.transformers.result_dtype`).
    """

    def __init__(self, model: Any, *, name: str) -> None:
        config = model.config.get_text_config(decoder=True)
        self.name = name
        self._model = model
        self._body = _body(model)
        self._head = model.get_output_embeddings()
        if self._body is model or self._head is None:
            raise ModelError(
                f"{name}: {type(model).__name__} has no separate output head, expected a causal "
                "language model; load it with AutoModelForCausalLM"
            )
        self._pads_itself = (
            isinstance(self._head, PackedLinear) and config._attn_implementation == PADDED
        )
        self._scaling = LogitScaling.of(config)
        self.n_logits = rows_of(self._head)
        # A quantised head may hold its weights in any shape, and takes what the body gives.
        head: Any = self._head
        is_plain: bool = head.weight.is_floating_point()
        self.hidden_size = int(head.weight.shape[1] if is_plain else head.in_features)
        self.moved = False
        self.max_positions = max_positions(config)
        self.kinds = _attention_kinds(config, name)
        self.rope_switch = rope_switch(config)
        self._additive = _wants_additive_mask(config, name)
        # transformers walks all the parameters to answer these two, which shows at every step.
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        self.result_dtype = result_dtype(self.dtype)
        self._on_cpu = self.device.type == "cpu"
        self._head_dtype: torch.dtype = head.weight.dtype if is_plain else self.dtype

    def padding(self, n: int) -> int:
        """How many rows, repetitions of the last, should be added to `n` new ones.

        Without them one to three rows would be summed in another order than more, so that a step
        and a whole text would agree less closely.
        """
        return 0 if self._pads_itself else round_up(n) - n

    def hidden(
        self,
        ids: Sequence[int],
        positions: NDArray[np.int64],
        masks: Mapping[AttentionKind, NDArray[np.bool_]],
        cache: Any,
    ) -> torch.Tensor:
        """Run the body over new slots; to be called under `torch.inference_mode`.

        Args:
            ids: q ids, one a new slot.
            positions: int64 (q,).
            masks: for each kind of attention, bool (q, keys), True where a new slot may look;
                `keys` are as many as `SlotLayer.update` shows.
            cache: from `new_cache`; the new slots are appended to it.

        Returns:
            float (q, hidden_size), in `result_dtype`.

        Raises:
            ModelError: the forward pass failed.
        """
        if self.moved:
            raise moved_error(self.name)
        prepared: dict[str, torch.Tensor] = {k: self._mask(m) for k, m in masks.items()}
        mask: Any = prepared if len(prepared) > 1 else next(iter(prepared.values()))
        try:
            output = self._body(
                input_ids=self._tensor(np.array([ids], dtype=np.int64)),
                attention_mask=mask,
                position_ids=self._tensor(positions[None]),
                past_key_values=cache,
                use_cache=True,
            )
        except Exception as error:  # a model's own code may raise anything
            raise ModelError(
                f"{self.name}: the forward pass over {len(ids)} tokens failed "
                f"({type(error).__name__}: {error}); if memory ran out, lower max_batch_tokens"
            ) from error
        return _as_type(output.last_hidden_state[0], self.result_dtype)

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        """Without a copy where there need be none: `to` costs as much as the rest even then."""
        tensor = torch.from_numpy(array)
        return tensor if self._on_cpu else tensor.to(self.device)

    def _mask(self, allowed: NDArray[np.bool_]) -> torch.Tensor:
        if self._pads_itself:
            return additive(allowed)
        mask = self._tensor(allowed[None, None])
        if not self._additive:
            return mask
        dtype = self.dtype
        blocked = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=self.device)
        return torch.where(mask, blocked.new_zeros(()), blocked)

    def logprobs(self, hidden: torch.Tensor, n_columns: int) -> LogProbs:
        """Next-token log-probabilities in nats from hidden states.

        The softmax runs over all the columns of the head, padding included, and is then cut to
        the first `n_columns`.

        Args:
            hidden: float (n, hidden_size).
            n_columns: columns to return.

        Returns:
            float (n, n_columns), in `result_dtype`.

        Raises:
            ModelError: a row is not a distribution (NaN or +inf among the logits).
        """
        out = self._in_chunks(hidden, n_columns, normalise=True)
        refuse_nan(self.name, out)
        return out

    def logits(self, hidden: torch.Tensor, n_columns: int) -> LogProbs:
        """What `logprobs` normalises, unchecked: float (n, n_columns)."""
        return self._in_chunks(hidden, n_columns, normalise=False)

    def _in_chunks(self, hidden: torch.Tensor, n_columns: int, *, normalise: bool) -> LogProbs:
        n = hidden.shape[0]
        row_bytes = self.result_dtype.itemsize * self.n_logits
        step = max(1, _HEAD_CHUNK_BYTES // (row_bytes * ROW_BLOCK)) * ROW_BLOCK
        if n <= step:  # one node a step is the common case; a copy of its row would show
            return self._scores(hidden, normalise=normalise)[:n, :n_columns]
        out = empty_results((n, n_columns), self.dtype)
        for start in range(0, n, step):
            part = hidden[start : start + step]
            scores = self._scores(part, normalise=normalise)
            out[start : start + step] = scores[: len(part), :n_columns]
        return out

    def _scores(self, hidden: torch.Tensor, *, normalise: bool) -> LogProbs:
        """Float (at least n, n_logits); what follows the first n rows is padding."""
        n = hidden.shape[0]
        n_padding = self.padding(n)
        if n_padding:
            hidden = torch.cat([hidden, hidden[-1:].expand(n_padding, -1)])
        logits = self._head(_as_type(hidden, self._head_dtype))
        logits = self._scaling(_as_type(logits, self.result_dtype))
        if normalise:
            logits = torch.log_softmax(logits[:n], dim=-1)
        return (logits if self._on_cpu else logits.cpu()).numpy()


def _body(model: Any) -> Any:
    """What stands before the head: `base_model`, where a model names it (Llama 4 does not)."""
    body = model.base_model
    return getattr(model, "model", model) if body is model else body


def _as_type(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """As `tensor.to(dtype)`, which takes its time even where there is nothing to do."""
    return tensor if tensor.dtype == dtype else tensor.to(dtype)


def _attention_kinds(config: Any, name: str) -> dict[AttentionKind, int | None]:
    """The kinds of attention among the layers, each with the width of its window or chunk."""
    widths: dict[AttentionKind, Any] = {
        "sliding_attention": getattr(config, "sliding_window", None),
        "chunked_attention": getattr(config, "attention_chunk_size", None),
    }
    if getattr(config, "use_sliding_window", True) is False:
        widths["sliding_attention"] = None
    declared = getattr(config, "layer_types", None)
    if declared is None:
        bounded: list[str] = [kind for kind, width in widths.items() if width]
        declared = bounded or ["full_attention"]
    unknown = sorted(set(declared) - set(_KNOWN_KINDS))
    if unknown:
        raise UnsupportedError(
            f"{name}: layers of type {', '.join(unknown)} cannot share a cache between branches; "
            "expected a model with full, sliding-window or chunked attention only"
        )
    used: dict[AttentionKind, Any] = {
        kind: widths.get(kind) for kind in _KNOWN_KINDS if kind in declared
    }
    for kind, width in used.items():
        if kind != "full_attention" and not width:
            raise ModelError(f"{name}: the configuration has {kind} layers but no width of it")
    return {kind: int(width) if width else None for kind, width in used.items()}


def _wants_additive_mask(config: Any, name: str) -> bool:
    """Eager attention adds its mask to the scores; sdpa takes booleans."""
    implementation = getattr(config, "_attn_implementation", None) or "eager"
    if implementation not in ("sdpa", PADDED, "eager"):
        raise UnsupportedError(
            f"{name}: attention {implementation!r} takes no arbitrary mask; "
            "load the model with attn_implementation='sdpa' (or 'eager')"
        )
    return implementation == "eager"
