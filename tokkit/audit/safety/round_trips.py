"""Whether text comes back: `decode(encode(x))` against what the normaliser makes of x.

Canonical tokenization only: no model is asked. Failures are found by probe texts, over all assigned
characters of Unicode and all bytes, and shrunk to the smallest text that shows them.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules import Severity
from tokkit.audit.rules.safety import BYTES_NOT_ENCODABLE, ROUND_TRIP_FAILURE, TEXT_NOT_ENCODABLE
from tokkit.audit.safety.probe_texts import as_bytes, probe_texts
from tokkit.audit.safety.shrinking import shrink
from tokkit.report.wording import among, quoted
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

MAX_WITNESSES = 4
_MAX_SHRUNK = 40


@dataclass(frozen=True)
class RoundTrips:
    """What came of it.

    Attributes:
        findings: of `round-trip-failure`, `text-not-encodable` and `bytes-not-encodable`.
        n_texts: how many probe texts there were.
        n_back: how many of them come back, but for what the normaliser does.
        n_characters: how many assigned characters there are.
        lost_characters: which of them cannot be encoded.
        lost_bytes: bytes that cannot be encoded where they are no UTF-8.
    """

    findings: tuple[Finding, ...]
    n_texts: int
    n_back: int
    n_characters: int
    lost_characters: tuple[str, ...]
    lost_bytes: tuple[int, ...]


def examine_round_trips(tokenizer: TextTokenizer) -> RoundTrips:
    """Encode and decode probe texts, all assigned characters and all bytes."""
    texts = probe_texts()
    failing = [text for text in texts if _loss(tokenizer, as_bytes(text)) is not None]
    assigned = list(assigned_characters())
    lost = tuple(_not_encodable(tokenizer, assigned))
    lost_bytes = tuple(b for b in range(128, 256) if not encodes(tokenizer, bytes((b,))))
    return RoundTrips(
        findings=(
            *_failures(tokenizer, failing),
            *_lost_characters(lost, len(assigned)),
            *_lost_bytes(lost_bytes),
        ),
        n_texts=len(texts),
        n_back=len(texts) - len(failing),
        n_characters=len(assigned),
        lost_characters=lost,
        lost_bytes=lost_bytes,
    )


def assigned_characters() -> Iterator[str]:
    """The characters of this Python's Unicode, without surrogates and private ones, ascending."""
    for code_point in range(sys.maxunicode + 1):
        char = chr(code_point)
        if unicodedata.category(char) not in ("Cn", "Co", "Cs"):
            yield char


def encodes(tokenizer: TextTokenizer, data: bytes) -> bool:
    """Whether a text can be encoded at all."""
    return ids_or_none(tokenizer, data) is not None


def _loss(tokenizer: TextTokenizer, data: bytes) -> str | None:
    """How a text fails to come back: `"space"`, `"text"`; None if it does, or is not encodable."""
    ids = ids_or_none(tokenizer, data)
    if ids is None:
        return None
    back, expected = tokenizer.decode(ids), tokenizer.normalize(data)
    if back == expected:
        return None
    return "space" if back.split() == expected.split() or _squeezed(back, expected) else "text"


def _squeezed(back: bytes, expected: bytes) -> bool:
    """Whether two texts are the same without their white space."""
    both = [data.decode(errors="surrogateescape") for data in (back, expected)]
    first, second = ("".join(text.split()) for text in both)
    return first == second


def _failures(tokenizer: TextTokenizer, failing: list[str]) -> Iterator[Finding]:
    smallest: dict[str, str] = {}
    for text in failing[:_MAX_SHRUNK]:
        kind = _loss(tokenizer, as_bytes(text))

        def shows(shorter: str, kind: str | None = kind) -> bool:
            return _loss(tokenizer, as_bytes(shorter)) == kind

        smallest[shrink(text, shows)] = str(kind)
    for kind, graded in (("text", None), ("space", Severity.WARNING)):
        shown = sorted((t for t, k in smallest.items() if k == kind), key=lambda t: (len(t), t))
        if not shown:
            continue
        n_failing = sum(_loss(tokenizer, as_bytes(text)) == kind for text in failing)
        what = "differ in white space only" if kind == "space" else "come back as other text"
        yield Finding(
            ROUND_TRIP_FAILURE,
            f"{n_failing} of the probe texts {what}; the smallest is {quoted(shown[0])}.",
            count=n_failing,
            witnesses=tuple(_round_trip(tokenizer, text) for text in shown[:MAX_WITNESSES]),
            graded=graded,
        )


def _round_trip(tokenizer: TextTokenizer, text: str) -> Witness:
    data = as_bytes(text)
    ids = tokenizer.encode(data)
    return Witness("round_trip", data, tuple(ids), tokenizer.decode(ids), "comes back changed")


def _not_encodable(tokenizer: TextTokenizer, characters: list[str]) -> Iterator[str]:
    """Those of `characters` that cannot be encoded, ascending."""
    hopeless = set(_in_no_token(tokenizer, characters))
    rest = [char for char in characters if char not in hopeless]
    yield from sorted(hopeless.union(_found_by_halving(tokenizer, rest)))


def _in_no_token(tokenizer: TextTokenizer, characters: list[str]) -> Iterator[str]:
    """Characters that no token holds, where only a token that holds one can express it."""
    spec = tokenizer.spec
    by_characters = spec.char_units or spec.family in ("unigram", "wordpiece")
    if not by_characters or TokenKind.BYTE in spec.kinds:
        return
    known = set("".join(token.decode(errors="ignore") for token in spec.token_bytes))
    known |= {char for char in characters if char.isspace()}
    for char in characters:
        if not known.issuperset(tokenizer.normalize(char).decode()):
            yield char


def _found_by_halving(tokenizer: TextTokenizer, characters: list[str]) -> Iterator[str]:
    """Those that cannot be encoded, found by halving blocks that cannot."""
    blocks = [characters[start : start + 1024] for start in range(0, len(characters), 1024)]
    while blocks:
        block = blocks.pop()
        # Spaces keep words short: an overlong word is unknown to WordPiece whatever is in it.
        if encodes(tokenizer, " ".join(block).encode()):
            continue
        if len(block) == 1:
            yield block[0]
        else:
            blocks += [block[len(block) // 2 :], block[: len(block) // 2]]


def _lost_characters(lost: tuple[str, ...], n_characters: int) -> Iterator[Finding]:
    if lost:
        shown = sorted(lost, key=_prominence)[:MAX_WITNESSES]
        yield Finding(
            TEXT_NOT_ENCODABLE,
            f"{len(lost):,} of {n_characters:,} assigned characters cannot be encoded"
            f"{among(len(lost), quoted(shown[0]))}.",
            count=len(lost),
            witnesses=tuple(Witness("encode", c.encode(), note="no tokens") for c in shown),
        )


def _prominence(char: str) -> tuple[bool, int]:
    """Order in which characters are shown: those that are written before controls."""
    return unicodedata.category(char)[0] in "CZM", ord(char)


def _lost_bytes(lost: tuple[int, ...]) -> Iterator[Finding]:
    if lost:
        yield Finding(
            BYTES_NOT_ENCODABLE,
            f"{len(lost)} of the 128 bytes from 0x80 cannot be encoded where they are not part of "
            "a character.",
            count=len(lost),
            witnesses=(Witness("encode", bytes(lost[:1]), note="no tokens"),),
        )
