"""What the tokens of a BPE vocabulary are made for: steps on the way, and chains of such steps.

A token is *intermediate* if exactly one merge uses it, and that merge stands within 1% of its own
rank (or the ten after it). Counts of merges fall slowly along the list, so that a pair merged so
soon after was about as frequent as the token itself: nearly every occurrence of the token became
the longer one. This is what Picky BPE (Chizhov et al., 2024) and Scaffold-BPE (Lian et al., 2024)
measure on the training text, read off the list alone. A token that grew by several such steps was
frequent as a whole and hardly in parts: a phrase, a name, an address that was repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.vocabulary import INTERMEDIATE_MERGE, REDUNDANT_MERGE
from tokkit.audit.vocabulary.showing import decoded, longest_first
from tokkit.errors import FormatError
from tokkit.files.json_text import parse_json, want_list, want_object
from tokkit.files.reading import read_bounded
from tokkit.report.wording import excerpt, plural
from tokkit.text.segment_models.bpe import BpeModel
from tokkit.text.spec import MergeTable
from tokkit.text.tokenizer import TextTokenizer

NEAR_SHARE, NEAR_RANKS = 0.01, 10
_N_WITNESSES = 4


@dataclass(frozen=True, eq=False)
class MergeUses:
    """Arrays are indexed by id.

    Attributes:
        intermediate: bool (V,), see the module.
        chain: int32 (V,), how many intermediate tokens in a row lead to it.
    """

    intermediate: NDArray[np.bool_]
    chain: NDArray[np.int32]


def uses_of_merges(tokenizer: TextTokenizer) -> MergeUses | None:
    """What the tokens are made for; None if no merges make them.

    A vocabulary of ranks (tiktoken) allows every pair that spells a token, so what counts is the
    pair that really makes it.
    """
    if not isinstance(tokenizer.model, BpeModel):
        return None
    return merge_uses(tokenizer.model.merge_trees(), tokenizer.vocab_size)


def merge_uses(merges: MergeTable, vocab_size: int) -> MergeUses:
    """Read a merge list.

    Args:
        merges: the first of several ways to a token counts as its making.
        vocab_size: number of ids.
    """
    made = np.full(vocab_size, -1, dtype=np.int64)
    by_rank = np.argsort(merges.rank, kind="stable")
    results, first = np.unique(merges.result[by_rank], return_index=True)
    making = by_rank[first]
    place = np.empty(len(making), dtype=np.int64)
    place[np.argsort(merges.rank[making], kind="stable")] = np.arange(len(making))
    made[results] = place
    uses = np.zeros(vocab_size, dtype=np.int64)
    parent = np.full(vocab_size, -1, dtype=np.int64)
    left, right = merges.left[making], merges.right[making]
    for side in (left, right):
        np.add.at(uses, side, 1)
        parent[side] = results
    np.subtract.at(uses, left[left == right], 1)
    known = np.flatnonzero((uses == 1) & (made >= 0))
    near = made[parent[known]] - made[known] <= np.maximum(NEAR_SHARE * made[known], NEAR_RANKS)
    intermediate = np.zeros(vocab_size, dtype=np.bool_)
    intermediate[known[near]] = True
    chain = np.zeros(vocab_size, dtype=np.int32)
    for k in np.argsort(place).tolist():
        for side in (int(left[k]), int(right[k])):
            if intermediate[side]:
                chain[results[k]] = max(chain[results[k]], chain[side] + 1)
    return MergeUses(intermediate, chain)


def merge_findings(
    tokenizer: TextTokenizer, uses: MergeUses, path: Path | None
) -> Iterator[Finding]:
    """Intermediate tokens, and merges that the file lists in vain."""
    tokens = np.flatnonzero(uses.intermediate).tolist()
    if tokens:
        longest = longest_first(tokenizer, tokens)
        named = (repr(excerpt(tokenizer.token_bytes(token), limit=24)) for token in longest[:3])
        yield Finding.of(
            INTERMEDIATE_MERGE,
            f"{plural(len(tokens), 'token')} ({len(tokens) / tokenizer.vocab_size:.1%} of the "
            "vocabulary) used by a single merge that comes right after their own, as "
            f"{', '.join(named)}.",
            tokens,
            decoded(tokenizer, longest[:_N_WITNESSES], lambda _: "a step on the way"),
        )
    listed = None if path is None else listed_merges(path)
    merges = tokenizer.merges
    if listed is not None and merges is not None and listed > len(merges):
        yield Finding(
            REDUNDANT_MERGE,
            f"The file lists {listed:,} merges for {len(merges):,} tokens. The other "
            f"{listed - len(merges):,} are further ways to a token that an earlier merge makes.",
            listed - len(merges),
            witnesses=(Witness("load", note="a token is made by the first merge that gives it"),),
        )


def listed_merges(path: Path) -> int | None:
    """How many merges a tokenizer.json lists; None if the file is something else."""
    if path.suffix != ".json":
        return None
    where = path.name
    try:
        document = want_object(parse_json(read_bounded(path), where), where)
        return len(want_list(want_object(document.get("model"), where).get("merges"), where))
    except FormatError:
        return None
