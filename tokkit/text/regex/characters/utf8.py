"""Read UTF-8 one byte at a time into the classes of an alphabet, sharing equal futures.

After some bytes of a character, all that matters is which class each completion would give. Two
beginnings with the same completions (most of the leads of Chinese characters, say) are one node,
so that automata over bytes stay small.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from tokkit.text.regex.characters.charset import INVALID, Alphabet, distinct_rows

_NONE = -1


class Utf8Classes:
    """The decoder. A *node* is an int: a beginning of a character, by what may still come."""

    def __init__(self, alphabet: Alphabet) -> None:
        classes = alphabet.class_of[:INVALID].astype(np.int64)
        classes[0xD800:0xE000] = _NONE
        self._first = classes[:128]
        # Level 0: the last byte is missing; level 1: two bytes; level 2: three.
        leaves, leaf_of = distinct_rows(classes.reshape(-1, 64))
        two_byte = leaf_of[:32].copy()
        leaf_of[:32] = _NONE  # overlong: these characters have shorter forms
        leaf_of[0xD800 >> 6 : 0xE000 >> 6] = _NONE
        middles, middle_of = distinct_rows(leaf_of.reshape(-1, 64))
        three_byte = middle_of[:16].copy()
        middle_of[:16] = _NONE
        padded = np.full(512, _NONE, dtype=np.int64)
        padded[: len(middle_of)] = middle_of
        tops, top_of = distinct_rows(padded.reshape(-1, 64))
        self._levels = (leaves, middles, tops)
        self._base = (0, len(leaves), len(leaves) + len(middles))
        self._leads = np.full(256, _NONE, dtype=np.int64)
        self._leads[0xC2:0xE0] = two_byte[2:32]
        self._leads[0xE0:0xF0] = three_byte + self._base[1]
        self._leads[0xF0:0xF5] = top_of[:5] + self._base[2]

    def lead(self, byte: int) -> tuple[int | None, int | None]:
        """`(class, None)` of an ASCII byte, `(None, node)` of a lead, `(None, None)` otherwise."""
        if byte < 0x80:
            return int(self._first[byte]), None
        node = int(self._leads[byte])
        return None, None if node == _NONE else node

    def follow(self, node: int, byte: int) -> tuple[int | None, int | None]:
        """The next byte of a character: as `lead`; `(None, None)` if the byte does not belong."""
        if byte & 0xC0 != 0x80:
            return None, None
        level = 2 if node >= self._base[2] else 1 if node >= self._base[1] else 0
        child = int(self._levels[level][node - self._base[level], byte & 0x3F])
        if child == _NONE:
            return None, None
        return (child, None) if level == 0 else (None, child + self._base[level - 1])

    def completions(self, node: int) -> frozenset[int]:
        """The classes of the characters that may still come of `node`."""
        return self._completions[node]

    @cached_property
    def _completions(self) -> list[frozenset[int]]:
        found: list[frozenset[int]] = [
            frozenset(row[row != _NONE].tolist()) for row in self._levels[0]
        ]
        for level in (1, 2):
            base = self._base[level - 1]
            for row in self._levels[level]:
                children: list[int] = row[row != _NONE].tolist()
                symbols = (symbol for child in children for symbol in found[base + child])
                found.append(frozenset(symbols))
        return found


@lru_cache(maxsize=16)
def utf8_classes(alphabet: Alphabet) -> Utf8Classes:
    """The decoder of an alphabet; tokenizers with the same pretokenizer share it."""
    return Utf8Classes(alphabet)
