"""Which tokens can stand beside a token that begins or ends inside a character (BPE).

Within a piece two tokens stand side by side exactly when the merges keep them apart
(`tokkit.text.segment_models.bpe`). A token that begins inside a character is never the first of
its piece, so it needs a token before it that ends in the same character and stays apart from it;
and likewise after it. There are only a few thousand tokens with a part of a character at either
end, so all can be tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.vocabulary.reach.fragments import Cut, can_be_part
from tokkit.text.segment_models.bpe import BpeModel
from tokkit.text.tokenizer import TextTokenizer

_ANY = -2
_NONE = -1


def trailing_part(data: bytes) -> bytes:
    r"""The bytes at the end that belong to a character which goes on, or may; else nothing.

    >>> trailing_part(b"a\xe4\xbd"), trailing_part("a".encode()), trailing_part(b"\x80")
    (b'\xe4\xbd', b'', b'\x80')
    """
    for size in range(1, min(3, len(data)) + 1):
        part = data[-size:]
        lead = part[0]
        if lead >= 0xC2:
            need = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return part if size < need else b""
        if lead < 0x80:
            return b""
    return data if len(data) <= 3 else b""


def leading_part(data: bytes) -> bytes:
    """The continuation bytes at the beginning, which belong to a character begun before."""
    size = next((k for k, byte in enumerate(data) if byte & 0xC0 != 0x80), len(data))
    return data[:size]


class Neighbours:
    """The neighbours of tokens in the vocabulary of one BPE tokenizer; of others, none."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._spec = tokenizer.spec
        self._model = tokenizer.model
        self._class_of = tokenizer.pretokenizer.alphabet.class_of

    @cached_property
    def _ending_inside(self) -> list[tuple[int, bytes]]:
        """Tokens that may end inside a character, the shortest first, and their part of it."""
        return self._partial(trailing_part)

    @cached_property
    def _beginning_inside(self) -> list[tuple[int, bytes]]:
        return self._partial(leading_part)

    def _partial(self, part_of: Callable[[bytes], bytes]) -> list[tuple[int, bytes]]:
        tokens = np.flatnonzero(self._model.reachable).tolist()
        found = [(token, part_of(self._spec.token_bytes[token])) for token in tokens]
        partial = [(token, part) for token, part in found if part]
        return sorted(partial, key=lambda entry: (len(self._spec.token_bytes[entry[0]]), entry[0]))

    def inside_beside(self, token: int, data: bytes, cut: Cut, *, forwards: bool) -> Iterator[int]:
        """Tokens that the merges keep apart from `token`, which share a character with it.

        Args:
            token: what they stand beside, shortest first.
            data: ends (or begins) with what is known of that character.
            cut: the character.
            forwards: they stand after the token, and go on with the character; otherwise before.
        """
        assert isinstance(self._model, BpeModel)
        n_known = cut.stop - cut.start
        inside = data[-n_known:] if forwards else data[:n_known]
        for other, part in self._beginning_inside if forwards else self._ending_inside:
            if forwards:
                whole = len(part) == len(self._spec.token_bytes[other])
                fits = self._goes_on(part, inside, cut, whole=whole)
            else:
                fits = self._comes_before(part, inside, cut)
            pair = (token, other) if forwards else (other, token)
            if fits and self._model.pair_valid(*pair):
                yield other

    def whole_beside(self, token: int, symbols: frozenset[int], *, forwards: bool) -> Iterator[int]:
        """Tokens that the merges keep apart from `token`, a whole character on its side.

        Args:
            token: what they stand beside.
            symbols: the classes that this character may be of.
            forwards: they stand after it; otherwise before.
        """
        assert isinstance(self._model, BpeModel)
        edge = self._edge_symbols[forwards]
        fits = np.isin(edge, list(symbols)) | (edge == _ANY)
        for other in np.flatnonzero(fits).tolist():
            pair = (token, other) if forwards else (other, token)
            if self._model.pair_valid(*pair):
                yield other

    @cached_property
    def _edge_symbols(self) -> dict[bool, NDArray[np.int64]]:
        """The class of the first (True) and last (False) character of each token.

        `_ANY` where only a part of it is in the token, `_NONE` where a token begins, or ends, in
        the midst of a character.
        """
        first = np.full(self._spec.vocab_size, _NONE, dtype=np.int64)
        last = first.copy()
        for token in np.flatnonzero(self._model.reachable).tolist():
            data = self._spec.token_bytes[token]
            text = data.decode(errors="ignore")
            tail, head = leading_part(data), trailing_part(data)
            if not tail:
                first[token] = self._class_of[ord(text[0])] if text else _ANY
            if len(tail) == len(data):
                last[token] = _ANY
            elif not head:
                last[token] = self._class_of[ord(text[-1])] if text else _ANY
        return {True: first, False: last}

    @staticmethod
    def _goes_on(part: bytes, inside: bytes, cut: Cut, *, whole: bool) -> bool:
        """Whether `part`, which may be a whole token, can be the bytes just after `inside`."""
        missing = cut.size - cut.start - len(inside)
        if len(part) > missing or (len(part) < missing and not whole):
            return False
        return can_be_part(inside + part, cut.start, cut.size)

    @staticmethod
    def _comes_before(part: bytes, inside: bytes, cut: Cut) -> bool:
        """Whether `part` can be the bytes just before `inside`."""
        begins = part[0] & 0xC0 != 0x80
        # A part with the lead byte is all that comes before; one without it is never all.
        if len(part) > cut.start or begins != (len(part) == cut.start):
            return False
        return can_be_part(part + inside, cut.start - len(part), cut.size)
