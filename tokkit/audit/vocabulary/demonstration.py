r"""What becomes of a token that no text produces, for a reader to try.

That is what its own bytes are encoded to, as a rule. A part of a character is no text, and broken
UTF-8 may well be encoded to it, so there a whole character that has the part is shown instead: to
be normalised, if that is what takes the part away.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.finding import Witness
from tokkit.audit.vocabulary.reach.fragments import Cut, Placement, placements
from tokkit.text.tokenizer import TextTokenizer

_N_CHARACTERS = 8


def demonstration(tokenizer: TextTokenizer, token: int) -> Witness | None:
    """Something to run that shows an unreachable token replaced; None where nothing can be run.

    Args:
        tokenizer: canonical encodings, normaliser included.
        token: with bytes of its own.
    """
    data = tokenizer.spec.token_bytes[token]
    placed = placements(data)
    if not placed:
        return encoded(tokenizer, data, "in no valid UTF-8")
    witness = encoded(tokenizer, data, f"not {token}")
    if witness is not None and token not in witness.ids:
        return witness
    for text in _texts_with(placed):
        normal = tokenizer.normalize(text)
        if normal != text:
            note = f"{_points(text)} becomes {_points(normal)}: no {data.hex(' ').upper()}"
            return Witness("normalize", text, result=normal, note=note)
        whole = encoded(tokenizer, text, f"not {token}, the bytes {data.hex(' ').upper()}")
        if whole is not None and token not in whole.ids:
            return whole
    return None


def encoded(tokenizer: TextTokenizer, data: bytes, note: str) -> Witness | None:
    """What a text becomes; None where the vocabulary cannot express it."""
    ids = ids_or_none(tokenizer, data)
    return None if ids is None else Witness("encode", data, ids, note=note)


def _points(text: bytes) -> str:
    return " ".join(f"U+{ord(char):04X}" for char in text.decode())


def _texts_with(placed: list[Placement]) -> Iterator[bytes]:
    """A few texts around a token's bytes, its cut characters made whole."""
    for way in placed:
        lefts, rights = _characters(way.left), _characters(way.right)
        for k in range(max(len(lefts), len(rights))):
            left, right = lefts[k % len(lefts)], rights[k % len(rights)]
            yield f"{left}{way.whole}{right}".encode()


def _characters(cut: Cut | None) -> list[str]:
    if cut is None:
        return [""]
    step = max(1, len(cut.points) // _N_CHARACTERS)
    return [chr(point) for point in cut.points[::step][:_N_CHARACTERS].tolist()]
