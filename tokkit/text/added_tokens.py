"""Cutting added tokens out of a text, as the `tokenizers` library does it.

Matches are found from left to right, of those at one place the longest. A match that does not count
(a control token that was not asked for, a `single_word` beside a letter) still uses up its text, so
nothing is found inside it. `lstrip` and `rstrip` take the white space beside a match with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.segmentation.trie import matches
from tokkit.text.regex.characters.unicode_properties import word_ranges
from tokkit.text.segment_models.vocabulary import build_trie
from tokkit.text.spec import AddedToken, TokenizerSpec, TokenKind
from tokkit.text.white_space import WHITE_SPACE

_SPACES = frozenset(char.encode() for char in WHITE_SPACE)
_MAX_SPACE_BYTES = 3

Part = tuple[int, int, int | None]
"""Where a part of a text begins and ends, and the token that it is, or None."""

Spans = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]
"""Where tokens begin and end, and which each is; all (n,)."""
_NO_SPANS = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))


def all_added_tokens(spec: TokenizerSpec) -> tuple[AddedToken, ...]:
    """`spec.added_tokens`, and an entry for each token that is cut out without further ado."""
    listed = {token.id for token in spec.added_tokens}
    plain = [AddedToken(text, i) for text, i in spec.special_tokens.items() if i not in listed]
    for token in np.flatnonzero(spec.kinds == TokenKind.LITERAL).tolist():
        if token not in listed:
            text = spec.token_bytes[token].decode(errors="surrogateescape")
            plain.append(AddedToken(text, token, normalized=True))
    return (*spec.added_tokens, *plain)


class AddedTokenCutter:
    """Finds one set of added tokens in texts."""

    def __init__(
        self,
        tokens: Iterable[AddedToken],
        special: frozenset[int],
        *,
        spaces_are_marks: bool = False,
    ) -> None:
        """Take the tokens; tables are built when they are first needed.

        Args:
            tokens: of those with one text the first counts.
            special: ids of those that are cut out on request only.
            spaces_are_marks: whether a space in the text is the mark that the reference has there,
                which it takes for no white space.
        """
        self._spaces = _SPACES - {b" "} if spaces_are_marks else _SPACES
        self.tokens: dict[bytes, AddedToken] = {}
        for token in tokens:
            self.tokens.setdefault(token.content.encode(errors="surrogateescape"), token)
        self._special = special
        self._cuts_text = any(token.id not in special for token in self.tokens.values())

    def cut(self, text: bytes, *, specials: bool) -> Iterator[Part]:
        """The parts of a text, in order: tokens and what lies between them.

        Args:
            text: the text.
            specials: whether special tokens are cut out.
        """
        done = 0
        for start, stop, token in self._matches(text) if specials or self._cuts_text else ():
            if token.id in self._special and not specials:
                continue
            if token.single_word and _is_beside_word(text, start, stop):
                continue
            if token.lstrip:
                start = max(done, _end_of_space(text, start, -1, self._spaces))
            if token.rstrip:
                stop = _end_of_space(text, stop, 1, self._spaces)
            if done < start:
                yield done, start, None
            if start < stop:  # nothing is left of one whose white space the one before it took
                yield start, stop, token.id
            done = stop
        if done < len(text):
            yield done, len(text), None

    def spans(self, text: bytes, *, specials: bool) -> Spans | None:
        """The tokens that `cut` finds, if all of them are plain; None: some look beside themselves.

        Args:
            text: the text.
            specials: whether special tokens are cut out.
        """
        if not (specials or self._cuts_text):
            return _NO_SPANS
        places, entries = self._found(text)
        if not len(places):
            return _NO_SPANS
        if not self._is_plain[entries].all():
            return None
        ids = self._ids[entries]
        if not specials:
            counts = ~self._is_special[entries]
            places, entries, ids = places[counts], entries[counts], ids[counts]
        return places, places + self._sizes[entries], ids

    def _matches(self, text: bytes) -> Iterator[tuple[int, int, AddedToken]]:
        places, entries = self._found(text)
        stops = places + self._sizes[entries]
        found = map(self._tokens.__getitem__, entries.tolist())
        yield from zip(places.tolist(), stops.tolist(), found, strict=True)

    def _found(self, text: bytes) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Where tokens begin, and which entry of the trie each is."""
        places = np.empty(len(text), dtype=np.int64)
        entries = np.empty(len(text), dtype=np.int32)
        n = 0
        array = np.frombuffer(text, dtype=np.uint8)
        if self.tokens and self._may_hold_some(array):
            n = matches(self._trie, self._begins, self._sizes, array, places, entries)
        return places[:n].copy(), entries[:n].copy()

    def _may_hold_some(self, text: NDArray[np.uint8]) -> bool:
        """Whether two bytes that all tokens begin with are there, which takes little time."""
        if len(self._beginning) < 2:
            return True
        first, second = self._beginning[:2]
        return bool(np.any((text[:-1] == first) & (text[1:] == second)))

    @cached_property
    def _tokens(self) -> tuple[AddedToken, ...]:
        return tuple(self.tokens.values())

    @cached_property
    def _is_plain(self) -> NDArray[np.bool_]:
        """The entries that are found whatever stands beside them, and take nothing with them."""
        return np.array(
            [not (token.single_word or token.lstrip or token.rstrip) for token in self._tokens],
            dtype=np.bool_,
        )

    @cached_property
    def _is_special(self) -> NDArray[np.bool_]:
        return np.array([token.id in self._special for token in self._tokens], dtype=np.bool_)

    @cached_property
    def _ids(self) -> NDArray[np.int32]:
        return np.array([token.id for token in self._tokens], dtype=np.int32)

    @cached_property
    def _sizes(self) -> NDArray[np.int32]:
        return np.array(list(map(len, self._contents)), dtype=np.int32)

    @cached_property
    def _begins(self) -> NDArray[np.bool_]:
        """Which bytes begin a token."""
        begins = np.zeros(256, dtype=np.bool_)
        begins[[content[0] for content in self._contents if content]] = True
        return begins

    @cached_property
    def _beginning(self) -> bytes:
        """What all tokens begin with."""
        low, high = min(self._contents), max(self._contents)
        return low[: next((k for k in range(len(low)) if low[k] != high[k]), len(low))]

    @cached_property
    def _contents(self) -> tuple[bytes, ...]:
        return tuple(self.tokens)

    @cached_property
    def _trie(self) -> NDArray[np.int64]:
        n = len(self._contents)
        units, _, _ = build_trie(self._contents, np.arange(n), np.zeros(n, dtype=np.bool_))
        return units


def _end_of_space(text: bytes, place: int, step: int, spaces: frozenset[bytes]) -> int:
    """Where the white space ends that goes on from a place, forwards (`step` 1) or back (-1)."""
    size = 1
    while size <= _MAX_SPACE_BYTES:
        low, high = sorted((place, place + step * size))
        if low >= 0 and text[low:high] in spaces:
            place, size = place + step * size, 1
        else:
            size += 1
    return place


def _is_beside_word(text: bytes, start: int, stop: int) -> bool:
    before = text[max(0, start - 4) : start].decode(errors="replace")[-1:]
    after = text[stop : stop + 4].decode(errors="replace")[:1]
    return any(char != "" and _is_word(ord(char)) for char in (before, after))


def _is_word(point: int) -> bool:
    ranges = word_ranges("rust")
    k = int(np.searchsorted(ranges[:, 0], point, side="right")) - 1
    return k >= 0 and point <= int(ranges[k, 1])
