"""Attention that sums a row alike in a small pass and in a large one: `pad_queries`.

torch's attention on the CPU is made of matrix products, which sum one to three rows in another
order than four and more. The linear layers of a packed model (`tokkit.bytelm.packed_linear`) do
not. So it is enough to pad inside attention: queries by copies of the last one, keys by free slots
of the cache that nobody sees. That spares each pass up to three rows through the rest of the model.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import masking_utils
from transformers.integrations import sdpa_attention
from transformers.modeling_utils import AttentionInterface

# What transformers gives its functions and takes from them is not fully typed.
_masking: Any = masking_utils
_plain: Any = sdpa_attention

PADDED = "tokkit_padded_sdpa"
"""The name of this attention in transformers."""

ROW_BLOCK = 4
"""Products of a multiple of this many rows sum each of them in the same order."""


def round_up(n: int) -> int:
    """The next multiple of `ROW_BLOCK`."""
    return -(-n // ROW_BLOCK) * ROW_BLOCK


def pad_queries(model: Any) -> None:
    """Let a model that attends by `sdpa` pad its queries; changes its configuration in place."""
    config = model.config.get_text_config(decoder=True)
    if config._attn_implementation == "sdpa":
        AttentionInterface.register(PADDED, _attend)
        _masking.AttentionMaskInterface.register(PADDED, _masking.sdpa_mask)
        config._attn_implementation = PADDED


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers' own: query (1, heads, q, head_dim) to output (1, q, heads, head_dim).

    Without a mask queries are as many as keys and see by their place, which padding would move.
    """
    n = query.shape[2]
    if attention_mask is not None:
        n_hidden = key.shape[2] - attention_mask.shape[3]
        attention_mask = torch.nn.functional.pad(attention_mask, (0, n_hidden), value=False)
        if n_padding := round_up(n) - n:
            query = _padded(query, n_padding)
            attention_mask = _padded(attention_mask, n_padding)
    output, _ = _plain.sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    return output[:, :n], None


def _padded(rows: torch.Tensor, n: int) -> torch.Tensor:
    return torch.cat([rows, rows[:, :, -1:].expand(-1, -1, n, -1)], dim=2)
