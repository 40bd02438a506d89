"""The row of a token that both begins and ends texts, where the old model had a token for each.

GPT-2 puts one token between texts, Gemma has `<bos>` and `<eos>`. Such a token must be read as the
old beginning, without which many a model is hardly itself, and be predicted as the old end: rows
that served for both are parted.
"""

from __future__ import annotations

from dataclasses import replace

from tokkit.hypernets.alignment import beginning
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import Floats
from tokkit.text.spec import TokenizerSpec


def read_as_beginning(
    rows: Rows, old_inputs: Floats, source: TokenizerSpec, target: TokenizerSpec
) -> Rows:
    """The rows with such a token's input row that of the old beginning.

    Args:
        rows: of the new vocabulary, such a token's those of the old end.
        old_inputs: float32 (n_source, width), the old input rows.
        source: the old tokenizer.
        target: the new one.
    """
    token, old = beginning(target), beginning(source)
    if token is None or old is None or token not in target.eos_ids:
        return rows
    if not source.eos_ids or old in source.eos_ids:
        return rows
    inputs = rows.inputs.copy()
    inputs[token] = old_inputs[old]
    return replace(
        rows, inputs=inputs, outputs=rows.inputs if rows.outputs is None else rows.outputs
    )
