"""Hidden states on text that a causal model writes itself, for where no text is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.head import captured_states

N_TEXTS = 16
N_TOKENS = 64


def own_states(
    model: Any,
    starts: Sequence[int],
    *,
    seed: int,
    n_texts: int = N_TEXTS,
    n_tokens: int = N_TOKENS,
) -> NDArray[np.float32]:
    """float32 (n_texts * n_tokens, width): the last hidden states along texts that it draws.

    Args:
        model: a causal transformers model.
        starts: ids before every text.
        seed: of the draw.
        n_texts: drawn side by side.
        n_tokens: of each.
    """
    import torch

    device = model.get_input_embeddings().weight.device
    generator = torch.Generator().manual_seed(seed)
    ids = torch.tensor([list(starts)] * n_texts, device=device)
    past: Any = None
    with torch.inference_mode(), captured_states(model) as found:
        for _ in range(n_tokens):
            out = model(input_ids=ids, past_key_values=past, use_cache=True)
            past = getattr(out, "past_key_values", None)  # not there for Mamba and its like
            chances = out.logits[:, -1].float().softmax(-1).cpu()
            drawn = torch.multinomial(chances, 1, generator=generator).to(device)
            ids = torch.cat([ids, drawn], dim=1) if past is None else drawn
    return torch.cat([states[:, -1] for states in found]).float().cpu().numpy()
