"""Canonical byte-level distributions by brute force, from a slow encoder and nothing else.

The encoder is independent of tokkit's automata: pretokenization by the `regex` package, merges by
`bpe_reference`. A sequence is canonical if some short continuation of its bytes encodes to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import regex

from tests.reference import bpe_reference, unigram_reference, wordpiece_reference
from tokkit.text.spec import TokenizerSpec, TokenKind

_INVALID = 0x10FF00  # a private character with no property, for bytes that are not valid UTF-8


def _to_text(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")
    return "".join(
        chr(ord(c) - 0xDC00 + _INVALID) if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text
    )


def _to_bytes(text: str) -> bytes:
    return b"".join(
        bytes([ord(c) - _INVALID]) if 0x80 <= ord(c) - _INVALID <= 0xFF else c.encode()
        for c in text
    )


def _pieces(spec: TokenizerSpec, data: bytes) -> list[bytes]:
    texts = [_to_text(data)]
    for rule in spec.splits:
        assert rule.behavior == "isolated" and not rule.invert
        cut: list[str] = []
        for text in texts:
            end = 0
            for match in regex.finditer(rule.pattern, text):
                cut += [text[end : match.start()], match[0]]
                end = match.end()
            cut.append(text[end:])
        texts = [text for text in cut if text]
    return [_to_bytes(text) for text in texts]


class ReferenceEncoder:
    """Encodes bytes, without normalisation; raises KeyError where the vocabulary cannot."""

    def __init__(self, spec: TokenizerSpec) -> None:
        self._spec = spec
        self._literals = {
            spelling: token
            for token, spelling in enumerate(spec.token_bytes)
            if spec.kinds[token] == TokenKind.LITERAL
        }
        model = unigram_reference.encode if spec.family == "unigram" else bpe_reference.encode
        self._encode_piece = cache(lambda piece: model(spec, piece))

    def __call__(self, data: bytes) -> list[int]:
        ids: list[int] = []
        stretch = b""
        while data:
            found = max((s for s in self._literals if data.startswith(s)), key=len, default=b"")
            if found:
                ids += self._encode_stretch(stretch)
                ids.append(self._literals[found])
                stretch = b""
            else:
                stretch += data[:1]
            data = data[len(found) or 1 :]
        return ids + self._encode_stretch(stretch)

    def _encode_stretch(self, stretch: bytes) -> list[int]:
        pieces = _pieces(self._spec, stretch)
        return [token for piece in pieces for token in self._encode_piece(piece)]


def encode_words(spec: TokenizerSpec, data: bytes) -> list[int]:
    """WordPiece ids of a text in byte space, `b" first second"`.

    Raises:
        KeyError: it is not such a text, or a word is unknown.
    """
    first, *words = data.split(b" ")
    encoded = [wordpiece_reference.encode(spec, word) if word else None for word in words]
    if first or None in encoded:
        raise KeyError(data)
    return [token for ids in encoded for token in ids or ()]


class CanonicalOracle:
    """What is canonical under an encoder, by trying every continuation of a few symbols."""

    def __init__(
        self,
        spec: TokenizerSpec,
        encoder: Callable[[bytes], list[int]],
        continuations: Sequence[bytes],
        lookahead: int = 2,
    ) -> None:
        self.spec = spec
        self._continuations = [
            b"".join(parts)
            for size in range(lookahead + 1)
            for parts in itertools.product(continuations, repeat=size)
        ]

        @cache
        def encoded(data: bytes) -> tuple[int, ...] | None:
            try:
                return tuple(encoder(data))
            except KeyError:
                return None

        self.encoded = encoded

    def spell(self, ids: Sequence[int]) -> bytes:
        return b"".join(self.spec.token_bytes[token] for token in ids)

    def is_canonical(self, ids: tuple[int, ...]) -> bool:
        if any(not self.spec.token_bytes[token] for token in ids):
            return False
        data = self.spell(ids)
        for rest in self._continuations:
            whole = self.encoded(data + rest)
            if whole is not None and whole[: len(ids)] == ids:
                return True
        return False

    def may_end(self, ids: tuple[int, ...]) -> bool:
        return self.encoded(self.spell(ids)) == ids

    def next_token(self, lm, ids: tuple[int, ...]) -> dict[int | None, float]:
        """P(token | ids), masked and renormalised; None stands for end of text."""
        row = np.exp(lm.next_token_logprobs([list(ids)])[0])
        masses: dict[int | None, float] = {
            token: float(row[token])
            for token in range(self.spec.vocab_size)
            if self.is_canonical((*ids, token))
        }
        if self.may_end(ids):
            masses[None] = float(sum(row[token] for token in lm.eos_ids))
        total = sum(masses.values())
        return {token: mass / total for token, mass in masses.items()} if total else {}

    def symbol_masses(self, lm, prefix: bytes) -> np.ndarray:
        """float64 (257,): P(prefix + symbol), summed over all canonical cover encodings."""
        masses = np.zeros(257)

        def visit(ids: tuple[int, ...], rest: bytes, weight: float) -> None:
            for token, probability in self.next_token(lm, ids).items():
                joint = weight * probability
                if token is None:
                    masses[256] += joint * (not rest)
                    continue
                spelling = self.spec.token_bytes[token]
                if rest.startswith(spelling):
                    visit((*ids, token), rest[len(spelling) :], joint)
                elif spelling.startswith(rest):
                    masses[spelling[len(rest)]] += joint

        visit((), prefix, 1.0)
        return masses
