"""Tokens that exist only on the way to a longer one, from the merge list alone.

A merge of rank k joined the most frequent pair that was left, and its count falls off about as 1/k
(Zipf). Let t be a token made at step i, and let a single longer token p be built from it, at step
j > i. Then p's count over t's is about (i + 1) / (j + 1): the share of t's occurrences that p took
away, which Picky BPE (Chizhov et al., 2024, section 3.1) measures in the training corpus and calls
intersection over self. Where it is `THRESHOLD` or more, and no other token is built from t, t is a
*residue*: text that reaches t nearly always goes on to p. Scaffold-BPE (Lian et al., 2024) has the
same in mind. The corpus is not at hand, so the share is an estimate; a residue is still reachable.

A *ladder* is a chain of residues, each the half of the next: `Th`, `TheN`, `TheNit`, .... A long
one is the mark of a string that stood in the training text again and again, always the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.text.segment_models.bpe import BpeModel
from tokkit.text.tokenizer import TextTokenizer

THRESHOLD = 0.95


@dataclass(frozen=True, eq=False)
class Residues:
    """What the merge list says of each token.

    Attributes:
        share: float64 (V,), the estimated share of a token's occurrences that its only parent takes
            away; 0 where there is no parent, or more than one.
        parent: int64 (V,), that parent, or -1.
        ladder: int64 (V,), residues below a token, one the half of the next.
    """

    share: NDArray[np.float64]
    parent: NDArray[np.int64]
    ladder: NDArray[np.int64]

    @property
    def is_residue(self) -> NDArray[np.bool_]:
        """bool (V,)."""
        return self.share >= THRESHOLD


def find_residues(tokenizer: TextTokenizer) -> Residues | None:
    """Residues of a BPE vocabulary; None for other families."""
    if not isinstance(tokenizer.model, BpeModel):
        return None
    trees = tokenizer.model.merge_trees()
    size = tokenizer.vocab_size
    step = np.full(size, -1, dtype=np.int64)
    step[trees.result] = np.arange(len(trees))
    halves = np.stack([trees.left, trees.right])
    twice = np.concatenate([trees.left, trees.right[trees.left != trees.right]])
    n_parents = np.bincount(twice, minlength=size)
    parent = np.full(size, -1, dtype=np.int64)
    for half in halves:
        parent[half] = trees.result
    parent[(n_parents != 1) | (step < 0)] = -1
    share = np.zeros(size)
    single = np.flatnonzero(parent >= 0)
    share[single] = (step[single] + 1) / (step[parent[single]] + 1)
    ladder = np.zeros(size, dtype=np.int64)
    for left, right, result in zip(*halves.tolist(), trees.result.tolist(), strict=True):
        for half in (left, right):
            if share[half] >= THRESHOLD:
                ladder[result] = max(ladder[result], ladder[half] + 1)
    return Residues(share, parent, ladder)
