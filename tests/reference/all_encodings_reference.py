"""The pushforward of a token model to bytes by brute force: every token sequence, nothing shared.

Control tokens are masked at each step and the rest renormalised, as
`tokkit.bytelm.encodings.encoding_beam.absorb` defines it; `conditioned=False` leaves them in, and
counts no sequence that holds one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from tokkit.text.spec import TokenKind

END = 256


class AllEncodingsOracle:
    """Enumerates the token sequences of a model whose vocabulary is small."""

    def __init__(self, lm, *, conditioned: bool = True) -> None:
        self._lm = lm
        self._conditioned = conditioned
        spec = lm.tokenizer.spec
        self._spellings = {
            token: spelling
            for token, spelling in enumerate(spec.token_bytes)
            if spelling and spec.kinds[token] not in (TokenKind.SPECIAL, TokenKind.UNUSED)
        }
        self.alphabet = sorted({bytes([b]) for s in self._spellings.values() for b in s})

    def next_token(self, ids: tuple[int, ...]) -> tuple[dict[int, float], float]:
        """P(token | ids) and P(end | ids)."""
        row = np.exp(self._lm.next_token_logprobs([list(ids)])[0])
        masses = {token: float(row[token]) for token in self._spellings}
        end = float(sum(row[token] for token in self._lm.eos_ids))
        total = sum(masses.values()) + end if self._conditioned else 1.0
        if total == 0:
            return {}, 0.0
        return {token: mass / total for token, mass in masses.items()}, end / total

    def cover(self, prefix: bytes) -> Iterator[tuple[tuple[int, ...], float]]:
        """Every sequence whose last token is the first to reach the end of `prefix`, with p."""

        def visit(
            ids: tuple[int, ...], rest: bytes, weight: float
        ) -> Iterator[tuple[tuple[int, ...], float]]:
            if not rest:
                yield ids, weight
                return
            for token, probability in self.next_token(ids)[0].items():
                spelling = self._spellings[token]
                if spelling.startswith(rest):
                    yield (*ids, token), weight * probability
                elif rest.startswith(spelling):
                    yield from visit((*ids, token), rest[len(spelling) :], weight * probability)

        yield from visit((), prefix, 1.0)

    def prefix_mass(self, prefix: bytes) -> float:
        """P(prefix ...): the sum over the cover."""
        return sum(weight for _, weight in self.cover(prefix))

    def end_mass(self, text: bytes) -> float:
        """P(text, end): the sum over the sequences that spell exactly it."""
        total = 0.0
        for ids, weight in self.cover(text):
            if b"".join(self._spellings[token] for token in ids) == text:
                total += weight * self.next_token(ids)[1]
        return total

    def symbol_masses(self, prefix: bytes) -> np.ndarray:
        """float64 (257,): P(prefix + symbol ...)."""
        masses = np.zeros(257)
        for byte in self.alphabet:
            masses[byte[0]] = self.prefix_mass(prefix + byte)
        masses[END] = self.end_mass(prefix)
        return masses

    def texts(self, n_bytes: int) -> Iterator[bytes]:
        """Every byte string of a length over the bytes of the vocabulary."""
        for parts in itertools.product(self.alphabet, repeat=n_bytes):
            yield b"".join(parts)
