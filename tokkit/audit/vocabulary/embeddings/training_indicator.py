"""How much the rows of an embedding matrix look like rows that no training touched.

Source: Land and Bartolo, "Fishing for Magikarp: Automatically Detecting Under-trained Tokens in
Large Language Models" (EMNLP 2024), section 3.2:

- *untied* matrices: the L2 norm of the input embedding, which weight decay shrinks where no text
  pulls at it;
- *tied* matrices: the cosine distance to the mean row of tokens known to be unused, after the
  first principal component was taken out of all rows.

Deviations. The paper's unused tokens were chosen by hand for each model. Here the candidates are
what the audit knows that no text produces, control tokens, and padding rows; some of them
may have been trained, so the largest set of candidates within a cosine of `CORE_COSINE` of one of
them is taken. Rows that nothing told apart all moved together and are nearly equal; trained rows
are not. The principal component is that of `_SAMPLE` evenly spaced rows. The paper tests the 2%
of tokens with the smallest values by prompting the model; here no model runs, so only those are
called under-trained whose value is at most a quarter of the median, which leaves a gap to nearly
all trained tokens (`SHARE_OF_MEDIAN`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.vocabulary.embeddings.matrix_files import Embeddings, Matrix

CORE_COSINE = 0.9
SHARE_OF_MEDIAN = 0.25
MIN_CORE = 3
_SAMPLE = 8192
_MAX_CANDIDATES = 2048
_CHUNK_VALUES = 1 << 24
_STEPS = 60


@dataclass(frozen=True, eq=False)
class Indicator:
    """One value a row; small means that the row looks untrained.

    Attributes:
        kind: `"norm"` of untied input embeddings, `"distance"` (cosine, 0 to 2) of tied ones.
        values: (rows,) float64.
        references: of a distance, the rows whose mean it is measured from, ascending; else none.
    """

    kind: Literal["norm", "distance"]
    values: NDArray[np.float64]
    references: tuple[int, ...] = ()


def measure_rows(embeddings: Embeddings, candidates: NDArray[np.int64]) -> Indicator | None:
    """The indicator of each row.

    Args:
        embeddings: the matrices.
        candidates: (n,) rows that are probably untrained; used for tied matrices only.

    Returns:
        None if the matrices are tied and fewer than `MIN_CORE` candidates look alike: then there
        is nothing to measure from.
    """
    inputs = embeddings.inputs
    if embeddings.outputs is not None:
        norms = np.concatenate([np.linalg.norm(rows, axis=1) for rows in _chunks(inputs)])
        return Indicator("norm", norms.astype(np.float64))
    component = _first_component(inputs)
    core = _core(inputs, candidates, component)
    if len(core) < MIN_CORE:
        return None
    centre = _without(inputs.rows(core), component).mean(axis=0)
    centre /= np.linalg.norm(centre)
    parts = [_distances(rows, component, centre) for rows in _chunks(inputs)]
    return Indicator("distance", np.concatenate(parts), tuple(map(int, core)))


def _chunks(matrix: Matrix) -> Iterator[NDArray[np.float32]]:
    """All rows in order, NaN and infinities as zeros."""
    n_rows, n_columns = matrix.shape
    step = max(1, _CHUNK_VALUES // n_columns)
    for start in range(0, n_rows, step):
        rows = matrix.rows(slice(start, min(start + step, n_rows)))
        yield np.nan_to_num(rows, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _some(matrix: Matrix, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.nan_to_num(matrix.rows(ids), copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _first_component(matrix: Matrix) -> NDArray[np.float32]:
    """The direction of most variance, by power iteration from the row farthest from the mean."""
    n_rows = matrix.shape[0]
    ids = np.unique(np.linspace(0, n_rows - 1, min(_SAMPLE, n_rows)).astype(np.int64))
    rows = _some(matrix, ids)
    rows -= rows.mean(axis=0)
    vector = rows[np.linalg.norm(rows, axis=1).argmax()].copy()
    for _ in range(_STEPS):
        length = np.linalg.norm(vector)
        if length == 0:
            break
        vector = rows.T @ (rows @ (vector / length))
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-30), dtype=np.float32)


def _without(rows: NDArray[np.float32], component: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows - np.outer(rows @ component, component), dtype=np.float32)


def _core(
    matrix: Matrix, candidates: NDArray[np.int64], component: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The largest set of candidates around one of them; the first such one at ties."""
    if not candidates.size:
        return candidates
    spread = np.linspace(0, len(candidates) - 1, min(_MAX_CANDIDATES, len(candidates)))
    chosen = candidates[np.unique(spread.astype(np.int64))]
    rows = _without(_some(matrix, chosen), component)
    lengths = np.linalg.norm(rows, axis=1)
    usable = lengths > 1e-6 * max(float(lengths.max()), 1e-30)
    chosen, rows = chosen[usable], rows[usable] / lengths[usable, None]
    if not chosen.size:
        return chosen
    near = rows @ rows.T >= CORE_COSINE
    return chosen[near[near.sum(axis=1).argmax()]]


def _distances(
    rows: NDArray[np.float32], component: NDArray[np.float32], centre: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Cosine distances to `centre`, a unit vector orthogonal to `component`, which is taken out.

    A row of zeros has learned nothing: its distance is 0.
    """
    along = (rows @ component).astype(np.float64)
    squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    lengths = np.sqrt(np.maximum(squares - along**2, 0))
    dots = (rows @ centre).astype(np.float64)
    empty = lengths < 1e-12
    return np.where(empty, 0.0, 1 - dots / np.where(empty, 1.0, lengths))
