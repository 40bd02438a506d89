"""What the counts of several tokenizers say, as data: `Comparison`.

Intervals hold 95%, by the percentile bootstrap over blocks of text (see
`tokkit.audit.costs.bootstrap`); the same blocks are drawn for all tokenizers, so that ratios are
drawn in pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.comparing.measuring import Counts
from tokkit.audit.comparing.texts import Texts
from tokkit.audit.costs.bootstrap import Estimate, ratio
from tokkit.audit.costs.costs import Cost, in_both

_LEAST_BLOCKS = 5
"""Of fewer blocks no interval is told."""


@dataclass(frozen=True)
class Figure:
    """A figure with its interval, or None where there is too little text for one."""

    value: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, found: Estimate, n_blocks: int) -> Figure:
        """With the interval, if so many blocks are enough for one."""
        return cls(found.value, found.interval if n_blocks >= _LEAST_BLOCKS else None)


@dataclass(frozen=True)
class FileTypeCost:
    """What one type of file costs with each tokenizer, in order.

    Attributes:
        name: ".py", or "text" for what was given as such.
        n_bytes: of the texts.
        n_tokens: of each tokenizer.
        bytes_per_token: likewise.
    """

    name: str
    n_bytes: int
    n_tokens: tuple[int, ...]
    bytes_per_token: tuple[Figure, ...]


@dataclass(frozen=True)
class LanguageCost:
    """What one language of parallel text costs.

    Attributes:
        code: of the language.
        name: what a reader calls it.
        n_tokens: of each tokenizer; None where its vocabulary cannot express it.
        ratios: tokens over those of the first tokenizer; None where either has none.
    """

    code: str
    name: str
    n_tokens: tuple[int | None, ...]
    ratios: tuple[Estimate | None, ...]


@dataclass(frozen=True)
class TokenizerFigures:
    """What one tokenizer makes of all texts.

    Attributes:
        name: as it is called here.
        vocab_size: its ids.
        n_tokens: of all texts.
        n_unknown: of these, unknown tokens: they stand for text that is lost.
        bytes_per_token: UTF-8 bytes over tokens.
        ratio: tokens over those of the first tokenizer; 1 for the first.
        bytes_per_second: of encoding, in one thread, on this machine.
        price: of a million tokens, if the caller gave one.
        cost: of all texts at that price.
        cost_per_megabyte: of a million bytes of such text at that price.
    """

    name: str
    vocab_size: int
    n_tokens: int
    n_unknown: int
    bytes_per_token: Figure
    ratio: Figure
    bytes_per_second: Figure
    price: float | None
    cost: float | None
    cost_per_megabyte: Figure | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """What several tokenizers make of the same texts.

    Attributes:
        n_bytes: of the texts.
        n_left_out: files of folders that are no text.
        tokenizers: in the order in which they were given.
        file_types: by size, the largest first.
        languages: of parallel text, where the tokenizers differ most first.
        language_source: what that text is.
    """

    n_bytes: int
    n_left_out: int
    tokenizers: tuple[TokenizerFigures, ...]
    file_types: tuple[FileTypeCost, ...]
    languages: tuple[LanguageCost, ...]
    language_source: str

    @property
    def names(self) -> list[str]:
        """Of the tokenizers."""
        return [each.name for each in self.tokenizers]

    def fewest(self) -> TokenizerFigures:
        """The tokenizer with the fewest tokens."""
        return min(self.tokenizers, key=lambda each: each.n_tokens)


def figures_of(
    counts: Counts,
    first: Counts,
    timed: tuple[NDArray[np.float64], NDArray[np.float64]],
    texts: Texts,
    about: tuple[str, int, float | None],
) -> TokenizerFigures:
    """The figures of one tokenizer.

    Args:
        counts: its own.
        first: those of the first tokenizer.
        timed: bytes of pieces of text, and the seconds that encoding each took.
        texts: what was encoded.
        about: its name, the size of its vocabulary, and the price of a million tokens.
    """
    name, vocab_size, price = about
    sizes = block_sizes(texts)
    n_blocks, total = len(sizes), int(counts.n_tokens.sum())
    per_megabyte = None
    if price is not None:
        found = ratio((counts.by_block * price).tolist(), sizes.tolist(), 6)
        per_megabyte = Figure.of(found, n_blocks)
    return TokenizerFigures(
        name=name,
        vocab_size=vocab_size,
        n_tokens=total,
        n_unknown=counts.n_unknown,
        bytes_per_token=_bytes_per_token(sizes, counts.by_block),
        ratio=change(counts, first),
        bytes_per_second=Figure.of(ratio(timed[0].tolist(), timed[1].tolist(), 0), len(timed[0])),
        price=price,
        cost=None if price is None else total * price / 1e6,
        cost_per_megabyte=per_megabyte,
    )


def change(counts: Counts, first: Counts) -> Figure:
    """Tokens over those of another tokenizer, for the same blocks."""
    if not first.by_block.sum():
        return Figure(float("nan"), None)
    found = ratio(counts.by_block.tolist(), first.by_block.tolist())
    return Figure.of(found, len(first.by_block))


def block_sizes(texts: Texts) -> NDArray[np.float64]:
    """float64 (blocks,): bytes of each block, in order."""
    return np.concatenate([np.diff(texts.edges(part)) for part in texts.parts]).astype(np.float64)


def _bytes_per_token(sizes: NDArray[np.float64], tokens: NDArray[np.float64]) -> Figure:
    if not tokens.sum():
        return Figure(float("nan"), None)
    return Figure.of(ratio(sizes.tolist(), tokens.tolist()), len(sizes))


def file_type_costs(all_counts: Sequence[Counts], texts: Texts) -> tuple[FileTypeCost, ...]:
    """The cost of each type of file."""
    kinds = np.array(
        [part.file_type for part in texts.parts for _ in range(len(texts.edges(part)) - 1)]
    )
    sizes = block_sizes(texts)
    found: list[FileTypeCost] = []
    for kind in texts.file_types():
        inside = kinds == kind
        found.append(
            FileTypeCost(
                kind,
                int(sizes[inside].sum()),
                tuple(int(counts.by_block[inside].sum()) for counts in all_counts),
                tuple(_bytes_per_token(sizes[inside], c.by_block[inside]) for c in all_counts),
            )
        )
    return tuple(found)


def language_cost(code: str, name: str, costs: Sequence[Cost]) -> LanguageCost:
    """The cost of one language.

    Args:
        code: of the language.
        name: for a reader.
        costs: of its texts with each tokenizer.
    """
    totals = tuple(None if each.lost else sum(each.n_tokens) for each in costs)
    ratios: list[Estimate | None] = []
    for each in costs:
        if each.lost or costs[0].lost:
            ratios.append(None)
            continue
        one, other = in_both(costs[0], each)
        ratios.append(ratio(other.n_tokens, one.n_tokens))
    return LanguageCost(code, name, totals, tuple(ratios))


def spread(cost: LanguageCost) -> float:
    """How far the tokenizers are apart: the logarithm of the largest ratio over the smallest."""
    known = [each.value for each in cost.ratios if each is not None and each.value > 0]
    return float(np.log(max(known) / min(known))) if known else 0.0
