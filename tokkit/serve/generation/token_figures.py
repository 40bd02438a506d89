"""What a model expected at each token of a text, as OpenAI's `logprobs` tell it: `TokenFigures`.

A token's figure is the log-probability of its bytes given all bytes before it. So the figures of
a text add up to that of the text, for ensembles of unlike vocabularies, too.

The alternatives to a token are what tells another text from it as soon as it can be told: the bytes
that it has in common with the token, and the first one that differs. No two of them are the same
text, and one has a larger figure than the token wherever the model would have preferred another
byte, so that the token has the largest figure exactly where it is what the model would write byte
by byte (`temperature` 0).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.batch.sharing import is_independent_of_pieces
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.serve.generation.texts import token_text

_PIECE = 64
"""Bytes that are scored at a time: no more work than a step of a few texts that are drawn."""
_PIECE_OF_BEAM = 256
"""The same for a model of whose states it matters where they are evaluated."""
_PIECE_BEFORE = 512
"""Bytes that are read at a time, of which only the last place is asked about."""
MOST = 20
END_TEXT = "<|end of text|>"


class Expected(NamedTuple):
    """What was expected of some bytes.

    Attributes:
        chosen: float64 (n,), nats, of each byte.
        symbols: int64 (n, k), the most probable symbols at each.
        logprobs: float64 (n, k), nats, of those.
    """

    chosen: NDArray[np.float64]
    symbols: NDArray[np.int64]
    logprobs: NDArray[np.float64]


def expected_of(data: bytes, rows: NDArray[np.float64], k: int) -> Expected:
    """What rows (n, 257), nats, say of n bytes, and of the k most probable symbols at each."""
    chosen = rows[np.arange(len(data)), np.frombuffer(data, np.uint8)]
    k = min(k, N_SYMBOLS)
    symbols = np.argsort(-rows, axis=1, kind="stable")[:, :k]
    return Expected(chosen, symbols, np.take_along_axis(rows, symbols, axis=1))


def drawn_of(
    data: bytes, logprobs: Sequence[float], rows: Sequence[NDArray[np.float64]], k: int
) -> Expected:
    """What was expected of bytes that were drawn; see `expected_of`.

    Args:
        data: the bytes.
        logprobs: nats, of each.
        rows: (257,) each, nats; none where they were not kept: then no other symbols are told.
        k: the most probable symbols that are told at each.
    """
    if len(rows):
        return expected_of(data, np.array(rows).reshape(-1, N_SYMBOLS), k)
    none = np.empty((len(data), 0))
    return Expected(np.array(logprobs, np.float64), none.astype(np.int64), none)


def joined(parts: Sequence[Expected]) -> Expected:
    """One after the other."""
    return Expected(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def score_in_pieces(
    model: ByteModel, data: bytes, k: int, before: bytes = b""
) -> Generator[None, None, Expected]:
    """What a model expected of `data` after `before`, a piece at a time; see `expected_of`.

    Raises:
        ModelError: it cannot write the text.
    """
    in_pieces = is_independent_of_pieces(model)
    state = model.open() if in_pieces else model.open(before)
    for start in range(0, len(before) if in_pieces else 0, _PIECE_BEFORE):
        yield
        state.push(before[start : start + _PIECE_BEFORE])
        state.logprobs()
    parts = [expected_of(b"", np.empty((0, N_SYMBOLS)), k)]
    size = _PIECE if in_pieces else _PIECE_OF_BEAM
    for start in range(0, len(data), size):
        yield
        piece = data[start : start + size]
        parts.append(expected_of(piece, state.score(piece)[:-1], k))
    return joined(parts)


def token_figures(
    data: bytes, ends: Sequence[int], expected: Expected, k: int, *, first: bool
) -> dict[str, list[Any]]:
    """OpenAI's `logprobs` of a text.

    Args:
        data: the text.
        ends: where its tokens end, in bytes.
        expected: of each byte.
        k: alternatives to tell, the token itself among them; 0: none.
        first: whether the first token has no figure, since nothing is before it.
    """
    tokens: list[str] = []
    figures: list[float | None] = []
    others: list[dict[str, float] | None] = []
    offsets: list[int] = []
    start = 0
    for end in ends:
        tokens.append(token_text(data[start:end]))
        offsets.append(len(data[:start].decode(errors="ignore")))
        if (first and start == 0 and not figures) or start == end:
            figures.append(None)
            others.append(None)
        else:
            figures.append(_finite(float(expected.chosen[start:end].sum())))
            found = alternatives(data, start, end, expected, k) if k else None
            others.append(None if found is None else {each.text: each.logprob for each in found})
        start = end
    return {
        "tokens": tokens,
        "token_logprobs": figures,
        "top_logprobs": others,
        "text_offset": offsets,
    }


class Alternative(NamedTuple):
    """A text that might have been written.

    Attributes:
        logprob: nats.
        data: its bytes.
        is_end: whether the text ends after them.
    """

    logprob: float
    data: bytes
    is_end: bool = False

    @property
    def text(self) -> str:
        """As OpenAI's clients read it."""
        return token_text(self.data) + (END_TEXT if self.is_end else "")


def alternatives(
    data: bytes, start: int, end: int, expected: Expected, k: int
) -> list[Alternative]:
    """The token from `start` to `end` and the most probable other texts, largest figures first."""
    found: list[Alternative] = []
    before = 0.0
    for place in range(start, end):
        symbols, logprobs = expected.symbols[place].tolist(), expected.logprobs[place].tolist()
        for symbol, logprob in zip(symbols, logprobs, strict=True):
            if symbol != data[place] and logprob > -np.inf:
                spelt = data[start:place] + (b"" if symbol == END else bytes([symbol]))
                found.append(Alternative(_finite(before + logprob), spelt, symbol == END))
        before += float(expected.chosen[place])
    found.sort(key=lambda each: -each.logprob)
    own = Alternative(_finite(float(expected.chosen[start:end].sum())), data[start:end])
    best = [*found[: k - 1], own]
    if k == 1 and found and found[0].logprob > own.logprob:
        best.append(found[0])  # as OpenAI does: the largest, and the token beside it
    return sorted(best, key=lambda each: -each.logprob)


def _finite(figure: float) -> float:
    """A figure that JSON can hold; what is impossible is as improbable as can be told."""
    return max(figure, -9999.0)
