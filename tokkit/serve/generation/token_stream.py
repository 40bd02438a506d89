"""The tokens of a text that is under way, each once it is certain: `TokenStream`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.serve.generation.drawing import Piece
from tokkit.serve.generation.generation import Generation
from tokkit.serve.generation.texts import Characters
from tokkit.serve.generation.token_figures import (
    Alternative,
    Expected,
    alternatives,
    drawn_of,
    token_figures,
)


@dataclass(frozen=True)
class TokenRun:
    """Tokens that are new.

    Attributes:
        data: their bytes.
        ends: where they end in `data`.
        expected: of each byte.
        texts: of each token the characters that are whole with it.
        offset: characters of the text before them.
        k: alternatives that are told at each token; 0: none.
    """

    data: bytes
    ends: Sequence[int]
    expected: Expected
    texts: Sequence[str]
    offset: int
    k: int

    @property
    def text(self) -> str:
        """All that is new."""
        return "".join(self.texts)

    def figures(self) -> dict[str, list[Any]]:
        """As OpenAI's `logprobs` tell them; see `token_figures`."""
        told = token_figures(self.data, self.ends, self.expected, self.k, first=False)
        sizes = np.cumsum([0, *map(len, self.texts)])[:-1]
        return {**told, "text_offset": (self.offset + sizes).tolist()}

    def tokens(self) -> list[tuple[bytes, float, list[Alternative]]]:
        """Each token, its log-probability in nats, and its alternatives."""
        told: list[tuple[bytes, float, list[Alternative]]] = []
        for start, end in zip([0, *self.ends], self.ends, strict=False):
            others = alternatives(self.data, start, end, self.expected, self.k) if self.k else []
            logprob = float(self.expected.chosen[start:end].sum())
            told.append((self.data[start:end], logprob, others))
        return told


class TokenStream:
    """The tokens of one text, from the pieces in which it comes."""

    def __init__(self, generation: Generation, k: int, echo: bool = False) -> None:
        """Begin.

        Args:
            generation: of the text; it tells figures, with rows where `k` is above 0.
            k: alternatives that are told at each token.
            echo: whether offsets count the prompt, too.
        """
        before = generation.prompt if generation.suffix is None else b""
        self._characters = Characters(before)
        self._k = k
        self._n_chars = len(generation.prompt.decode(errors="ignore")) if echo else 0
        self._n_bytes = 0
        self._data = bytearray()
        self._logprobs: list[float] = []
        self._rows: list[NDArray[np.float64]] = []

    def feed(self, piece: Piece) -> TokenRun:
        """The tokens that a piece has made certain."""
        ends: list[int] = []
        self._data += piece.data
        if piece.figures is not None:
            self._logprobs += piece.figures.logprobs
            self._rows += piece.figures.rows
            ends = [end - self._n_bytes for end in piece.figures.ends]
        n = ends[-1] if ends else 0
        data, offset = bytes(self._data[:n]), self._n_chars
        expected = drawn_of(data, self._logprobs[:n], self._rows[:n], self._k + 1)
        texts = [
            self._characters.feed(data[start:end])
            for start, end in zip([0, *ends], ends, strict=False)
        ]
        self._n_chars += sum(map(len, texts))
        self._n_bytes += n
        del self._data[:n], self._logprobs[:n], self._rows[:n]
        return TokenRun(data, ends, expected, texts, offset, self._k)
