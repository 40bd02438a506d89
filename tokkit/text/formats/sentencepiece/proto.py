"""The fields of a SentencePiece `.model` file that decide an encoding.

Source: `sentencepiece_model.proto` of SentencePiece 0.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tokkit.errors import FormatError
from tokkit.files import protobuf
from tokkit.files.reading import MAX_VOCAB_SIZE, decode_utf8

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
UNIGRAM, BPE, WORD, CHAR = 1, 2, 3, 4


@dataclass
class Pieces:
    """The pieces of a model, by id: spelling (with U+2581), score, and type as in the proto."""

    texts: list[str] = field(default_factory=list[str])
    scores: list[float] = field(default_factory=list[float])
    types: list[int] = field(default_factory=list[int])

    def of_type(self, *types: int) -> dict[str, int]:
        """Spelling -> id of the pieces of some types."""
        return {
            text: token
            for token, (text, kind) in enumerate(zip(self.texts, self.types, strict=True))
            if kind in types
        }


@dataclass
class Model:
    """A model, with the defaults of the proto."""

    pieces: Pieces = field(default_factory=Pieces)
    kind: int = UNIGRAM
    bos_id: int = 1
    eos_id: int = 2
    byte_fallback: bool = False
    suffix_space: bool = False
    charsmap: bytes = b""
    dummy_prefix: bool = True
    squeeze: bool = True
    escape: bool = True


def parse_model(data: bytes, name: str) -> Model:
    """Read the fields.

    Raises:
        FormatError: truncated, damaged, without pieces, or a score that is not finite.
    """
    model = Model()
    for number, wire, value in protobuf.fields(data, name):
        if number not in (1, 2, 3):
            continue
        if not isinstance(value, bytes) or wire != protobuf.BYTES:
            raise FormatError(f"{name}: field {number} is no message; not a SentencePiece model")
        if number == 1:
            _parse_piece(value, model.pieces, name)
        else:
            _parse_options(value, model, _OPTIONS[number], name)
    if not model.pieces.texts:
        raise FormatError(f"{name}: no pieces; expected a SentencePiece model with a vocabulary")
    return model


def _parse_piece(message: bytes, pieces: Pieces, name: str) -> None:
    text, score, kind = b"", 0.0, NORMAL
    size = message[1] + 2 if len(message) > 1 else 0
    if size < 130 and len(message) == size + 5 and message[0] == 0x0A and message[size] == 0x15:
        # The shape of nearly all pieces: a short text, a score, and the default type.
        text, score, message = message[2:size], protobuf.float32(message[size + 1 :]), b""
    where = f"{name}: piece {len(pieces.texts)}"
    for number, wire, value in protobuf.fields(message, where):
        if number == 1 and isinstance(value, bytes) and wire == protobuf.BYTES:
            text = value
        elif number == 2 and isinstance(value, bytes) and wire == protobuf.FIXED32:
            score = protobuf.float32(value)
        elif number == 3 and isinstance(value, int):
            kind = value
    if len(pieces.texts) >= MAX_VOCAB_SIZE:
        raise FormatError(f"{name}: more than {MAX_VOCAB_SIZE:,} pieces")
    if not math.isfinite(score):
        raise FormatError(f"{where}: the score {score}; expected a finite number")
    pieces.texts.append(decode_utf8(text, where))
    pieces.scores.append(score)
    pieces.types.append(kind)


def _parse_options(
    message: bytes, model: Model, known: dict[int, tuple[str, Any]], name: str
) -> None:
    for number, _, value in protobuf.fields(message, f"{name}: options"):
        option, convert = known.get(number, ("", None))
        if option and isinstance(value, bytes) == (convert is bytes):
            setattr(model, option, convert(value))


_OPTIONS: dict[int, dict[int, tuple[str, Any]]] = {
    2: {
        3: ("kind", int),
        24: ("suffix_space", bool),
        35: ("byte_fallback", bool),
        41: ("bos_id", protobuf.signed),
        42: ("eos_id", protobuf.signed),
    },
    3: {
        2: ("charsmap", bytes),
        3: ("dummy_prefix", bool),
        4: ("squeeze", bool),
        5: ("escape", bool),
    },
}
"""Of `trainer_spec` and `normalizer_spec`: the fields, and how their values are read."""
