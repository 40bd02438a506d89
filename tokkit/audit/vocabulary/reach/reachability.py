"""Which tokens some text produces, each with such a text; and why no text produces the others.

A token is *reachable* if it is in `encode(x)` for some valid UTF-8 text x, normaliser included,
control tokens taken as text. "Reachable" is only said of a token with a witness x that was encoded;
"unreachable" only with a proof. The proofs, in the order in which they are tried:

`alphabet`: its spelling holds characters that are none of the file's alphabet (GPT-2's bytes).
`bytes`: its bytes stand in no valid UTF-8 (`fragments`).
`shadowed`: another token always takes its place: one with the same bytes, or, where bytes are a
    fallback, the token of the character.
`merges`: the model encodes the token's own bytes as something else. For every family a token of an
    encoding is the encoding of its own bytes (`tokkit.text.segment_models.base`), unless
    `ignore_merges` lets it stand for a whole piece.
`pretokenizer`: no state of the pretokenizer lets its characters through in one piece (`contexts`).
`normalizer`: no normalised text holds its characters (`images`), or every character that its cut
    ends may be part of is one that the normaliser changes.
`merges`, again: whatever token stands before it (or after it) within a piece, the merges do not
    leave the two apart, and the pretokenizer leaves no boundary there.

What is neither is `undetermined`; it is counted, and is none of the two.

A reachable token is `context-only` if it is not what its own bytes alone are encoded to (leaving
aside the space that is put before a text): parts of characters, and tokens that need certain
neighbours. That is a remark, no fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.vocabulary.reach.completions import CompletionSearch
from tokkit.audit.vocabulary.reach.contexts import Contexts
from tokkit.audit.vocabulary.reach.fragments import Placement, placements
from tokkit.audit.vocabulary.reach.images import cannot_stand
from tokkit.audit.vocabulary.reach.neighbours import Neighbours
from tokkit.audit.vocabulary.reach.witnesses import WitnessSearch
from tokkit.errors import EncodingError
from tokkit.text.normalizers import whole_normalizer
from tokkit.text.segment_models.vocabulary import is_utf8
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer


class Status(StrEnum):
    """What is known of a token."""

    REACHABLE = "reachable"
    CONTEXT_ONLY = "context-only"
    UNREACHABLE = "unreachable"
    UNDETERMINED = "undetermined"
    SPECIAL = "special"
    UNUSED = "unused"


class Reason(StrEnum):
    """Why a token is unreachable."""

    ALPHABET = "alphabet"
    BYTES = "bytes"
    SHADOWED = "shadowed"
    MERGES = "merges"
    PRETOKENIZER = "pretokenizer"
    NORMALIZER = "normalizer"


@dataclass(frozen=True)
class Verdict:
    """What is known of one token.

    Attributes:
        status: see `Status`.
        reason: of an unreachable token; otherwise None.
        witness: a text whose encoding holds the token, if it is reachable; otherwise None.
    """

    status: Status
    reason: Reason | None = None
    witness: bytes | None = None


class ReachabilityJudge:
    """Judges the tokens of one tokenizer."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._spec = tokenizer.spec

    def judge_all(self) -> list[Verdict]:
        """The verdict on each id, in order."""
        return [self.judge(token) for token in range(self._spec.vocab_size)]

    def judge(self, token: int) -> Verdict:
        """The verdict on one id."""
        kind = TokenKind(int(self._spec.kinds[token]))
        data = self._spec.token_bytes[token]
        if kind == TokenKind.SPECIAL:
            return Verdict(Status.SPECIAL)
        if kind == TokenKind.UNUSED or not data:
            return Verdict(Status.UNUSED)
        if kind == TokenKind.DECODE_ONLY:
            return Verdict(Status.UNREACHABLE, Reason.ALPHABET)
        own = self._own_text(token)
        if own is not None:
            return Verdict(Status.REACHABLE, witness=own)
        raw = self._raw_texts.get(token)
        if raw is not None and token in (ids_or_none(self._tokenizer, raw) or ()):
            return Verdict(Status.CONTEXT_ONLY, witness=raw)
        placed = placements(data)
        reason = self._quick_proof(token, placed)
        if reason is not None:
            return Verdict(Status.UNREACHABLE, reason)
        witness = self._search.find(token, placed)
        if witness is not None:
            alone = self._is_alone(token)
            return Verdict(Status.REACHABLE if alone else Status.CONTEXT_ONLY, witness=witness)
        if all(self._is_always_changed(way) for way in placed):
            return Verdict(Status.UNREACHABLE, Reason.NORMALIZER)
        if kind == TokenKind.BYTE and self._is_never_needed(token, placed):
            return Verdict(Status.UNREACHABLE, Reason.SHADOWED)
        if self._spec.family == "bpe" and kind == TokenKind.NORMAL:
            return self._complete(token)
        return Verdict(Status.UNDETERMINED)

    def _complete(self, token: int) -> Verdict:
        """Exhaust what the tokens beside it can be, on one side and on the other."""
        if not self._contexts.complete:
            return Verdict(Status.UNDETERMINED)
        sides = [self._completions.complete(token, forwards=side) for side in (True, False)]
        for side in sides:
            if side is not None:
                witness = self._search.find_among(token, side.spellings)
                if witness is not None:
                    return Verdict(Status.CONTEXT_ONLY, witness=witness)
        if any(side is not None and side.exhaustive and not side.spellings for side in sides):
            return Verdict(Status.UNREACHABLE, Reason.MERGES)
        return Verdict(Status.UNDETERMINED)

    # -- witnesses ---------------------------------------------------------------------------

    def _own_text(self, token: int) -> bytes | None:
        """The token's bytes as a text, if their encoding is that token and nothing else."""
        data = self._spec.token_bytes[token]
        if not is_utf8(data):
            return None
        for text in own_texts(data, self._tokenizer.dummy_prefix):
            if ids_or_none(self._tokenizer, text) == (token,):
                return text
        return None

    @cached_property
    def _raw_texts(self) -> dict[int, bytes]:
        """Texts that are cut out before normalisation, by the tokens that they become."""
        return {
            token.id: token.content.encode()
            for token in self._spec.added_tokens
            if not token.normalized and self._spec.kinds[token.id] != TokenKind.SPECIAL
        }

    def _is_alone(self, token: int) -> bool:
        """Whether the token is what its bytes become without the space put before a text."""
        data = self._spec.token_bytes[token]
        if not self._tokenizer.dummy_prefix or not is_utf8(data):
            return False
        pieces = self._tokenizer.pretokenizer.split(np.frombuffer(data, dtype=np.uint8))
        try:
            ids = self._tokenizer.model.encode_ids(pieces.text, pieces.bounds)
        except EncodingError:
            return False
        return ids.tolist() == [token]

    @cached_property
    def _contexts(self) -> Contexts:
        return Contexts(self._tokenizer)

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self._tokenizer)

    @cached_property
    def _search(self) -> WitnessSearch:
        return WitnessSearch(self._tokenizer, self._contexts, self._neighbours)

    @cached_property
    def _completions(self) -> CompletionSearch:
        return CompletionSearch(
            self._tokenizer, self._contexts, self._neighbours, self._search.class_strings
        )

    # -- proofs ------------------------------------------------------------------------------

    def _quick_proof(self, token: int, placed: list[Placement]) -> Reason | None:
        if not placed:
            return Reason.BYTES
        literal = self._spec.kinds[token] == TokenKind.LITERAL
        by_model = bool(self._tokenizer.model.reachable[token])
        fallback = self._spec.kinds[token] == TokenKind.BYTE
        taken = self._is_taken_literal(token) if literal else fallback or self._is_taken(token)
        if not by_model and taken:
            return Reason.SHADOWED
        if not (literal or by_model or self._may_be_whole_piece(token)):
            return Reason.MERGES
        if self._contexts.complete and not literal:
            places = [
                place
                for symbols in self._search.class_strings(placed)
                for place in self._contexts.places(symbols, kind=self._search.label(token))
            ]
            if not places:
                return Reason.SHADOWED if fallback else Reason.PRETOKENIZER
            if not by_model and not any(place.begins and place.ends for place in places):
                return Reason.MERGES
        if all(cannot_stand(whole_normalizer(self._spec), way.whole) for way in placed):
            return Reason.NORMALIZER
        return None

    def _may_be_whole_piece(self, token: int) -> bool:
        return self._spec.ignore_merges and self._spec.kinds[token] == TokenKind.NORMAL

    def _is_taken_literal(self, token: int) -> bool:
        """Whether another token is cut out where these bytes stand."""
        return self._tokenizer.pretokenizer.literals[self._spec.token_bytes[token]] != token

    def _is_taken(self, token: int) -> bool:
        """Whether another token has the same bytes, and the model makes that one."""
        continuing = self._spec.continuing
        return any(
            other != token and (continuing is None or continuing[other] == continuing[token])
            for other in self._by_bytes.get(self._spec.token_bytes[token], ())
        )

    @cached_property
    def _by_bytes(self) -> dict[bytes, list[int]]:
        found: dict[bytes, list[int]] = {}
        for token in np.flatnonzero(self._tokenizer.model.reachable).tolist():
            found.setdefault(self._spec.token_bytes[token], []).append(token)
        return found

    def _is_never_needed(self, token: int, placed: list[Placement]) -> bool:
        """Whether each character that a byte is part of is encoded without it.

        A character is spelt in bytes by itself, whatever stands around it.
        """
        points = {point for way in placed if way.left for point in way.left.points.tolist()}
        points |= {point for way in placed if way.right for point in way.right.points.tolist()}
        points |= {ord(char) for way in placed for char in way.whole}
        return not any(self._holds(chr(point), token) for point in points)

    def _holds(self, char: str, token: int) -> bool:
        try:
            return token in self._tokenizer.model.encode_piece(char.encode())
        except EncodingError:
            return False  # then it is spelt by a token of several characters, or not at all

    def _is_always_changed(self, way: Placement) -> bool:
        """Whether no character that a cut end may be part of can stand in a normalised text."""
        normalizer = whole_normalizer(self._spec)
        return any(
            all(cannot_stand(normalizer, chr(point)) for point in cut.points.tolist())
            for cut in (way.left, way.right)
            if cut is not None
        )


def own_texts(data: bytes, dummy_prefix: bytes) -> Iterator[bytes]:
    """The texts that are these bytes to the model, where a space is put before a text."""
    if dummy_prefix and data.startswith(dummy_prefix) and data != dummy_prefix:
        yield data[len(dummy_prefix) :]
    yield data
