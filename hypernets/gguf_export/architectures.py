"""Models that a GGUF file can hold exactly: metadata, names and layouts of weights.

Source: llama.cpp, `conversion/*.py` and `src/llama-model.cpp`; the names are those of the package
gguf. An architecture has one meaning in llama.cpp, so a configuration that asks for anything else
(a scaled rope, another activation, a bias) is refused by name: it would be run without it.

What llama.cpp stores in another way: Llama's queries and keys, whose rotary halves are interleaved;
Gemma's norms, plus one; GPT-2's `Conv1D` weights, transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokkit.errors import UnsupportedError

Metadata = dict[str, int | float]


@dataclass(frozen=True)
class Architecture:
    """What llama.cpp calls a model, and what it stores of it.

    Attributes:
        name: `general.architecture`.
        metadata: key (after the name) -> value, from a configuration; refuses what it cannot say.
        stored: a weight as it is stored, by its GGUF name and the configuration.
    """

    name: str
    metadata: Callable[[Any], Metadata]
    stored: Callable[[str, Any, Any], Any]


def architecture_of(model: Any) -> Architecture:
    """The architecture of a model.

    Raises:
        UnsupportedError: none that can be written exactly.
    """
    kind = model.config.model_type
    if kind not in ARCHITECTURES or not type(model).__name__.endswith(
        ("ForCausalLM", "LMHeadModel")
    ):
        raise UnsupportedError(
            f"a {type(model).__name__} ({kind}) cannot be written as a GGUF file here; those that "
            f"can are causal models of {', '.join(ARCHITECTURES)}. Save it with save_pretrained"
        )
    return ARCHITECTURES[kind]


def _only(config: Any, **expected: Any) -> None:
    """Refuse a configuration of which a field is not as llama.cpp takes it to be."""
    for name, value in expected.items():
        got = getattr(config, name, value)
        allowed = value if isinstance(value, tuple) else (value,)
        if got not in allowed:
            raise UnsupportedError(
                f"{name} of this {config.model_type} model is {got!r}, and a GGUF file can only "
                f"say {' or '.join(map(repr, allowed))}; llama.cpp would run another model"
            )


def _rope_base(config: Any, kind: str | None = None) -> float:
    rope: Mapping[str, Any] = config.rope_parameters or {}
    if kind is not None and kind in rope:
        rope = rope[kind]
    if rope.get("rope_type", "default") != "default" or rope.get("partial_rotary_factor", 1) != 1:
        raise UnsupportedError(
            f"the rope of this {config.model_type} model is {dict(rope)!r}; only a plain one can "
            "be written as a GGUF file here"
        )
    return float(rope["rope_theta"])


def _head_dim(config: Any) -> int:
    head_dim = getattr(config, "head_dim", None)
    return int(head_dim or config.hidden_size // config.num_attention_heads)


def _decoder(config: Any) -> Metadata:
    """What all architectures with grouped queries, a rope and RMS norms say."""
    return {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.key_length": _head_dim(config),
        "attention.value_length": _head_dim(config),
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "vocab_size": config.vocab_size,
    }


def _llama(config: Any) -> Metadata:
    _only(config, hidden_act="silu", attention_bias=False, mlp_bias=False, sliding_window=None)
    base = {"rope.freq_base": _rope_base(config), "rope.dimension_count": _head_dim(config)}
    return _decoder(config) | base


def _qwen2(config: Any) -> Metadata:
    _only(config, hidden_act="silu", use_sliding_window=False)
    return _decoder(config) | {"rope.freq_base": _rope_base(config)}


def _gemma3(config: Any) -> Metadata:
    _only(
        config,
        hidden_activation="gelu_pytorch_tanh",
        attention_bias=False,
        final_logit_softcapping=None,
        attn_logit_softcapping=None,
        query_pre_attn_scalar=_head_dim(config),
        use_bidirectional_attention=(False, None),
    )
    every_sixth = [
        "full_attention" if (k + 1) % 6 == 0 else "sliding_attention"
        for k in range(config.num_hidden_layers)
    ]
    _only(config, layer_types=(every_sixth,))
    if _rope_base(config, "sliding_attention") != 10_000.0:
        raise UnsupportedError(
            "the rope of this gemma3 model's sliding layers has another base than 10,000, which a "
            "GGUF file cannot say to all readers"
        )
    return _decoder(config) | {
        "rope.freq_base": _rope_base(config, "full_attention"),
        "attention.sliding_window": config.sliding_window,
    }


def _gpt2(config: Any) -> Metadata:
    _only(
        config,
        activation_function="gelu_new",
        scale_attn_weights=True,
        scale_attn_by_inverse_layer_idx=False,
        n_inner=(None, 4 * config.n_embd),
        add_cross_attention=False,
    )
    return {
        "block_count": config.n_layer,
        "context_length": config.n_positions,
        "embedding_length": config.n_embd,
        "feed_forward_length": 4 * config.n_embd,
        "attention.head_count": config.n_head,
        "attention.layer_norm_epsilon": float(config.layer_norm_epsilon),
    }


def _as_it_is(_name: str, weight: Any, _config: Any) -> Any:
    return weight


def _interleaved(name: str, weight: Any, config: Any) -> Any:
    """Llama: rows of a head from [first half, second half] to pairs of the two."""
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    part = name.rpartition(".")[0].rpartition(".")[2]
    if part not in heads:
        return weight
    halves = weight.reshape(heads[part], 2, -1, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def _plus_one(name: str, weight: Any, _config: Any) -> Any:
    return weight + 1 if name.endswith("norm.weight") else weight


def _transposed(name: str, weight: Any, _config: Any) -> Any:
    parts = ("attn_qkv.weight", "attn_output.weight", "ffn_up.weight", "ffn_down.weight")
    return weight.T if name.endswith(parts) else weight


ARCHITECTURES: dict[str, Architecture] = {
    "llama": Architecture("llama", _llama, _interleaved),
    "mistral": Architecture("llama", _llama, _interleaved),
    "qwen2": Architecture("qwen2", _qwen2, _as_it_is),
    "gemma3_text": Architecture("gemma3", _gemma3, _plus_one),
    "gpt2": Architecture("gpt2", _gpt2, _transposed),
}
"""By the `model_type` of transformers."""
