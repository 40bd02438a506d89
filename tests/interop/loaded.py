"""Tokenizers and models as transformers and others have loaded them, small enough to make here."""

from __future__ import annotations

from typing import Any

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from tests.bytelm.lm_helpers import tiny_model

TEXT = "a cab ran, a cab sat; the cat sat and the rat ran: cats, rats and cabs\n"


def toy_tokenizers_object(vocab_size: int = 300) -> Any:
    """A byte-level BPE of the `tokenizers` library, with an end-of-text token."""
    found = tokenizers.Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found.train_from_iterator([TEXT], trainer)
    return found


def toy_hf_tokenizer() -> Any:
    """The same as a fast tokenizer of transformers."""
    import transformers

    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=toy_tokenizers_object(), bos_token="<|end|>", eos_token="<|end|>"
    )


def toy_hf_model(tokenizer: Any, **config: Any) -> Any:
    """A model of transformers for it."""
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    return tiny_model("llama", vocab_size=len(tokenizer), **ends, **config)
