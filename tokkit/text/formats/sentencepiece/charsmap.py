"""SentencePiece's `precompiled_charsmap`, read out of its double-array trie, and applied.

Layout (SentencePiece, `normalizer.cc`): uint32 size of the trie in bytes, the trie (an array of
uint32 units, Darts-clone), then the replacements, each ended by a NUL. A unit holds a label (bits
0 to 7, and 31 for a value), a leaf flag (bit 8), an offset (bits 10 to 30, shifted by 8 more if
bit 9 is set). A value is an offset into the replacements.

Libraries walk this trie unchecked, so garbage makes them read out of bounds and abort. Here every
unit that a walk can reach is visited first, whole levels at a time, and checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError
from tokkit.text.normalizers import MAX_GROWTH
from tokkit.text.sentencepiece_normalizer import SentencePieceNormalizer

MAX_CHARSMAP_BYTES = 16 * 1024 * 1024
"""The largest real one (`nmt_nfkc_cf`) has about 350 kB."""

MAX_STEPS = 2_000_000
MAX_KEY_BYTES = 256

_Units = NDArray[np.int64]


def read_charsmap(blob: bytes, where: str) -> dict[str, str]:
    """All (key -> replacement) pairs of a charsmap, every reachable unit checked.

    Raises:
        FormatError: any offset out of bounds, a cycle, text that is not UTF-8, or replacements that
            make a text more than `MAX_GROWTH` times longer.
    """
    if len(blob) > MAX_CHARSMAP_BYTES:
        raise FormatError(f"{where}: {len(blob):,} bytes, expected at most {MAX_CHARSMAP_BYTES:,}")
    if len(blob) < 4:
        raise FormatError(f"{where}: {len(blob)} bytes, too few for the size of its trie")
    size = int.from_bytes(blob[:4], "little")
    if size % 1024 or not 0 < size <= len(blob) - 4:
        raise FormatError(
            f"{where}: declares a trie of {size:,} bytes in a blob of {len(blob):,}; "
            "expected a whole number of 1,024-byte blocks that fits"
        )
    trie = np.frombuffer(blob, dtype="<u4", count=size // 4, offset=4).astype(np.int64)
    replacements = blob[4 + size :]
    keys, values = _walk(trie, where)
    mapping = _spell(keys, values, replacements, where)
    if growth(mapping) > MAX_GROWTH:
        raise FormatError(
            f"{where}: makes text {growth(mapping):,.0f} times longer; expected at most "
            f"{MAX_GROWTH:.0f}"
        )
    return mapping


def _offsets(units: _Units) -> _Units:
    return (units >> 10) << ((units & 0x200) >> 6)


def _walk(trie: _Units, where: str) -> tuple[list[bytes], list[int]]:
    """Breadth first; `bases` are the places where the children of a node start."""
    keys: list[bytes] = []
    values: list[int] = []
    single = [bytes((byte,)) for byte in range(256)]
    walked = 0
    bases = _offsets(trie[:1])
    prefixes: list[bytes] = [b""]
    # A child stands at base ^ label and holds its label, so the base of any unit is known.
    labels = trie & 0x800000FF
    children = np.flatnonzero((labels > 0) & (labels < 256))
    children = children[np.argsort(children ^ labels[children], kind="stable")]
    parents = children ^ labels[children]
    while len(bases):
        # Libraries look at base ^ label for any label, so the whole block must exist.
        if (bases < 0).any() or (bases | 0xFF).max() >= len(trie):
            raise FormatError(f"{where}: its trie points out of its own bounds")
        first = np.searchsorted(parents, bases, side="left")
        counts = np.searchsorted(parents, bases, side="right") - first
        # Darts-clone shares equal tails, so units may be reached twice; a cycle never ends.
        walked += int(counts.sum())
        if walked > MAX_STEPS or len(prefixes[0]) >= MAX_KEY_BYTES:
            raise FormatError(
                f"{where}: its trie holds more than {MAX_STEPS:,} steps or keys longer than "
                f"{MAX_KEY_BYTES} bytes; it may run in a circle"
            )
        node = np.repeat(np.arange(len(bases)), counts)
        within = np.arange(len(node)) - np.repeat(np.cumsum(counts) - counts, counts)
        reached = children[first[node] + within]
        units = trie[reached]
        prefixes = [
            prefixes[n] + single[c]
            for n, c in zip(node.tolist(), labels[reached].tolist(), strict=True)
        ]
        bases = reached ^ _offsets(units)
        leaves = np.flatnonzero(units & 0x100)
        if len(leaves):
            if (bases[leaves] < 0).any() or bases[leaves].max() >= len(trie):
                raise FormatError(f"{where}: its trie points out of its own bounds")
            keys += [prefixes[leaf] for leaf in leaves.tolist()]
            values += (trie[bases[leaves]] & 0x7FFFFFFF).tolist()
    return keys, values


def _spell(keys: list[bytes], values: list[int], texts: bytes, where: str) -> dict[str, str]:
    mapping: dict[str, str] = {}
    try:
        texts.decode("utf-8")
        for key, start in zip(keys, values, strict=True):
            end = texts.find(b"\0", start)
            if start >= len(texts) or end < 0:
                raise FormatError(f"{where}: a replacement lies out of bounds")
            mapping[key.decode("utf-8")] = texts[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: a key or a replacement is not UTF-8") from error
    return mapping


def growth(mapping: dict[str, str]) -> float:
    """How many times longer, in UTF-8 bytes, the mapping can make a text."""
    return max((len(v.encode()) / len(k.encode()) for k, v in mapping.items()), default=1.0)


@dataclass(frozen=True)
class CharsMap:
    """Replaces the longest key at each position, as SentencePiece does."""

    mapping: dict[str, str]
    name: str = "charsmap"

    @cached_property
    def _whole(self) -> SentencePieceNormalizer:
        return SentencePieceNormalizer(self.mapping, marked=False)

    def __call__(self, text: str) -> str:
        """The normalised text."""
        return self._whole(text)

    def units(self, text: str) -> Iterator[tuple[str, int, int]]:
        """What each key or character becomes, and its place."""
        return self._whole.units(text)
