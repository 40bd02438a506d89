"""Tiny causal models with random weights, and a tokenizer that is only its vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

VOCAB_SIZE = 50


@dataclass(frozen=True)
class FakeTokenizer:
    """What `TransformersLM` asks of a tokenizer."""

    vocab_size: int = VOCAB_SIZE
    bos_ids: tuple[int, ...] = (1,)
    eos_ids: tuple[int, ...] = (2,)
    special_tokens: dict[str, int] = field(default_factory=dict)


def tiny_model(
    kind: str, *, attention: str = "sdpa", vocab_size: int = VOCAB_SIZE, **config: Any
) -> Any:
    """A causal model with random weights, large enough for its predictions to differ.

    Args:
        kind: `llama` (full attention), `mistral` (window 4) or `gemma3` (both, window 4).
        attention: `sdpa` or `eager`.
        vocab_size: columns of the head.
        **config: further fields of the configuration.
    """
    import transformers

    settings: dict[str, Any] = {
        "vocab_size": vocab_size,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
        "attn_implementation": attention,
    } | config
    torch.manual_seed(7)
    if kind == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings)).eval()
    if kind == "mistral":
        return transformers.MistralForCausalLM(
            transformers.MistralConfig(sliding_window=4, **settings)
        ).eval()
    layers = ["sliding_attention", "full_attention", "sliding_attention"]
    return transformers.Gemma3ForCausalLM(
        transformers.Gemma3TextConfig(sliding_window=4, layer_types=layers, **settings)
    ).eval()


def full_context_logprobs(model: Any, ids: list[int]) -> Any:
    """float32 (V,): one plain forward pass over the whole context, through none of tokkit."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
        return torch.log_softmax(logits.float(), dim=-1).numpy()
