"""What begins to matter in a model only beyond some length: windows, chunks, another rope.

A comparison over a few tokens sees none of it, and one over thousands would take longer than
loading. So the limits are narrowed for the comparison: set to a few tokens in the configuration and
wherever a layer holds a copy. Whether that had an effect shows in the model's own plain pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tokkit.errors import ModelError

NARROW_WINDOW = 4
NARROW_SWITCH = 8

_WINDOWS = (
    "sliding_window",
    "sliding_window_size",
    "attention_chunk_size",
    "attention_window_size",
    "local_attention",
    "window_size",
    "floor_scale",
)
_POSITIONS = (
    "max_position_embeddings",
    "n_positions",
    "max_target_positions",
    "model_max_length",
)
_CHOICES = (
    "index_topk",
    "index_topk_blocks",
    "indexer_budget",
    "compress_rates",
    "keep_window_size",
)
"""Models with one of these attend to the keys that score best, or to summaries of some."""

_EXPERTS = (
    "num_experts",
    "num_local_experts",
    "n_routed_experts",
    "moe_num_experts",
    "num_routed_experts",
)

_ORIGINAL = "original_max_position_embeddings"


def max_positions(config: Any) -> int | None:
    """The longest context; negative numbers and zero mean that there is no limit."""
    for name in _POSITIONS:
        limit = getattr(config, name, None)
        if isinstance(limit, int) and limit > 0:
            return limit
    return None


def check_length(name: str, length: int, limit: int | None) -> None:
    """Refuse a context of so many tokens, BOS included, where a model has fewer positions.

    Raises:
        ModelError: it is longer than `limit`.
    """
    if limit is not None and length > limit:
        raise ModelError(
            f"{name}: a context of {length} tokens (BOS included) is longer than the model's "
            f"{limit} positions; shorten the prompt, or split the text"
        )


@dataclass(frozen=True)
class Limit:
    """A number of tokens, and its name in the configuration."""

    name: str
    value: int

    @property
    def narrow(self) -> int:
        """A few tokens, and not what it is already."""
        few = NARROW_SWITCH if self.name == _ORIGINAL else NARROW_WINDOW
        return few if self.value != few else few - 1


def find_limits(config: Any) -> list[Limit]:
    """The windows and the switch of a configuration that its layers may use."""
    limits: list[Limit] = []
    for name in _WINDOWS:
        value = getattr(config, name, None)
        if type(value) is int and value > 0 and not (name == "sliding_window" and _unused(config)):
            limits.append(Limit(name, value))
    switch = rope_switch(config)
    if switch is not None:
        limits.append(Limit(_ORIGINAL, switch))
    return limits


def choice_of_keys(config: Any) -> str | None:
    """The name of the field that says how many keys a model chooses to attend to, if it does.

    Among equal scores the choice depends on how many keys there are, so that only a plain pass over
    a whole context chooses what a plain pass chooses.
    """
    return next((name for name in _CHOICES if getattr(config, name, None)), None)


def choice_of_experts(config: Any) -> str | None:
    """The name of the field that says among how many experts a model chooses, if it does.

    Some configurations keep it in a part of their own.
    """
    parts: list[Any] = [config, *vars(config).values()]
    for part in parts:
        for name in _EXPERTS if part is config or hasattr(part, "to_dict") else ():
            value = getattr(part, name, None)
            if isinstance(value, int) and value > 1:
                return name
    return None


def choice_by_chance(config: Any) -> str | None:
    """The name of the seed that hashing attention (Reformer) lacks, if it does."""
    hashes = "lsh" in (getattr(config, "attn_layers", None) or ())
    return "hash_seed" if hashes and getattr(config, "hash_seed", None) is None else None


def _unused(config: Any) -> bool:
    """Whether a configuration names a sliding window, and no layer has it."""
    kinds = getattr(config, "layer_types", None)
    declared = kinds is not None and not any("sliding" in kind for kind in kinds)
    return declared or getattr(config, "use_sliding_window", True) is False


def rope_switch(config: Any) -> int | None:
    """The longest text, in tokens, under the first of two ropes; None where there is one rope."""
    switches = {int(rope[_ORIGINAL]) for rope in _switching(config)}
    limit = max_positions(config)
    if not switches or (limit and min(switches) >= limit):
        return None
    return min(switches)


def _switching(config: Any) -> Iterator[dict[str, Any]]:
    """The parts of a configuration that describe a rope with two sets of frequencies."""
    parameters: Any = getattr(config, "rope_parameters", None) or {}
    for rope in (parameters, *parameters.values()):
        if isinstance(rope, Mapping) and rope.get("rope_type") == "longrope" and _ORIGINAL in rope:
            yield rope  # pyright: ignore[reportReturnType]


@contextlib.contextmanager
def narrowed(model: Any, limit: Limit) -> Generator[None]:
    """Set one limit to a few tokens, throughout a model; restored after."""
    undo: list[tuple[Any, Any]] = []
    try:
        for config in _configs(model):
            if limit.name == _ORIGINAL:
                for rope in _switching(config):
                    undo.append((rope, rope[_ORIGINAL]))
                    rope[_ORIGINAL] = limit.narrow
            elif getattr(config, limit.name, None) == limit.value:
                undo.append((config, limit.value))
                setattr(config, limit.name, limit.narrow)
        for module in model.modules():
            if getattr(module, limit.name, None) == limit.value:
                undo.append((module, limit.value))
                setattr(module, limit.name, limit.narrow)
        yield
    finally:
        for holder, value in reversed(undo):
            if isinstance(holder, Mapping):
                holder[_ORIGINAL] = value  # pyright: ignore[reportIndexIssue]
            else:
                setattr(holder, limit.name, value)


def _configs(model: Any) -> list[Any]:
    """Every configuration object that a module holds, once."""
    found: dict[int, Any] = {}
    for module in model.modules():
        config = getattr(module, "config", None)
        if config is not None and hasattr(config, "to_dict"):
            found[id(config)] = config
    text = model.config.get_text_config(decoder=True)
    found[id(text)] = text
    return list(found.values())
