"""What followed when the last bytes occurred before: `RepeatedText`.

Texts quote themselves, prompts are quoted, and small models repeat what they wrote. The longest
string that ends the text and occurred earlier says what may come (prompt lookup decoding, Saxena,
2023, there over tokens and of fixed length). How often that was right, for matches about as long,
is counted as the text grows.
"""

from __future__ import annotations

_KEY = 5  # bytes of the shortest match
_MAX_PLACES = 8  # earlier ones that are compared
_MAX_LENGTH = 64  # of a match; a longer one is no more likely to go on
_MAX_PROMPT = 1 << 16
_FORGET = 0.95


class RepeatedText:
    """A text that grows, and the earlier place that its end agrees with."""

    def __init__(self, prompt: bytes) -> None:
        """Start after a prompt, of which the last 64 kB are read."""
        self._text = bytearray()
        self._places: dict[bytes, list[int]] = {}
        self._next = self._length = 0  # where the match goes on, and how long it is
        n_classes = _MAX_LENGTH.bit_length() + 1
        self._held, self._tried = [1.0] * n_classes, [2.0] * n_classes
        for byte in prompt[-_MAX_PROMPT:]:
            self._append(byte)

    def push(self, byte: int) -> None:
        """Follow the text by one byte, and count whether it was expected."""
        if self._length:
            size = self._length.bit_length()
            self._held[size] = _FORGET * self._held[size] + (self._text[self._next] == byte)
            self._tried[size] = _FORGET * self._tried[size] + 1.0
        self._append(byte)

    def expected(self, path: bytes) -> tuple[int, float] | None:
        """The byte after the text and `path`, and how often such a guess was right.

        None if there is no match, or `path` has left it.
        """
        place = self._next + len(path)
        if not self._length or place >= len(self._text):
            return None
        if not self._text.startswith(path, self._next):
            return None
        size = min(self._length + len(path), _MAX_LENGTH).bit_length()
        return self._text[place], self._held[size] / self._tried[size]

    def _append(self, byte: int) -> None:
        goes_on = self._length and self._text[self._next] == byte
        self._text.append(byte)
        if goes_on:  # no other match is longer, or it would have been before
            self._next += 1
            self._length = min(self._length + 1, _MAX_LENGTH)
        else:
            self._find()
        if len(self._text) >= _KEY:
            places = self._places.setdefault(bytes(self._text[-_KEY:]), [])
            places.append(len(self._text))
            del places[:-_MAX_PLACES]

    def _find(self) -> None:
        """The longest earlier occurrence of the end of the text; the latest on ties."""
        self._length = 0
        for place in reversed(self._places.get(bytes(self._text[-_KEY:]), ())):
            length = self._agreement(place)
            if length > self._length:
                self._next, self._length = place, length

    def _agreement(self, place: int) -> int:
        """Length of the longest common ending of the text before `place` and all of it."""
        text, n = self._text, len(self._text)
        length = _KEY
        while length < min(place, _MAX_LENGTH) and text[place - length - 1] == text[n - length - 1]:
            length += 1
        return length
