"""Attention that sums a row alike in a small pass and in a large one: `pad_queries`.

torch's attention on the CPU is made of matrix products, which sum one to three rows in another
order than four and more. The linear layers of a packed model
(`tokkit.bytelm.token_models.transformers.layers.packed_linear`) do not. So it is enough to pad
inside attention: queries by copies of the last one, keys by free slots of the cache that nobody
sees. That spares each pass up to three rows through the rest of the model.

Where heads share their keys and values, the queries of a few positions are rows beside each other
for one head: nobody has to copy keys for every head, and fewer rows are padding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import masking_utils
from transformers.integrations import sdpa_attention
from transformers.modeling_utils import AttentionInterface

from tokkit.kernels.attention_mask import fill_additive

# What transformers gives its functions and takes from them is not fully typed.
_masking: Any = masking_utils
_plain: Any = sdpa_attention

PADDED = "tokkit_padded_sdpa"
"""The name of this attention in transformers."""

ROW_BLOCK = 4
"""Products of a multiple of this many rows sum each of them in the same order."""


_FEW_ROWS = 64
"""With so many queries of the heads that share keys, these are shared; with more, each head gets a
copy of them, whose cost no longer shows, and the mask need not be repeated."""

_UNGROUPED = torch.nn.Module()
"""In place of a module whose heads share keys."""


def round_up(n: int) -> int:
    """The next multiple of `ROW_BLOCK`."""
    return -(-n // ROW_BLOCK) * ROW_BLOCK


def pad_queries(model: Any) -> None:
    """Let a model that attends by `sdpa` pad its queries; changes its configuration in place.

    Models that look at the name of their attention themselves (Falcon) are left as they are.
    """
    config = model.config.get_text_config(decoder=True)
    takes_any = getattr(model, "_supports_attention_backend", False)
    if takes_any and config._attn_implementation == "sdpa":
        AttentionInterface.register(PADDED, _attend)
        _masking.AttentionMaskInterface.register(PADDED, _masking.sdpa_mask)
        config._attn_implementation = PADDED


def additive(allowed: NDArray[np.bool_]) -> torch.Tensor:
    """The mask that the attention wants, made once for all layers.

    Not by torch or NumPy: a call that nothing else in a step makes takes many times longer there.

    Args:
        allowed: bool (q, keys), True where a query may look.

    Returns:
        float32 (1, 1, q, keys): 0, or minus infinity.
    """
    mask = np.empty(allowed.shape, dtype=np.float32)
    fill_additive(allowed, mask)
    return torch.from_numpy(mask[None, None])


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
    if attention_mask is None:
        return _plain.sdpa_attention_forward(module, query, key, value, None, **options)
    _, n_heads, n, width = query.shape
    n_sharing = n_heads // key.shape[1]
    if shares := n * n_sharing <= _FEW_ROWS:
        module = _UNGROUPED
        query = query.reshape(1, key.shape[1], n_sharing * n, width)
        attention_mask = torch.cat([attention_mask] * n_sharing, dim=2) if n > 1 else attention_mask
    n_rows = query.shape[2]
    query = _padded(query, round_up(n_rows))
    attention_mask = _padded(attention_mask, round_up(n_rows))
    output, _ = _plain.sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    output = output[:, :n_rows]
    if shares:
        rows = output.view(1, n_sharing, n, key.shape[1], value.shape[3])
        output = rows.permute(0, 2, 3, 1, 4).reshape(1, n, n_heads, value.shape[3])
    return output, None


def _padded(rows: torch.Tensor, n: int) -> torch.Tensor:
    """`rows` (1, h, m, k), continued by the last of them to (1, h, n, k)."""
    m = rows.shape[2]
    if m == 1:
        return rows.expand(-1, -1, n, -1)
    last = rows[:, :, -1:].expand(-1, -1, n - m, -1)
    return torch.cat([rows, last], dim=2) if n > m else rows
