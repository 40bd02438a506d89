"""A correction of input rows by a linear map, learned on the old vocabulary itself.

The old model knows the row of each of its tokens, and its commonest tokens alone can spell the
others. So rarer ones are *respelled* with the commonest, as a new token is spelled with old ones,
and a ridge regression learns by how much the row of a token differs from a blend of the rows of its
parts, given the first, the last and the mean of them. The same correction is then added to the
blends of new tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.alignment import Alignment, Speller, from_spellings
from tokkit.hypernets.heuristics.shares import guessed_frequencies
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

Floats = NDArray[np.float32]
Blend = Callable[[Alignment, Floats], Floats]

N_COMMON = 6_000
N_EXAMPLES = 8_000
RIDGE = 0.3
"""Times the mean square of a feature and the number of examples."""
_FEWEST = 64
"""Examples from which anything is learned."""


def correction(
    source: TextTokenizer, rows: Floats, alignment: Alignment, blend: Blend, *, seed: int
) -> Floats:
    """What is to be added to blended rows.

    Args:
        source: the old tokenizer.
        rows: float32 (n_source, width), its rows.
        alignment: of the new tokens.
        blend: the rows of an alignment without a correction.
        seed: of the choice of examples.

    Returns:
        float32 (n_target, width); zeros where too few old tokens can be respelled.
    """
    examples, tokens = respelled(source, seed=seed)
    if len(tokens) < _FEWEST:
        return np.zeros((len(alignment), rows.shape[1]), dtype=np.float32)
    inputs = features(examples, rows)
    wanted = rows[tokens] - blend(examples, rows)
    penalty = RIDGE * float(np.square(inputs).mean()) * len(tokens)
    moment = inputs.T @ inputs + penalty * np.eye(inputs.shape[1], dtype=np.float32)
    weights = np.linalg.solve(moment, inputs.T @ wanted)
    return (features(alignment, rows) @ weights).astype(np.float32)


def features(alignment: Alignment, rows: Floats) -> Floats:
    """float32 (n, 3 * width + 1): first, last and mean row of each token's parts, and a one."""
    parts = [np.asarray(alignment.weights(kind) @ rows) for kind in ("first", "last", "mean")]
    return np.hstack([*parts, np.ones((len(alignment), 1), dtype=np.float32)])


def respelled(source: TextTokenizer, *, seed: int) -> tuple[Alignment, NDArray[np.int64]]:
    """Some rarer tokens of a vocabulary, spelled with its commonest ones, and which they are."""
    order = by_frequency(source.spec)
    n_common = count_of_common(source.spec, order)
    speller = Speller(TextTokenizer(reduced(source.spec, order[n_common:])))
    tokens: list[int] = []
    spellings: list[tuple[int, ...]] = []
    for token in np.random.default_rng(seed).permutation(order[n_common:]).tolist():
        spelling = speller.spell(source.spec.token_bytes[token])
        if len(spelling) > 1:
            tokens.append(token)
            spellings.append(spelling)
        if len(tokens) == N_EXAMPLES:
            break
    none = np.zeros(len(tokens), dtype=np.bool_)
    alignment = from_spellings(spellings, copied=none, n_source=source.vocab_size)
    return alignment, np.array(tokens, dtype=np.int64)


def count_of_common(spec: TokenizerSpec, order: NDArray[np.int64]) -> int:
    """How many tokens of `order` spell the others: single bytes, a third of the rest at most."""
    n_single = sum(len(spec.token_bytes[token]) == 1 for token in order.tolist())
    return n_single + min(N_COMMON, (len(order) - n_single) // 3)


def by_frequency(spec: TokenizerSpec) -> NDArray[np.int64]:
    """Ids of the model's tokens: single bytes, then those first that are likely the commonest."""
    ids = np.flatnonzero(np.isin(spec.kinds, (TokenKind.NORMAL, TokenKind.BYTE)))
    length = np.array([len(spec.token_bytes[token]) for token in ids.tolist()])
    return ids[np.lexsort((-guessed_frequencies(spec)[ids], length > 1))]


def reduced(spec: TokenizerSpec, rare: NDArray[np.int64]) -> TokenizerSpec:
    """The tokenizer without some tokens, which keep their ids and stand for nothing."""
    gone = np.zeros(spec.vocab_size, dtype=np.bool_)
    gone[rare] = True
    kinds = np.where(gone, np.uint8(TokenKind.UNUSED), spec.kinds).astype(np.uint8)
    token_bytes = tuple(
        b"" if lost else data for lost, data in zip(gone.tolist(), spec.token_bytes, strict=True)
    )
    merges = spec.merges
    if merges is not None:
        size = max(spec.vocab_size, *(int(ids.max(initial=0)) + 1 for ids in _sides(merges)))
        lost = np.concatenate([gone, np.zeros(size - spec.vocab_size, dtype=np.bool_)])
        kept = ~np.any([lost[ids] for ids in _sides(merges)], axis=0)
        merges = MergeTable(*(ids[kept] for ids in (*_sides(merges), merges.rank)))
    return replace(spec, kinds=kinds, token_bytes=token_bytes, merges=merges, ignore_merges=False)


def _sides(merges: MergeTable) -> tuple[NDArray[np.int32], ...]:
    return merges.left, merges.right, merges.result
