"""FOCUS: a new row is a sum of the rows of the tokens that are used most like the new one.

Source: Dobler and de Melo, "FOCUS: Effective Embedding Initialization for Monolingual
Specialization of Multilingual Models" (EMNLP 2023).

1. fastText vectors are trained on a text of the new model's use, as the new tokenizer cuts it
   (`token_vectors`).
2. Each new token is compared with all tokens that both vocabularies have, by cosine.
3. Sparsemax makes weights of the cosines, of which few are not 0.
4. The new row is the weighted sum of the old rows of these tokens; output rows likewise.

Where it differs from what was published: a token that comes fewer than ten times in the text has no
vector, and gets the mean of its parts (FVT), where the authors draw a random row. The vocabularies
share tokens of the same bytes, where theirs may also share those of another case. They train on
millions of lines; a short text gives poor vectors, and few of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.heuristics.sparsemax import sparsemax
from tokkit.hypernets.heuristics.subtokens import mean
from tokkit.hypernets.heuristics.token_vectors import token_vectors
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import Floats, TransferTask

_ROWS_AT_ONCE = 512


def focus(task: TransferTask) -> Rows:
    """Rows as described above.

    Raises:
        MissingExtraError: gensim is not installed.
    """
    rows = mean(task)
    if not task.new.any():
        return rows
    tokens, vectors = token_vectors(task.windows, task.target, seed=task.seed)
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    is_new = task.new[tokens]
    text = np.array([bool(task.target.token_bytes[token]) for token in tokens.tolist()], np.bool_)
    shared, new = tokens[~is_new & text], tokens[is_new]
    if not len(shared):
        new = new[:0]
    predicted = np.zeros(len(task.new), np.bool_)
    predicted[new] = True
    matrices = [rows.inputs] if rows.outputs is None else [rows.inputs, rows.outputs]
    _set_similar(matrices, units[~is_new & text], shared, units[is_new], new)
    notes = {"shared tokens with a vector": float(len(shared))}
    return Rows(rows.inputs, rows.outputs, rows.bias, predicted=predicted, notes=notes)


def _set_similar(
    matrices: list[Floats],
    shared_units: Floats,
    shared: NDArray[np.int64],
    new_units: Floats,
    new: NDArray[np.int64],
) -> None:
    """Write the rows of `new` tokens, in place, as sums of those of `shared` ones."""
    for first in range(0, len(new), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        weights = sparsemax((new_units[part] @ shared_units.T).astype(np.float64))
        for rows in matrices:
            rows[new[part]] = (weights @ rows[shared]).astype(np.float32)
