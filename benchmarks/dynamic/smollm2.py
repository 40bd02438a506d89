"""SmolLM2 in float32, its rows, and its hidden states on passages of text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.token_models.transformers.loading import load_token_lm
from tokkit.text.tokenizer import TextTokenizer


def load_smollm2() -> tuple[Any, TextTokenizer]:
    """The model of transformers, dequantised, and tokkit's tokenizer."""
    lm = load_token_lm("smollm2", dtype="float32", packed=False, self_check=False)
    return lm.shared_parts[0], lm.tokenizer


def output_rows(model: Any) -> NDArray[np.float32]:
    """The rows of the head: float32 (ids, width)."""
    return model.get_output_embeddings().weight.detach().float().numpy()


def hidden_states(model: Any, sequences: list[list[int]]) -> NDArray[np.float32]:
    """What the head gets at every place of some sequences: float32 (places, width)."""
    import torch

    found: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for ids in sequences:
            states = model.base_model(torch.tensor([ids])).last_hidden_state
            found.append(states[0].float().numpy())
    return np.concatenate(found)
