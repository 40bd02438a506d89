"""Tiny models of many architectures with random weights, and a toy tokenizer for them."""

from __future__ import annotations

from typing import Any

import tokenizers
import torch
import transformers
from tokenizers import models, pre_tokenizers, trainers

from tests.text.format_samples import CORPUS

END, PAD = "<|endoftext|>", "<|pad|>"
_SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 64,
}  # fmt: skip
_GROUPED = _SMALL | {"num_key_value_heads": 2, "head_dim": 8}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": _GROUPED | {"tie_word_embeddings": True},
    "mistral": _GROUPED | {"tie_word_embeddings": False},
    "qwen2": _GROUPED | {"tie_word_embeddings": True},
    "qwen3": _GROUPED,
    "gemma2": _GROUPED | {"query_pre_attn_scalar": 8, "sliding_window": 16},
    "gemma3_text": _GROUPED | {"query_pre_attn_scalar": 8, "sliding_window": 16},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_neox": _SMALL | {"tie_word_embeddings": False},
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
    "phi": _GROUPED | {"num_key_value_heads": 4},
    "phi3": _GROUPED,
    "opt": _SMALL | {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "falcon": _SMALL,
    "stablelm": _GROUPED | {"num_key_value_heads": 4},
    "cohere": _GROUPED | {"logit_scale": 0.25},
    "granite": _GROUPED | {"logits_scaling": 2.0, "embedding_multiplier": 3.0},
    "olmo2": _GROUPED,
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
    "bert": _SMALL,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
    "roberta": _SMALL,
    "xlm-roberta": _SMALL,
    "albert": _SMALL | {"embedding_size": 16},
    "electra": _SMALL | {"embedding_size": 32},
    "deberta-v2": _SMALL,
    "modernbert": _SMALL | {"cls_token_id": 0, "sep_token_id": 0},
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4},
    "bart": {
        "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
        "max_position_embeddings": 64,
    },
}  # fmt: skip
"""By `model_type`, and the options that make them tiny."""
MASKED = ("bert", "distilbert", "roberta", "xlm-roberta", "albert", "electra", "deberta-v2",
          "modernbert")  # fmt: skip
BOTH_SIDES = ("t5", "bart")


def toy_tokenizer(size: int = 300) -> Any:
    """A fast tokenizer over bytes; `END` is 0, `PAD` is 1."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=END, eos_token=END, pad_token=PAD
    )


def toy_model(kind: str, size: int, **options: Any) -> Any:
    """A random model of an architecture, in float32, whose special ids are the toy tokenizer's."""
    given = ARCHITECTURES[kind] | {
        "vocab_size": size, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1,
    }  # fmt: skip
    if kind in BOTH_SIDES:
        given["decoder_start_token_id"] = 1
    config = transformers.AutoConfig.for_model(kind, **(given | options))
    auto: Any = transformers.AutoModelForCausalLM
    if kind in MASKED:
        auto = transformers.AutoModelForMaskedLM
    elif kind in BOTH_SIDES:
        auto = transformers.AutoModelForSeq2SeqLM
    torch.manual_seed(0)
    model = auto.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # some are zeros or ones at first
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def logits(model: Any, ids: Any) -> Any:
    """Logits (length, vocabulary) of one sequence of ids."""
    batch = torch.tensor([list(ids)])
    with torch.inference_mode():
        if model.config.is_encoder_decoder:
            return model(input_ids=batch, decoder_input_ids=batch).logits[0]
        return model(batch).logits[0]
