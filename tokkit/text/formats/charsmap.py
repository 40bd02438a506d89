"""SentencePiece's `precompiled_charsmap`, read out of its double-array trie, and applied.

Layout (SentencePiece, `normalizer.cc`): uint32 size of the trie in bytes, the trie (an array of
uint32 units, Darts-clone), then the replacements, each ended by a NUL. A unit holds a label (bits
0 to 7, and 31 for a value), a leaf flag (bit 8), an offset (bits 10 to 30, shifted by 8 more if
bit 9 is set). A value is an offset into the replacements.

Libraries walk this trie unchecked, so garbage makes them read out of bounds and abort. Here every
unit that a walk can reach is visited first, whole levels at a time, and checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError

MAX_CHARSMAP_BYTES = 16 * 1024 * 1024
"""The largest real one (`nmt_nfkc_cf`) has about 350 kB."""

_Units = NDArray[np.int64]


def read_charsmap(blob: bytes, where: str) -> dict[str, str]:
    """All (key -> replacement) pairs of a charsmap, every reachable unit checked.

    Raises:
        FormatError: any offset out of bounds, any cycle, or text that is not UTF-8.
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
    return _spell(keys, values, replacements, where)


def _offsets(units: _Units) -> _Units:
    return (units >> 10) << ((units & 0x200) >> 6)


def _walk(trie: _Units, where: str) -> tuple[list[bytes], list[int]]:
    """Breadth first; `bases` are the places where the children of a node start."""
    keys: list[bytes] = []
    values: list[int] = []
    seen = np.zeros(len(trie), dtype=np.bool_)
    bases, prefixes = _offsets(trie[:1]), [b""]
    labels = np.arange(1, 256)
    while len(bases):
        # Libraries look at base ^ label for any label, so the whole block must exist.
        if (bases < 0).any() or (bases | 0xFF).max() >= len(trie):
            raise FormatError(f"{where}: its trie points out of its own bounds")
        places = bases[:, None] ^ labels[None, :]
        node, child = np.nonzero((trie[places] & 0x800000FF) == labels[None, :])
        reached = places[node, child]
        if seen[reached].any() or len(np.unique(reached)) != len(reached):
            raise FormatError(f"{where}: its trie reaches one unit in two ways, so it is no trie")
        seen[reached] = True
        units = trie[reached]
        prefixes = [
            prefixes[n] + bytes((c + 1,)) for n, c in zip(node.tolist(), child.tolist(), strict=True)
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
    return max(
        (len(v.encode()) / len(k.encode()) for k, v in mapping.items()),
        default=1.0,
    )


@dataclass(frozen=True)
class CharsMap:
    """Replaces the longest key at each position, as SentencePiece does.

    Nearly all keys are single characters, which `str.translate` replaces in one pass; only around
    characters that can continue a longer key is the text walked.
    """

    mapping: dict[str, str]
    name: str = "charsmap"
    _single: dict[int, str] = field(init=False, repr=False)
    _longer: re.Pattern[str] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        single = {ord(key): value for key, value in self.mapping.items() if len(key) == 1}
        longer = [key for key in self.mapping if len(key) > 1]
        object.__setattr__(self, "_single", single)
        object.__setattr__(self, "_longer", _longest_first(longer) if longer else None)

    def __call__(self, text: str) -> str:
        """The normalised text."""
        if self._longer is None:
            return text.translate(self._single)
        parts: list[str] = []
        start = 0
        for match in self._longer.finditer(text):
            parts.append(text[start : match.start()].translate(self._single))
            parts.append(self.mapping[match[0]])
            start = match.end()
        parts.append(text[start:].translate(self._single))
        return "".join(parts)


def _longest_first(keys: list[str]) -> re.Pattern[str]:
    """A pattern that matches the longest of `keys`, grouped by first character.

    A group is tried only where its first character stands and one of the second characters of
    all keys follows, so plain text passes quickly.
    """
    tails: dict[str, list[str]] = {}
    for key in sorted(keys, key=len, reverse=True):
        tails.setdefault(key[0], []).append(key[1:])
    seconds = "".join(sorted({re.escape(key[1]) for key in keys}))
    groups = [
        re.escape(first) + "(?:" + "|".join(map(re.escape, rest)) + ")"
        for first, rest in sorted(tails.items())
    ]
    return re.compile(f"(?=.[{seconds}])(?:{'|'.join(groups)})", re.DOTALL)
