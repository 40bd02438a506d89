"""Positions that are counted from the padding id.

RoBERTa gives the first token of a text the position `pad + 1` (fairseq's convention, kept in
transformers: `create_position_ids_from_input_ids`). With another padding id every position moves,
and so must the rows of the position matrix.
"""

from __future__ import annotations

from typing import Any

from tokkit.errors import UnsupportedError

_MAX_MORE_ROWS = 4096


def position_names(model: Any) -> tuple[str, ...]:
    """Names of the position matrices that are counted from the padding id; mostly none."""
    import torch

    return tuple(
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Embedding)
        and module.padding_idx is not None
        and "position" in name.rpartition(".")[2]
    )


def shifted_rows(rows: Any, *, old_pad: int, new_pad: int | None, name: str) -> Any:
    """A position matrix for another padding id, with as many usable positions.

    Args:
        rows: tensor (positions, width).
        old_pad: the padding id so far.
        new_pad: the new one.
        name: of the model, for the message.

    Returns:
        Tensor (positions + new_pad - old_pad, width); rows up to the padding id are zero.

    Raises:
        UnsupportedError: there is no new padding id, or one so large that the matrix would be
            mostly empty.
    """
    import torch

    if new_pad is None or new_pad - old_pad > _MAX_MORE_ROWS:
        got = "none" if new_pad is None else f"the id {new_pad}"
        raise UnsupportedError(
            f"{name} counts positions from its padding id ({old_pad}), and the padding token of "
            f"the new tokenizer is {got}; use one whose padding token is among the first "
            f"{_MAX_MORE_ROWS:,} ids"
        )
    usable = rows[old_pad + 1 :]
    unused = torch.zeros(new_pad + 1, rows.shape[1], dtype=rows.dtype, device=rows.device)
    return torch.cat([unused, usable])
