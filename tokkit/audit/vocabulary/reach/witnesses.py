"""Search for a text that produces a token which its own bytes do not produce.

The pretokenizer says between which characters the token can stand within a piece (`contexts`), the
vocabulary which tokens can stand beside it (`neighbours`), and encoding says whether a text made of
the two does it. Only encoding decides; the rest only makes the first tries likely ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import islice, product

import numpy as np

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.vocabulary.reach.contexts import Context, Contexts, Symbols
from tokkit.audit.vocabulary.reach.fragments import Cut, Placement, characters_with, placements
from tokkit.audit.vocabulary.reach.neighbours import Neighbours
from tokkit.text.regex.boundaries import Label
from tokkit.text.regex.on_demand import memoized
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

MAX_TEXTS = 1_000
"""Encoded for one token before the search gives up."""
MAX_CONTEXTS = 24
_PLAIN = "\n.1xm)"
"""What is put before a token first, where a space would be put otherwise."""
MAX_WORDS = 200
MAX_CHARACTERS = 96
"""Tried for a character of which the token holds a part."""


class WitnessSearch:
    """Searches for witnesses in one tokenizer."""

    def __init__(
        self, tokenizer: TextTokenizer, contexts: Contexts, neighbours: Neighbours
    ) -> None:
        self._tokenizer = tokenizer
        self._spec = tokenizer.spec
        self._contexts = contexts
        self._neighbours = neighbours
        self._class_of = tokenizer.pretokenizer.alphabet.class_of

    def label(self, token: int) -> int:
        """The label of a token's characters, boundaries aside."""
        kind = self._spec.kinds[token]
        if kind == TokenKind.BYTE:
            return int(Label.BYTE)
        return int(Label.LITERAL if kind == TokenKind.LITERAL else Label.NORMAL)

    def class_strings(self, placed: list[Placement]) -> set[Symbols]:
        """The classes of all characters that some bytes may touch, in every way to place them."""
        return {symbols for way in placed for symbols in self._class_strings(way)}

    def _class_strings(self, way: Placement) -> Iterator[Symbols]:
        whole = tuple(self._class_of[list(map(ord, way.whole))].tolist()) if way.whole else ()
        lefts = self._classes(way.left)
        rights = self._classes(way.right)
        for left, right in product(lefts, rights):
            yield (*left, *whole, *right)

    def _classes(self, cut: Cut | None) -> list[Symbols]:
        return [()] if cut is None else self._classes_of(cut.fragment, cut.start, cut.size)

    @memoized
    def _classes_of(self, fragment: bytes, start: int, size: int) -> list[Symbols]:
        points = characters_with(fragment, start, size)
        return [(symbol,) for symbol in np.unique(self._class_of[points]).tolist()]

    def find(self, token: int, placed: list[Placement]) -> bytes | None:
        """A text whose encoding holds the token, or None if none was found."""
        for text in islice(self._texts(token, placed), MAX_TEXTS):
            if token in (ids_or_none(self._tokenizer, text) or ()):
                return text
        return None

    def find_among(self, token: int, spellings: Sequence[bytes]) -> bytes | None:
        """As `find`, with the token's bytes and what completes them given."""
        for spelling in spellings:
            text = self.find(token, placements(spelling))
            if text is not None:
                return text
        return None

    # -- texts to try ------------------------------------------------------------------------

    def _texts(self, token: int, placed: list[Placement]) -> Iterator[bytes]:
        """Texts that may hold the token, the likely ones first."""
        if self._spec.continuing is not None and self._spec.continuing[token]:
            yield from (word + self._spec.token_bytes[token] for word in self._word_beginnings)
        kind = self.label(token)
        if self._is_prefixed:
            for way in placed:
                if way.left is None and way.right is None:
                    yield from (f"{char}{way.whole}".encode() for char in _PLAIN)
        streams = [self._texts_of(token, way, kind) for way in placed]
        while streams:  # in turns, so that no way of placing it keeps the others waiting
            for stream in list(streams):
                batch = list(islice(stream, 50))
                yield from batch
                if len(batch) < 50:
                    streams.remove(stream)

    @cached_property
    def _word_beginnings(self) -> list[bytes]:
        """The shortest words that WordPiece has as tokens: what continues a word needs one."""
        assert self._spec.continuing is not None
        first = np.flatnonzero(~self._spec.continuing & self._tokenizer.model.reachable).tolist()
        words = [self._spec.token_bytes[token].removeprefix(b" ") for token in first]
        return sorted(filter(None, words), key=lambda word: (len(word), word))[:MAX_WORDS]

    def _texts_of(self, token: int, way: Placement, kind: int) -> Iterator[bytes]:
        for middle in self._middles(token, way):
            symbols: Symbols = tuple(self._class_of[list(map(ord, middle))].tolist())
            places = self._contexts.places(symbols, kind=kind)
            # A whole piece first: then nothing but the token's own bytes matters.
            ranked = sorted(places, key=lambda place: (not place.begins, not place.ends))
            for place in ranked[:MAX_CONTEXTS]:
                yield from self._around(middle, place)

    def _middles(self, token: int, way: Placement) -> Iterator[str]:
        """The characters that the token touches, with its cut ones completed."""
        if way.left is not None and way.right is None and not way.whole:
            yield from self._characters(token, way.left)
            return
        lefts = [""] if way.left is None else self._characters(token, way.left)
        rights = [""] if way.right is None else self._characters(token, way.right)
        # The best of both sides first.
        for k in range(len(lefts) + len(rights) - 1):
            for i in range(max(0, k - len(rights) + 1), min(k + 1, len(lefts))):
                yield lefts[i] + way.whole + rights[k - i]

    def _characters(self, token: int, cut: Cut) -> list[str]:
        """Characters that a cut one can be: those that the neighbours spell, then a sample."""
        found: dict[int, None] = {}
        if self._spec.family == "bpe" and self._spec.kinds[token] == TokenKind.NORMAL:
            found = dict.fromkeys(self._spelt_by_neighbours(token, cut))
        points = cut.points
        sample = points[:: max(1, len(points) // MAX_CHARACTERS)][:MAX_CHARACTERS].tolist()
        chars = [chr(point) for point in dict.fromkeys([*found, *sample])]
        return sorted(chars, key=lambda char: not self._contexts.is_expressible(char))

    def _spelt_by_neighbours(self, token: int, cut: Cut) -> Iterator[int]:
        spelling = self._spec.token_bytes
        shown = cut.points
        beside = partial(self._neighbours.inside_beside, token, spelling[token], cut)
        if cut.start > 0:
            for other in islice(beside(forwards=False), MAX_CHARACTERS):
                yield from self._matching(shown, spelling[other][-cut.start :], 0, cut).tolist()[:4]
        if cut.stop < cut.size:
            for other in islice(beside(forwards=True), MAX_CHARACTERS):
                part = spelling[other][: cut.size - cut.stop]
                yield from self._matching(shown, part, cut.stop, cut).tolist()[:4]

    @staticmethod
    def _matching(points: np.ndarray, part: bytes, start: int, cut: Cut) -> np.ndarray:
        """Those of `points` whose UTF-8 form has `part` where it belongs."""
        if start == 0 and part[0] & 0xC0 == 0x80:
            start = cut.start - len(part)
        size = cut.size
        for k, byte in enumerate(part, start=start):
            bits = points >> 6 * (size - 1 - k)
            if k:
                points = points[bits & 0x3F == byte & 0x3F]
            else:
                points = points[bits == byte & (0x1F, 0x0F, 0x07)[size - 2]]
        return points

    def _around(self, middle: str, place: Context) -> Iterator[bytes]:
        """Texts that put some characters into a place."""
        after = self._contexts.after(place, at_boundary=place.ends)
        spell = self._contexts.spellings
        end = "".join(spell(symbol)[0] for symbol in after[1:])
        firsts = spell(after[0]) if after else [""]
        for before in self._contexts.before(place):
            for first, last in product(firsts[:2], spell(before[-1]) if before else [""]):
                start = "".join([*(spell(symbol)[0] for symbol in before[:-1]), last])
                if before and self._is_prefixed:
                    start = f" {start[1:]}"  # its class may hold other characters
                yield from self._inputs((start + middle + first + end).encode())

    @property
    def _is_prefixed(self) -> bool:
        """Whether a text begins with a space that was put before it, to the model."""
        return bool(self._tokenizer.dummy_prefix) and self._spec.family != "wordpiece"

    def _inputs(self, text: bytes) -> Iterator[bytes]:
        """Texts that are `text` to the model, where a space is put before a text."""
        if not self._is_prefixed:
            yield text
        elif text.startswith(b" "):
            yield text[1:]
            yield text
