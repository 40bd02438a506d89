"""Which contexts decide the bytes of a text, and how: the cover of `tokkit.bytelm`, for gradients.

`Cover` finds the canonical sequences of tokens (*heads*) after which the next byte may come. Which
they are depends on the bytes alone, so that a text's tree of heads can be made before any model
runs, and a model whose logits have a gradient is summed along it: P(next byte) is the sum over
heads of P(head) times the mass of the tokens that go on with that byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.heads import LiveHead, Stem
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import ContextSession

if TYPE_CHECKING:
    import torch

_NEVER = -1e30
"""For a logit that counts nothing: minus infinity has no gradient."""


@dataclass(frozen=True, eq=False)
class ByteTree:
    """The heads of some places of a text, parents first; the first is the empty one.

    Attributes:
        tokens: int64 (n,), the last token of each head, -1 of the first.
        depths: int64 (n,), tokens of each.
        above: bool (n, n), which heads (columns) each (row) goes through, itself included.
        positions: int64 (n,), the last token of each in the order of bytes, -1 of the first.
        parents: int64 (n,), -1 of the first.
        states: of the canonical automaton.
        whole: int64 (k, 2): place and head, where all the head's tokens are open.
        begun: int64 (m, 4): place, head, token in the order of bytes, and its byte at that place,
            where a token has begun before the place.
    """

    tokens: NDArray[np.int64]
    depths: NDArray[np.int64]
    above: NDArray[np.bool_]
    positions: NDArray[np.int64]
    parents: NDArray[np.int64]
    states: tuple[int, ...]
    whole: NDArray[np.int64]
    begun: NDArray[np.int64]


def tree_of(vocabulary: ByteVocabulary, data: bytes, places: Sequence[int]) -> ByteTree:
    """The heads that decide the bytes at some places of a text.

    Args:
        vocabulary: the sorted tokens.
        data: the text.
        places: numbers of bytes after which a byte is to be predicted, ascending.
    """
    session = ContextSession(vocabulary.token_lm)
    cover = Cover(vocabulary, session, session.root)
    wanted = set(places)
    live: list[list[LiveHead]] = [list(cover.live)] if 0 in wanted else []
    for end in range(1, max(places, default=0) + 1):
        cover.push(data[end - 1 : end])
        if end in wanted:
            live.append(list(cover.live))
    stems = _with_ancestors([each.head.stem for alive in live for each in alive])
    number = {stem: k for k, stem in enumerate(stems)}
    parents = np.array([-1 if s.parent is None else number[s.parent] for s in stems], np.int64)
    above = np.eye(len(stems), dtype=np.bool_)
    for k, parent in enumerate(parents.tolist()):
        if parent >= 0:
            above[k] |= above[parent]
    whole: list[tuple[int, int]] = []
    begun = [np.empty((0, 4), dtype=np.int64)]
    for row, (place, alive) in enumerate(zip(places, live, strict=True)):
        for each in alive:
            if each.head.start == place:
                whole.append((row, number[each.head.stem]))
            else:
                tokens = np.arange(each.low, each.high)
                next_bytes = vocabulary.trie.bytes_at(tokens, place - each.head.start)
                fixed = np.full((2, len(tokens)), [[row], [number[each.head.stem]]])
                begun.append(np.stack([*fixed, tokens, next_bytes.astype(np.int64)], axis=1))
    return ByteTree(
        np.array([s.node.token for s in stems], np.int64),
        np.array([s.node.depth for s in stems], np.int64),
        above,
        np.array([s.position for s in stems], np.int64),
        parents,
        tuple(s.state for s in stems),
        np.array(whole, dtype=np.int64).reshape(-1, 2),
        np.concatenate(begun),
    )


def _with_ancestors(stems: Sequence[Stem]) -> list[Stem]:
    """The sequences and all that they go through, each once, parents first."""
    found: dict[Stem, None] = {}
    for stem in stems:
        chain: list[Stem] = []
        current: Stem | None = stem
        while current is not None and current not in found:
            chain.append(current)
            current = current.parent
        found.update(dict.fromkeys(reversed(chain)))
    return list(found)


def byte_logprobs(
    vocabulary: ByteVocabulary, tree: ByteTree, logits: torch.Tensor, n_places: int
) -> torch.Tensor:
    """float32 (places, 257), nats: the next byte at each place, the last column for end of text.

    Args:
        vocabulary: the sorted tokens.
        tree: of the text.
        logits: float32 (heads, vocabulary), after each head.
        n_places: of the tree.
    """
    import torch

    device = logits.device
    logprobs, ends = _canonical(vocabulary, tree, logits)
    n = len(tree.tokens)
    steps = logits.new_zeros(n)
    if n > 1:
        parents, positions = (
            torch.from_numpy(a[1:]).to(device) for a in (tree.parents, tree.positions)
        )
        steps = torch.cat([steps[:1], logprobs[parents, positions]])
    weights = torch.from_numpy(tree.above).to(logits) @ steps
    symbols = logits.new_zeros((n, N_SYMBOLS))
    first = torch.from_numpy(vocabulary.first_bytes.astype(np.int64)).to(device)
    whole, begun = (torch.from_numpy(each).to(device) for each in (tree.whole, tree.begun))
    symbols = symbols.index_add(1, first, logprobs.exp())
    symbols = symbols.index_add(1, torch.tensor([END], device=device), ends.exp()[:, None])
    scale = logits.new_full((n_places,), -torch.inf)
    for places, heads in ((whole[:, 0], whole[:, 1]), (begun[:, 0], begun[:, 1])):
        scale = scale.scatter_reduce(0, places, weights.detach()[heads], "amax")
    masses = logits.new_zeros((n_places, N_SYMBOLS))
    shares = (weights[whole[:, 1]] - scale[whole[:, 0]]).exp()
    masses = masses.index_add(0, whole[:, 0], shares[:, None] * symbols[whole[:, 1]])
    parts = (weights[begun[:, 1]] - scale[begun[:, 0]] + logprobs[begun[:, 1], begun[:, 2]]).exp()
    flat = masses.flatten().index_add(0, begun[:, 0] * N_SYMBOLS + begun[:, 3], parts)
    masses = flat.view(n_places, N_SYMBOLS)
    return masses.clamp_min(1e-30).log() - masses.sum(1, keepdim=True).clamp_min(1e-30).log()


def _canonical(
    vocabulary: ByteVocabulary, tree: ByteTree, logits: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log P(token | head) in the order of bytes (heads, tokens), and of end of text (heads,)."""
    import torch

    device, n = logits.device, len(vocabulary.trie)
    permitted = np.stack(
        [np.unpackbits(vocabulary.permitted(state), count=n) for state in tree.states]
    ).astype(np.bool_)
    may_end = np.array([vocabulary.canonical.may_end(state) for state in tree.states])
    order = torch.from_numpy(vocabulary.order.astype(np.int64)).to(device)
    never = logits.new_tensor(_NEVER)
    text = torch.where(torch.from_numpy(permitted).to(device), logits[:, order], never)
    ends = never.expand(len(logits))
    if len(vocabulary.end_ids):
        each = logits[:, torch.from_numpy(vocabulary.end_ids).to(device)].logsumexp(1)
        ends = torch.where(torch.from_numpy(may_end).to(device), each, never)
    total = torch.cat([text, ends[:, None]], dim=1).logsumexp(1)
    return text - total[:, None], ends - total
