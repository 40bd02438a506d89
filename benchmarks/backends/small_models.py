"""A small model of any causal type that transformers has, with random weights.

The sizes are chosen so that what changes with the length of a text does so within 40 tokens:
windows of 8, chunks of 8, a rope that switches at 16. A configuration's defaults are kept but for
sizes, so that a type is built as its authors meant it.
"""

from __future__ import annotations

import math
from typing import Any, cast

VOCAB_SIZE = 304
WINDOW = 8
SWITCH = 16
MAX_POSITIONS = 128

_N_LAYERS = 4

_GROUPS: tuple[tuple[int, str], ...] = (
    (VOCAB_SIZE, "vocab_size vocab_size_per_layer_input unpadded_vocab_size"),
    (
        MAX_POSITIONS,
        (
            "max_position_embeddings n_positions n_ctx max_seq_len max_target_positions "
            "model_max_length context_length max_source_positions position_bias_max_distance"
        ),
    ),
    (
        64,
        (
            "hidden_size d_model n_embd emb_dim dim_model embedding_dim embedding_size "
            "word_embed_proj_dim input_embedding_size output_embedding_size lru_width "
            "pronunciation_embed_dim shape_embed_dim mamba_d_ssm prompt_mid_dim "
            "attention_hidden_size adapter_in_dim adapter_out_dim adapter_input_size"
        ),
    ),
    (
        96,
        (
            "intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim dff dim_ff d_inner "
            "feed_forward_size ffn_hidden_size intermediate_size_mlp dense_intermediate_size "
            "block_multiple_of"
        ),
    ),
    (
        4,
        (
            "num_hidden_layers n_layer n_layers decoder_layers num_layers num_decoder_layers "
            "encoder_layers num_encoder_layers "
            "num_blocks num_experts num_local_experts n_routed_experts moe_num_experts "
            "num_attention_heads n_head n_heads num_heads attention_heads decoder_attention_heads "
            "encoder_attention_heads num_encoder_attention_heads num_decoder_attention_heads "
            "swa_num_attention_heads index_n_heads mamba_n_heads n_mamba_heads mamba_num_heads "
            "linear_num_heads linear_num_value_heads num_query_groups num_layers_per_stack"
        ),
    ),
    (
        2,
        (
            "num_key_value_heads num_kv_heads moe_k moe_topk "
            "num_experts_per_tok num_experts_per_token n_shared_experts num_shared_experts "
            "moe_num_shared_experts swa_num_key_value_heads linear_num_key_heads zero_expert_num "
            "index_topk_blocks o_groups num_codebooks heads_per_ngram hc_mult hc_count "
            "indexer_kv_heads top_k_experts adapter_reduction_factor"
        ),
    ),
    (
        1,
        (
            "first_k_dense_replace num_dense_layers moe_layer_start_index n_group topk_group "
            "num_expert_group num_nextn_predict_layers interleave_moe_layer_step n_groups "
            "mamba_ngroups split_ngram_parts num_kv_shared_layers"
        ),
    ),
    (
        16,
        (
            "head_dim dim_head d_head attention_head_size swa_head_dim v_head_dim qk_nope_head_dim "
            "kv_lora_rank index_head_dim mamba_d_head mamba_headdim mamba_head_dim linear_head_dim "
            "linear_key_head_dim linear_value_head_dim time_step_rank mamba_dt_rank "
            "router_hidden_size o_lora_rank kv_channels rel_extent indexer_head_dim ple_embed_dim "
            "global_head_dim hidden_size_per_layer_input hc_lowrank moe_latent_size gated_norm_rank"
        ),
    ),
    (24, "q_lora_rank"),
    (
        8,
        (
            "qk_rope_head_dim state_size mamba_d_state ssm_state_size rotary_dim index_topk "
            "adapter_rank laurel_rank d_rel index_block_size"
        ),
    ),
    (
        32,
        (
            "moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size "
            "shared_experts_intermediate_size expert_ffn_hidden_size "
            "moe_shared_expert_intermediate_size"
        ),
    ),
    (
        WINDOW,
        (
            "sliding_window sliding_window_size window_size attention_window_size "
            "attention_chunk_size floor_scale local_attention keep_window_size chunk_size "
            "mamba_chunk_size local_attn_chunk_length lsh_attn_chunk_length mem_len block_size"
        ),
    ),
    (997, "ngram_vocab_size_base"),
)
_SIZES = {name: size for size, names in _GROUPS for name in names.split()}

_TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}

_PERIODS = ("layer_types", "layers_block_type", "mlp_layer_types", "attention_layers")
"""Lists with an entry for each layer: a few of each kind that there is by default."""

