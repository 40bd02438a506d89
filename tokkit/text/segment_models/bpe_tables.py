"""Construction of the tables behind `BpeModel`: checked merges, merge trees, spines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError
from tokkit.kernels.bpe import merge_forest, pair_table, spines
from tokkit.text.segment_models.vocabulary import Blob, is_character
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind


def checked_merges(spec: TokenizerSpec, merges: MergeTable, blob: Blob) -> MergeTable:
    """The merges, sorted by left and right token, each pair once.

    Of a pair that is there more often, the merge of the lowest rank counts, and of those the one
    that makes the lowest id.

    Raises:
        FormatError: ids out of range, tokens that cannot be merged, a negative rank, or a result
            that is not spelt as its halves.
    """
    left, right, result, rank = (
        np.ascontiguousarray(column, dtype=np.int32)
        for column in (merges.left, merges.right, merges.result, merges.rank)
    )
    named = np.concatenate([left, right, result])
    if len(named) and (named.min() < 0 or named.max() >= spec.vocab_size):
        raise FormatError(
            f"merges of {spec.name!r} name ids from {named.min()} to {named.max()}; "
            f"expected 0 to {spec.vocab_size - 1}"
        )
    if len(rank) and rank.min() < 0:
        raise FormatError(
            f"merges of {spec.name!r} have a rank of {rank.min()}; expected 0 or more"
        )
    mergeable = np.isin(spec.kinds, (TokenKind.NORMAL, TokenKind.LITERAL))
    if not mergeable[named].all():
        token = int(named[np.argmin(mergeable[named])])
        raise FormatError(
            f"a merge of {spec.name!r} names token {token}, which is "
            f"{TokenKind(spec.kinds[token]).name}; only NORMAL and LITERAL tokens merge"
        )
    bad = merge_forest.first_misspelt(blob.data, blob.offsets, left, right, result)
    if bad >= 0:
        spelt: list[bytes] = [
            spec.token_bytes[column[bad]][:40] for column in (left, right, result)
        ]
        raise FormatError(
            f"merge {bad} of {spec.name!r} joins {spelt[0]!r} and {spelt[1]!r} to {spelt[2]!r}; "
            "the result must be spelt as its halves, neither of them empty"
        )
    pair = left.astype(np.int64) << 32 | right
    order = np.lexsort((result, rank, pair))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = pair[order[1:]] != pair[order[:-1]]
    order = order[first]
    return MergeTable(left[order], right[order], result[order], rank[order])


def _unit_tokens(spec: TokenizerSpec, merges: MergeTable) -> list[int]:
    """The tokens that merges start from: single bytes or characters, one token for each.

    NORMAL tokens come first, then LITERAL ones that a merge names; of those alike the lowest id.
    """
    literals = np.unique(np.concatenate([merges.left, merges.right, merges.result]))
    literals = literals[spec.kinds[literals] == TokenKind.LITERAL]
    chosen: dict[bytes, int] = {}
    for token in [*np.flatnonzero(spec.kinds == TokenKind.NORMAL).tolist(), *literals.tolist()]:
        spelling = spec.token_bytes[token]
        if is_character(spelling) if spec.char_units else len(spelling) == 1:
            chosen.setdefault(spelling, token)
    return list(chosen.values())


def grow_forest(
    spec: TokenizerSpec, blob: Blob, merges: MergeTable, byte_token: NDArray[np.int32]
) -> merge_forest.MergeForest:
    """Merge trees of all reachable tokens; BYTE tokens whose byte is no unit are FALLBACK."""
    units = np.array(_unit_tokens(spec, merges), dtype=np.int64)
    spelt: set[bytes] = {spec.token_bytes[token] for token in units.tolist()}
    fallback = [
        token
        for byte, token in enumerate(byte_token.tolist())
        if token >= 0 and bytes([byte]) not in spelt
    ]
    return grow_from(units, fallback, merges, blob.lengths)


def grow_from(
    units: NDArray[np.int64],
    fallback: Sequence[int],
    merges: MergeTable,
    lengths: NDArray[np.integer[Any]],
) -> merge_forest.MergeForest:
    """Merge trees of all tokens that are made from `units`; `fallback` are FALLBACK."""
    # Atoms have rank and halves -1; so do, for now, all the others.
    nodes = np.full(2 * len(lengths), -1, dtype=np.int64)
    nodes[0::2] = np.int64(-1) << 8 | merge_forest.UNREACHABLE
    nodes[2 * units] |= merge_forest.PROPER
    nodes[2 * np.asarray(fallback, dtype=np.int64)] |= merge_forest.FALLBACK
    slots, bitmap = pair_table.build(merges.left, merges.right, merges.result, merges.rank)
    forest = merge_forest.MergeForest(nodes, slots, bitmap)
    order = np.argsort(lengths[merges.result], kind="stable")
    merge_forest.grow(forest, merges.left, merges.right, merges.result, merges.rank, order)
    return forest


def states(forest: merge_forest.MergeForest) -> NDArray[np.int64]:
    """int64 (V,): UNREACHABLE, PROPER, IMPROPER or FALLBACK of each token."""
    return forest.nodes[0::2] & 255


def atoms(forest: merge_forest.MergeForest) -> NDArray[np.int64]:
    """int64 (k,): the tokens that merges start from, in ascending order."""
    return np.flatnonzero(forest.nodes[0::2] == (np.int64(-1) << 8 | merge_forest.PROPER))


def hang_spines(forest: merge_forest.MergeForest, merges: MergeTable) -> spines.Spines:
    """Left spines of all reachable tokens, and the merges (sorted by left token) by that token."""
    size = len(forest.nodes) // 2
    rank, left = forest.nodes[0::2] >> 8, forest.nodes[1::2] >> 32
    made = np.flatnonzero(left >= 0)
    children = made[np.lexsort((-rank[made], left[made]))]
    child_starts = np.searchsorted(left[children], np.arange(size + 1))
    tour, enter, leave = spines.depth_first(
        child_starts, children.astype(np.int32), atoms(forest).astype(np.int32)
    )
    return spines.Spines(
        merge_starts=np.searchsorted(merges.left, np.arange(size + 1)),
        merge_right=merges.right,
        merge_rank=merges.rank,
        child_starts=child_starts,
        children=children.astype(np.int32),
        tour=tour,
        enter=enter,
        leave=leave,
        improper=spines.improper_positions(forest.nodes, tour),
    )


def side_by_side(tables: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Copies of some tables in one block of memory, each at the beginning of a cache line.

    NumPy asks for huge pages for a block of 4 MiB and more. Looking tokens up touches more ordinary
    pages than a processor keeps the addresses of.
    """
    line = 8
    starts = np.cumsum([0, *(len(table) + -len(table) % line for table in tables)]).tolist()
    block = np.empty(starts[-1] + line, dtype=np.int64)
    block = block[-block.ctypes.data % (8 * line) // 8 :]
    copies = [block[at : at + len(table)] for at, table in zip(starts, tables, strict=False)]
    for copied, table in zip(copies, tables, strict=True):
        copied[:] = table
    return copies
