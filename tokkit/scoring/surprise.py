"""The bits of single bytes and of single tokens, for a heat map: `surprises_of`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.windows import cut_windows
from tokkit.errors import EncodingError
from tokkit.scoring.inputs import Corpus

_DIGITS = 2


@dataclass(frozen=True, eq=False)
class Surprise:
    """The beginning of a text under a model.

    Attributes:
        model: its name.
        document: the name of the text.
        text: its beginning.
        byte_bits: float64 (len(text),), bits of each byte given those before it.
        token_ends: int64 (n,), where each token of the text's own tokenization ends; None for a
            model without tokens, or where it cannot encode the text.
        token_bits: float64 (n,), bits of each of them under the token model; None likewise.
    """

    model: str
    document: str
    text: bytes
    byte_bits: NDArray[np.float64]
    token_ends: NDArray[np.int64] | None
    token_bits: NDArray[np.float64] | None


def shown_texts(corpus: Corpus, n_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Name and beginning of the first texts, so many bytes together, cut between characters."""
    room = n_bytes
    if not room:
        return
    for document in corpus.documents():
        if document.before is not None:
            continue
        held = bytearray()
        for part in document.parts:
            held += part
            if len(held) > room:
                break
        end = min(len(held), room)
        while 0 < end < len(held) and held[end] & 0xC0 == 0x80:
            end -= 1
        if end:
            yield document.name, bytes(held[:end])
        room -= end
        if room <= 0 or len(held) > end:
            return


def surprises_of(
    name: str,
    lm: ByteModel,
    texts: Sequence[tuple[str, bytes]],
    windows: tuple[int, int] | None,
) -> Iterator[Surprise]:
    """The bits of the bytes and tokens of texts under a model.

    Args:
        name: of the model.
        lm: the model.
        texts: name and text of each.
        windows: window and stride, in bytes; None for each text as a whole.

    Raises:
        ModelError: more tokens than the model reads, and no window.
    """
    for document, text in texts:
        bits = np.zeros(len(text))
        for context, start, stop in cut_windows(text, *(windows or (None, None))):
            rows = lm.open(text[context:start]).score(text[start:stop])
            places = np.frombuffer(text[start:stop], dtype=np.uint8)
            bits[start:stop] = -rows[np.arange(len(places)), places]
        tokens = _tokens(lm, text, windows) if isinstance(lm, ByteLM) else None
        yield Surprise(
            name,
            document,
            text,
            _in_bits(bits),
            None if tokens is None else np.array(tokens[0], dtype=np.int64),
            None if tokens is None else _in_bits(np.array(tokens[1])),
        )


def _tokens(
    lm: ByteLM, text: bytes, windows: tuple[int, int] | None
) -> tuple[list[int], list[float]] | None:
    """Where each token ends, and its nats."""
    with suppress(EncodingError):
        encoding = lm.tokenizer.encode_with_offsets(text, normalize=False)
        nats: list[float] = []
        for places in cut_windows(text, *(windows or (None, None))):
            first, start, stop = np.searchsorted(encoding.starts, places).tolist()
            stop = len(encoding) if places[-1] == len(text) else stop
            ids = encoding.ids[first:stop].tolist()
            nats += (-lm.ids_logprobs(ids, start - first)).tolist()
        return encoding.ends.tolist(), nats
    return None


def _in_bits(nats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded, so that equal texts give equal pages."""
    return np.round(nats / math.log(2), _DIGITS)
