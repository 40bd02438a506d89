"""What one tokenizer makes of the texts: tokens of each block, and how fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.comparing.texts import Part, Texts
from tokkit.errors import EncodingError
from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer import Encoding

_TIMED_BYTES = 1 << 20
_WARM_BYTES = 1 << 12
_LEAST_SECONDS = 1e-9


@dataclass(frozen=True, eq=False)
class Counts:
    """Of one tokenizer.

    Attributes:
        n_tokens: int64 (parts,).
        n_unknown: of the tokens those that stand for what the vocabulary lacks.
        by_block: float64 (blocks,), tokens that end in each block; blocks of all parts in order.
    """

    n_tokens: NDArray[np.int64]
    n_unknown: int
    by_block: NDArray[np.float64]


def count(
    tokenizer: TextTokenizer, name: str, texts: Texts, progress: Callable[[int, int], None]
) -> Counts:
    """Encode all texts canonically, without control tokens; what a vocabulary lacks as unknown.

    Raises:
        EncodingError: a text that the vocabulary cannot express, and no unknown token.
    """
    n_unknown = 0
    totals: list[int] = []
    blocks: list[NDArray[np.float64]] = []
    done = 0
    for part in texts.parts:
        encoding = _encode(tokenizer, name, part)
        ends = encoding.ends
        n_unknown += int((encoding.ids == tokenizer.spec.unk_id).sum())
        edges = texts.edges(part)
        # A token belongs to the block in which it ends; what stands for nothing, to the first.
        place = np.clip(np.searchsorted(edges, ends, side="left") - 1, 0, len(edges) - 2)
        blocks.append(np.bincount(place, minlength=len(edges) - 1).astype(np.float64))
        totals.append(len(ends))
        done += len(part.data)
        progress(done, texts.n_bytes)
    return Counts(np.array(totals, np.int64), n_unknown, np.concatenate(blocks))


def _encode(tokenizer: TextTokenizer, name: str, part: Part) -> Encoding:
    unk = "raise" if tokenizer.spec.unk_id is None else "use"
    try:
        return tokenizer.encode_with_offsets(part.data, unk=unk)
    except EncodingError as error:
        raise EncodingError(
            f"{name} cannot express a text ({part.file_type}): {error}; leave out the tokenizer or "
            "the text"
        ) from error


def time_encoding(
    tokenizer: TextTokenizer, texts: Texts
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bytes of pieces of the texts, 1 MiB in all, and the seconds that encoding each takes.

    In one thread. The first encoding, which may compile, is not timed.

    Returns:
        Two arrays, float64 (pieces,).
    """
    pieces: list[bytes] = []
    left = _TIMED_BYTES
    for part in texts.parts:
        for first, last in zip(texts.edges(part)[:-1], texts.edges(part)[1:], strict=True):
            if left > 0:
                pieces.append(part.data[int(first) : int(last)].decode(errors="ignore").encode())
                left -= len(pieces[-1])
    pieces = [piece for piece in pieces if piece]
    if not pieces:
        return np.zeros(0), np.zeros(0)
    unk = "raise" if tokenizer.spec.unk_id is None else "use"
    tokenizer.encode(pieces[0][:_WARM_BYTES].decode(errors="ignore"), unk=unk)
    seconds: list[float] = []
    for piece in pieces:
        start = perf_counter()
        tokenizer.encode(piece, unk=unk)
        seconds.append(max(_LEAST_SECONDS, perf_counter() - start))
    return np.array([len(piece) for piece in pieces], np.float64), np.array(seconds)
