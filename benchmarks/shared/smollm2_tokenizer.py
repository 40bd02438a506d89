"""SmolLM2's tokenizer for transformers, as it was before GGUF: for the peers and the training."""

from __future__ import annotations

from typing import Any, cast

from tokkit.files.packaged import find_packaged


def load_smollm2_tokenizer() -> Any:
    """Convert the tokenizer of the packaged GGUF file, and put back the step that this drops."""
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    path = find_packaged("smollm2")
    tokenizer = cast(Any, AutoTokenizer).from_pretrained(str(path.parent), gguf_file=path.name)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