OWN: dict[str, dict[str, Any]] = {
    "falcon_h1": {"mamba_n_heads": 8},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "longcat_flash": {"qk_nope_head_dim": 16, "head_dim": 8},
    "dots1": {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1},
    "zamba": {"attention_hidden_size": 128, "attention_head_dim": 32},
    "zamba2": {
        "attention_hidden_size": 128,
        "attention_head_dim": 32,
        "n_mamba_heads": 8,
        "hybrid_layer_ids": [1, 3],
    },
    "dots3_note_text": {"per_layer_config": {}, "head_dim": 24, "swa_head_dim": 24},
    "qwen4_exp_text": {
        "indexer_n_heads": 4,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 8,
        "indexer_compress_ratio": 4,
    },
    "gemma3n_text": {
        "intermediate_size": [96] * 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "activation_sparsity_pattern": [0.0] * 4,
        "num_kv_shared_layers": 2,
    },
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2": {"layer_types": ["conv", "full_attention", "conv", "full_attention"]},
    "cohere_compass_text": {
        "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "rope_parameters": {
            kind: {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}
            for kind in ("sliding_attention", "full_attention")
        },
    },
    "bamba": {"mamba_n_heads": 8, "attn_layer_indices": [1, 3]},
    "granitemoehybrid": {"mamba_n_heads": 8, "layer_types": ["mamba", "attention"] * 2},
    "mamba2": {"num_heads": 8, "head_dim": 16},
    "gemma4_assistant": {"hidden_size_per_layer_input": 0},
    "lfm2_moe": {"layer_types": ["conv", "full_attention", "conv", "full_attention"]},
    "hunyuan_v1_dense": {"head_dim": 16},
    "hunyuan_v1_moe": {"head_dim": 16},
    "ministral": {"head_dim": 16},
    "nemotron": {"num_key_value_heads": 2},
    "phi3": {"sliding_window": None},
    "xmod": {"default_language": "en_XX"},
    "reformer": {
        "axial_pos_shape": [8, 16],
        "axial_pos_embds_dim": [16, 48],
        "attn_layers": ["local", "lsh", "local", "lsh"],
        "is_decoder": True,
    },
}
"""What the sizes above leave inconsistent in a type, or would not exercise."""


def small_config(kind: str, **changes: Any) -> Any:
    """The configuration of a type of transformers' `CONFIG_MAPPING`, shrunk."""
    import transformers

    config_class: Any = transformers.CONFIG_MAPPING[kind]
    return config_class(**_shrunk(config_class) | OWN.get(kind, {}) | changes)


def _shrunk(config_class: Any) -> dict[str, Any]:
    """Arguments of a configuration: its defaults but for sizes, those of its parts too."""
    try:
        defaults: Any = config_class()
    except ValueError:  # some defaults do not pass their own checks
        return {}
    fields: dict[str, Any] = defaults.to_dict()
    latent = "qk_rope_head_dim" in fields  # attention whose head_dim follows from other sizes
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name in getattr(config_class, "sub_configs", {}):
            part: Any = getattr(defaults, name, None)
            if hasattr(part, "model_type"):
                found[name] = _shrunk(type(part)) | OWN.get(part.model_type, {})
        elif name in _SIZES and type(value) in (int, float):
            if not (latent and name == "head_dim"):
                found[name] = min(value, _SIZES[name])
            if latent and name == "num_key_value_heads":
                found[name] = found["num_attention_heads"]
        elif name in _PERIODS and isinstance(value, list):
            found[name] = _period(cast("list[Any]", value))
        elif name.endswith("_token_id") and isinstance(value, int):
            found[name] = _TOKENS.get(name, VOCAB_SIZE - 1)
    return found


def _period(values: list[Any]) -> list[Any]:
    """`_N_LAYERS` of a list's values, each distinct one at least once where there is room."""
    distinct = list(dict.fromkeys(values))
    return (distinct * _N_LAYERS)[:_N_LAYERS]


def small_model(config: Any, *, seed: int = 0, gain: float = 1.0) -> Any:
    """A model with random weights whose predictions depend on all of its context.

    Weights as transformers initialises them give nearly the same distribution everywhere, under
    which no error would show. So matrices are drawn anew, with variance `gain**2` over their width.
    """
    import torch
    import transformers

    auto_model: Any = transformers.AutoModelForCausalLM
    torch.manual_seed(seed)
    model = auto_model.from_config(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim < 2 or not weight.is_floating_point() or _structured(name):
                continue
            width = weight.shape[-1]
            weight.normal_(0.0, gain / math.sqrt(width))
    return model


def _structured(name: str) -> bool:
    """Decays, convolutions and the like, whose values mean something."""
    return any(part in name for part in ("A_log", "dt_", "conv", "time_", "norm"))
