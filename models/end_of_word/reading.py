"""Going on after a cache: the next symbol behind every byte of several texts, exactly.

1. Behind each byte the word may end: what the encoder makes of the word so far is a *leaf*, and the
   vectors of a word that did end are those of the leaf at its last byte. Equal leaves are encoded
   once.
2. The backbone reads the words that ended (`Stack.extend`), and says what would follow each leaf
   (`Stack.branch`), without keeping that.
3. The decoder reads each word so far, and the beginning of a word after each leaf; `law` puts the
   two together.

Where the next byte is known (`read_through`), only those behind which a word ended have leaves. And
the decoder alone says how likely the bytes are that go on with a word (`glance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, Bounds
from tokkit.models.blocks.embedding import SymbolContext
from tokkit.models.blocks.kv_cache import KVCache
from tokkit.models.end_of_word.law import byte_logprobs, masked_logprobs
from tokkit.models.end_of_word.network import EndOfWordNetwork
from tokkit.models.end_of_word.packing import Packing
from tokkit.models.text_models.windows import symbol_rows
from tokkit.models.words.cutting import CutState, UnitCutter
from tokkit.text.words import beginning_rows

_LEAF_BYTES = 1 << 14
"""Of leaves that are encoded at once."""


@dataclass(frozen=True, eq=False)
class WordCache:
    """What has been read of a text; a value.

    Attributes:
        cut: what the cutter knows of it.
        keys: of the backbone, which has read the words that ended.
        prefix: float (n_vectors, width of the decoder), what it says before the word in progress.
        context: of the decoder's embedding.
        word: the bytes of the word in progress.
        embedded: float (len(word), width of the decoder), of them.
        leaf: float (n_vectors, width of the backbone), what the encoder makes of them; None where
            there are none.
        after: float (n_vectors, width of the decoder), what would be before the next word if the
            one in progress ended here; None where there is none.
    """

    cut: CutState
    keys: KVCache
    prefix: torch.Tensor
    context: SymbolContext
    word: bytes
    embedded: torch.Tensor
    leaf: torch.Tensor | None
    after: torch.Tensor | None


@dataclass(frozen=True, eq=False)
class _Stretch:
    """New bytes of a text, joined to the word in progress.

    Attributes:
        data: the word in progress, then the new bytes.
        n_old: bytes of the former.
        starts: int64 (words,), in `data`, from 0; all words but the last one have ended.
        rows: int32 (new,), see `beginning_rows`.
        leaves: int64 (leaves,), the new bytes that have one: all, or those that end a word and the
            last.
        cut: what the cutter knows after them.
    """

    data: bytes
    n_old: int
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    leaves: NDArray[np.int64]
    cut: CutState

    @classmethod
    def of(
        cls, cutter: UnitCutter, cache: WordCache, data: bytes, *, all_leaves: bool = True
    ) -> _Stretch:
        """Cut the bytes after those of a cache."""
        cuts, rows, cut = cutter.extend_with_places(cache.cut, data)
        n_old = len(cache.word)
        leaves = np.arange(len(data))
        if not all_leaves and len(data):
            leaves = np.append(cuts.ends[cuts.ends > 0] - 1, len(data) - 1)
        return cls(cache.word + data, n_old, np.append(0, cuts.ends + n_old), rows, leaves, cut)

    @property
    def n_new(self) -> int:
        """How many bytes are new."""
        return len(self.rows)

    @property
    def n_ended(self) -> int:
        """How many words ended."""
        return len(self.starts) - 1

    def words_of_leaves(self) -> NDArray[np.int64]:
        """int64 (leaves,), the number of the word that each is of."""
        return np.searchsorted(self.starts, self.leaves + self.n_old, side="right") - 1


def begin_reading(network: EndOfWordNetwork) -> tuple[WordCache, NDArray[np.float64]]:
    """See `CachedTextModel.begin`."""
    shape = network.shape
    start = network.start.weight[None]
    states, (keys,) = network.backbone.extend(
        start, [shape.n_vectors], [network.backbone.start_cache()]
    )
    prefix = network.decoder.project(states)
    _, context = network.embedding.extend(
        torch.full((1, 1), END, device=start.device), [1], [network.embedding.start()]
    )
    empty = prefix.new_zeros(0, shape.decoder.width)
    logits = network.decoder(prefix, empty, [(1, 0)])
    row = masked_logprobs(logits, network.forbidden[-1:])[0]
    cut = network.cutter.begin()
    cache = WordCache(cut, keys, prefix[0], context[0], b"", empty, leaf=None, after=None)
    return cache, row.cpu().numpy()


def read_on(
    network: EndOfWordNetwork,
    caches: Sequence[WordCache],
    data: Sequence[bytes],
    *,
    whole_rows: bool = True,
) -> tuple[list[WordCache], list[NDArray[np.float64]]]:
    """See `CachedTextModel.extend`, and `read_through` for rows that are not whole."""
    if not any(data):
        return list(caches), [np.zeros((0, END + 1)) for _ in data]
    stretches = [
        _Stretch.of(network.cutter, *each, all_leaves=whole_rows)
        for each in zip(caches, data, strict=True)
    ]
    leaves, number = _encoded_leaves(network, stretches)
    keys, prefixes = _read_words(network, caches, stretches, leaves, number)
    after = network.decoder.project(_branched(network, caches, stretches, keys, leaves[number]))
    embedded, contexts = _embedded(network, caches, stretches)
    within, first = _decoded(network, stretches, prefixes, embedded, after)
    rows = _rows(network, stretches, within, first)
    later: list[WordCache] = []
    last_leaf = np.cumsum([len(stretch.leaves) for stretch in stretches]) - 1
    for place, (cache, stretch) in enumerate(zip(caches, stretches, strict=True)):
        begun = int(stretch.starts[-1])
        later.append(
            WordCache(
                stretch.cut,
                keys[place],
                prefixes[place][-1],
                contexts[place],
                stretch.data[begun:],
                embedded[place][begun:],
                leaves[number[last_leaf[place]]] if stretch.n_new else cache.leaf,
                after[last_leaf[place]] if stretch.n_new else cache.after,
            )
        )
    return later, rows


def glance(network: EndOfWordNetwork, cache: WordCache, data: bytes) -> Bounds | None:
    """See `CachedTextModel.glance`: where the text is still in the word, or in the next one.

    What the backbone says before the next word is what it said of the leaf at the end of this one.
    """
    stretch = _Stretch.of(network.cutter, cache, data)
    prefix, word = cache.prefix, stretch.data
    (embedded,), _ = _embedded(network, [cache], [stretch])
    if stretch.n_ended:
        if stretch.n_ended > 1 or stretch.starts[1] != stretch.n_old or cache.after is None:
            return None
        prefix, word, embedded = cache.after, data, embedded[stretch.n_old :]
    logits = network.decoder(prefix[None], embedded, [(1, len(word))])
    kind = int(stretch.rows[-1])
    logprobs = masked_logprobs(logits[-1:], network.forbidden[kind : kind + 1])
    masses = logprobs[0].exp().cpu().numpy()
    slack, masses[END] = float(masses[END]), 0.0
    return Bounds(masses, slack, log_unit=float("nan"))


def _encoded_leaves(
    network: EndOfWordNetwork, stretches: Sequence[_Stretch]
) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Vectors of the distinct leaves, and for each leaf of each text which of them it is."""
    seen: dict[bytes, int] = {}
    number: list[int] = []
    for stretch in stretches:
        begun = stretch.starts[stretch.words_of_leaves()].tolist()
        places = (stretch.leaves + stretch.n_old + 1).tolist()
        for place, start in zip(places, begun, strict=True):
            number.append(seen.setdefault(stretch.data[start:place], len(seen)))
    lengths = np.array([len(word) for word in seen], np.int64)
    data, starts = np.frombuffer(b"".join(seen), np.uint8), np.cumsum(lengths) - lengths
    pieces = np.flatnonzero(np.diff(starts // _LEAF_BYTES, prepend=-1))
    vectors = [
        network.encoder(data, starts[first:last], lengths[first:last])
        for first, last in zip(pieces, [*pieces[1:], len(lengths)], strict=True)
    ]
    return torch.cat(vectors), np.array(number, np.int64)


def _read_words(
    network: EndOfWordNetwork,
    caches: Sequence[WordCache],
    stretches: Sequence[_Stretch],
    leaves: torch.Tensor,
    number: NDArray[np.int64],
) -> tuple[list[KVCache], list[torch.Tensor]]:
    """The backbone after the words that ended, and the prefix of each word: (words, k, width)."""
    k, width = leaves.shape[1:]
    lengths = [stretch.n_ended * k for stretch in stretches]
    prefixes = [cache.prefix[None] for cache in caches]
    keys = [cache.keys for cache in caches]
    if not any(lengths):
        return keys, prefixes
    x = leaves.new_zeros(len(caches), max(lengths), width)
    begun = 0
    for row, cache, stretch in zip(x, caches, stretches, strict=True):
        ends = stretch.starts[1:] - 1 - stretch.n_old  # the new byte that each word ended with
        of_old = int(stretch.n_ended > 0 and ends[0] < 0)
        if of_old:
            assert cache.leaf is not None
            row[:k] = cache.leaf
        which = begun + np.searchsorted(stretch.leaves, ends[of_old:])
        row[of_old * k : stretch.n_ended * k] = leaves[number[which]].flatten(0, 1)
        begun += len(stretch.leaves)
    states, keys = network.backbone.extend(x, lengths, keys)
    said = network.decoder.project(states)
    return keys, [
        torch.cat([prefix, each[:length].unflatten(0, (-1, k))]) if length else prefix
        for prefix, each, length in zip(prefixes, said, lengths, strict=True)
    ]


def _branched(
    network: EndOfWordNetwork,
    caches: Sequence[WordCache],
    stretches: Sequence[_Stretch],
    keys: Sequence[KVCache],
    leaves: torch.Tensor,
) -> torch.Tensor:
    """What the backbone would say after each leaf: (leaves, k, width)."""
    k = leaves.shape[1]
    after = [
        cache.keys.n_places + k * stretch.words_of_leaves()
        for cache, stretch in zip(caches, stretches, strict=True)
    ]
    places = torch.from_numpy(np.concatenate(after)).to(leaves.device)
    return network.backbone.branch(leaves, places, [len(each.leaves) for each in stretches], keys)


def _embedded(
    network: EndOfWordNetwork, caches: Sequence[WordCache], stretches: Sequence[_Stretch]
) -> tuple[list[torch.Tensor], list[SymbolContext]]:
    """The bytes of each stretch as the decoder reads them, and the contexts after them."""
    symbols, lengths = symbol_rows(
        [stretch.data[stretch.n_old :] for stretch in stretches], device=network.start.weight.device
    )
    x, contexts = network.embedding.extend(symbols, lengths, [cache.context for cache in caches])
    joined = [
        torch.cat([cache.embedded, each[:length]])
        for cache, each, length in zip(caches, x, lengths, strict=True)
    ]
    return joined, contexts


def _decoded(
    network: EndOfWordNetwork,
    stretches: Sequence[_Stretch],
    prefixes: Sequence[torch.Tensor],
    embedded: Sequence[torch.Tensor],
    after: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits behind each new byte in its word, (new bytes, 257), and after each leaf."""
    offsets = np.cumsum([0, *(len(stretch.data) for stretch in stretches)])
    starts = np.concatenate(
        [stretch.starts + offset for stretch, offset in zip(stretches, offsets[:-1], strict=True)]
    )
    n_words, n_leaves = len(starts), len(after)
    lengths = np.diff(starts, append=offsets[-1])
    packing = Packing.of(np.concatenate([lengths, np.zeros(n_leaves, np.int64)]))
    starts = np.concatenate([starts, np.full(n_leaves, offsets[-1])])
    word, step = packing.steps()
    places = starts[word] + step
    order, places = (torch.from_numpy(each).to(after.device) for each in (packing.order, places))
    prefix = torch.cat([*prefixes, after])[order]
    logits = network.decoder(prefix, torch.cat(list(embedded))[places], packing.groups)
    word, step = packing.steps(more=1)
    stands = np.empty(offsets[-1], np.int64)  # of each byte of the stretches, the row behind it
    behind = np.flatnonzero(step)
    stands[(starts[word] + step - 1)[behind]] = behind
    new = [
        stands[offset + stretch.n_old : offset + len(stretch.data)]
        for stretch, offset in zip(stretches, offsets[:-1], strict=True)
    ]
    leaves = np.empty(n_leaves, np.int64)
    leaf = np.flatnonzero(word >= n_words)
    leaves[word[leaf] - n_words] = leaf
    within, first = (
        logits[torch.from_numpy(each).to(after.device)] for each in (np.concatenate(new), leaves)
    )
    return within, first


def _rows(
    network: EndOfWordNetwork,
    stretches: Sequence[_Stretch],
    within: torch.Tensor,
    first: torch.Tensor,
) -> list[NDArray[np.float64]]:
    """The next symbol behind each new byte; without a leaf, only bytes that go on with the word."""
    rows = np.concatenate([stretch.rows for stretch in stretches]).astype(np.int64)
    kinds = torch.from_numpy(rows).to(within.device)
    n_rows = len(beginning_rows(network.cutter.word_rule))
    found = masked_logprobs(within, network.forbidden[kinds])
    begun = np.cumsum([0, *(stretch.n_new for stretch in stretches[:-1])])
    at = torch.from_numpy(
        np.concatenate(
            [stretch.leaves + offset for stretch, offset in zip(stretches, begun, strict=True)]
        )
    ).to(within.device)
    after = masked_logprobs(first, network.forbidden[n_rows + kinds[at]])
    whole = byte_logprobs(found[at], after)
    found[:, END] = -torch.inf
    found = found.index_copy(0, at, whole)
    counts = [stretch.n_new for stretch in stretches]
    return [each.numpy() for each in found.cpu().split(counts)]
