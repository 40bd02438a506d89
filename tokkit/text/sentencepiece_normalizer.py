"""SentencePiece's normaliser, whole: its steps are not independent of one another.

Source: `normalizer.cc` of SentencePiece 0.2. It goes through the text by *units*: a user-defined
symbol (the longest), which is kept as it is; else the longest key of the charsmap, which is
replaced; else a character. With `squeeze` a unit loses the spaces at its front if the unit before
it ended with one, or if it is the first. So several spaces stay within a symbol, and only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

MARK = "\u2581"
_SPACES = re.compile(" {2,}")


@dataclass(frozen=True)
class SentencePieceNormalizer:
    """Replaces, drops and marks white space; in byte space U+2581 is a space, too.

    Attributes:
        mapping: key -> replacement, of the charsmap.
        symbols: user-defined symbols.
        squeeze: whether spaces at both ends are dropped, and all but one of several
            (`remove_extra_whitespaces`).
        marked: whether a space is written as U+2581, which then counts as one
            (`escape_whitespaces`); what is dropped at the end of a text, it is by then.
        suffix: whether a space is put after a text (`treat_whitespace_as_suffix`).
    """

    mapping: Mapping[str, str] = field(default_factory=dict[str, str])
    symbols: tuple[str, ...] = ()
    squeeze: bool = False
    marked: bool = True
    suffix: bool = False
    name: str = "SentencePiece"

    @cached_property
    def _long(self) -> set[str]:
        """Keys of several characters, and those whose replacement holds several spaces."""
        return {key for key, text in self.mapping.items() if len(key) > 1 or "  " in text}

    @cached_property
    def _single(self) -> dict[int, str]:
        """The others, whose replacements are made all at once."""
        return {ord(key): text for key, text in self.mapping.items() if key not in self._long}

    @cached_property
    def _known_symbols(self) -> frozenset[str]:
        return frozenset(self.symbols)

    @cached_property
    def _symbol_sizes(self) -> dict[str, list[int]]:
        return _sizes_by_first(self.symbols)

    @cached_property
    def _sizes(self) -> dict[str, list[int]]:
        return _sizes_by_first(self._long)

    @cached_property
    def _candidate(self) -> re.Pattern[str] | None:
        """Where a symbol or a long key may begin."""
        seconds = {key[1] for key in self._long if len(key) > 1}
        firsts = {text[0] for text in self.symbols} | {key for key in self._long if len(key) == 1}
        kinds = [(".(?=[{}])", seconds), ("[{}]", firsts)]
        patterns = [kind.format("".join(map(re.escape, chars))) for kind, chars in kinds if chars]
        return re.compile("|".join(patterns), re.DOTALL) if patterns else None

    def __call__(self, text: str) -> str:
        """The normalised text, without the space that may be put before it."""
        if not text:
            return text
        parts = list(self._parts(text))
        made = "".join(_squeezed(parts) if self.squeeze else (part for part, _ in parts))
        if self.squeeze:
            made = made.rstrip(f" {MARK}" if self.marked else " ")
        if self.marked:
            made = made.replace(MARK, " ")
        if self.suffix and (made or not self._is_blank(text)):
            made += " "
        return made

    def replaces_any(self, characters: str) -> bool:
        """Whether one of some characters stands in a key."""
        return not self._key_characters.isdisjoint(characters)

    @cached_property
    def _key_characters(self) -> frozenset[str]:
        return frozenset("".join(self.mapping))

    def origins(self, text: str) -> list[tuple[str, int, int]]:
        """The normalised text by characters, and where in `text` each of them comes from.

        As in SentencePiece, a character extends to where the next one begins, so that what was
        dropped belongs to the one before it.
        """
        made: list[tuple[str, int]] = []
        after_space, end = self.squeeze, 0
        for part, start, stop in self.units(text):
            end = stop
            unit = part.lstrip(" ") if after_space else part
            made += ((char, start) for char in unit)
            if unit:
                after_space = self.squeeze and unit.endswith(" ")
        while self.squeeze and made and made[-1][0] in (f" {MARK}" if self.marked else " "):
            end = made.pop()[1]
        if self.suffix and text and (made or not self._is_blank(text)):
            made.append((" ", end))
        ends = [start for _, start in made[1:]] + [end]
        return [
            (" " if self.marked and char == MARK else char, start, stop)
            for (char, start), stop in zip(made, ends, strict=False)
        ]

    def lead(self, text: str) -> int:
        """Where in `text` a space that is put before it stands: after the spaces that go first."""
        for part, start, _ in self.units(text) if self.squeeze else ():
            if part != " ":
                return start
        return 0

    def _is_blank(self, text: str) -> bool:
        """Whether nothing is left of a text, so that no space is put after it, either."""
        return self.squeeze and all(part == " " for part, _, _ in self.units(text))

    def units(self, text: str) -> Iterator[tuple[str, int, int]]:
        """What each unit becomes, and its place."""
        start = 0
        while start < len(text):
            size, found = self._long_unit(text, start)
            if found is None:
                size, found = 1, self.mapping.get(text[start], text[start])
            yield found, start, start + size
            start += size

    def _long_unit(self, text: str, start: int) -> tuple[int, str | None]:
        """Size and replacement of a unit that is more than a common character, or None."""
        for size in self._symbol_sizes.get(text[start], ()):
            symbol = text[start : start + size]
            if symbol in self._known_symbols:
                return len(symbol), symbol
        for size in self._sizes.get(text[start], ()):
            found = self.mapping.get(text[start : start + size])
            if found is not None and start + size <= len(text):
                return size, found
        return 0, None

    def _parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text after replacement, in parts; whether a part is one unit."""
        done = 0
        for match in self._candidate.finditer(text) if self._candidate else ():
            start = match.start()
            if start < done:
                continue
            size, found = self._long_unit(text, start)
            if found is not None:
                yield text[done:start].translate(self._single), False
                yield found, True
                done = start + size
        yield text[done:].translate(self._single), False


def _squeezed(parts: Sequence[tuple[str, bool]]) -> Iterator[str]:
    after_space = True
    for text, is_unit in parts:
        part = text if is_unit else _SPACES.sub(" ", text)
        if after_space:
            part = part.lstrip(" ")
        if part:
            yield part
            after_space = part.endswith(" ")


def _sizes_by_first(texts: Iterable[str]) -> dict[str, list[int]]:
    """Lengths of texts by their first character, the longest first."""
    sizes: dict[str, set[int]] = {}
    for text in texts:
        sizes.setdefault(text[0], set()).add(len(text))
    return {first: sorted(found, reverse=True) for first, found in sizes.items()}
