"""Lay a model out for inference in float32 on the CPU, where that changes nothing: `pack`.

See `tokkit.bytelm.token_models.transformers.layers.packed_linear` and
`tokkit.bytelm.token_models.transformers.layers.padded_attention`. A model whose code reaches into
its layers (Jamba takes their biases away for a moment) may fail or give other numbers after, so it
is tried on a few tokens before and after.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tokkit.bytelm.token_models.transformers.layers.packed_linear import can_pack, pack_linears
from tokkit.bytelm.token_models.transformers.layers.padded_attention import pad_queries
from tokkit.bytelm.token_models.transformers.trial.length_limits import choice_of_keys
from tokkit.bytelm.token_models.transformers.whole_model import WholeModel
from tokkit.errors import TokkitError

_IDS = (5, 11, 17, 3, 7)
_ROUNDING = 1e-3


def pack(model: Any) -> bool:
    """Pack a model in place, if it can be packed at all.

    Returns:
        False if the model is spoilt and must be loaded again.
    """
    if not can_pack(model) or choice_of_keys(model.config.get_text_config(decoder=True)):
        return True  # such a choice turns on the last bit, which should be that of a plain pass
    model.eval()
    try:
        whole = WholeModel(model, name=type(model).__name__)
        ids = [k % whole.n_embeddings for k in _IDS]
        before = whole.logits(ids)
    except TokkitError:
        return True  # it will be refused for that
    pack_linears(model)
    pad_queries(model)
    try:
        after = whole.logits(ids)
    except TokkitError:
        return False
    scale = float(np.abs(before[np.isfinite(before)]).max(initial=0.0))
    return bool(np.allclose(after, before, rtol=0, atol=_ROUNDING * scale, equal_nan=True))
