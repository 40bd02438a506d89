"""Compare drawn SentencePiece models with the `sentencepiece` library.

    python -m tests.fuzz.sentencepiece_options 3000 --seed 0

prints how many models came to which outcome, the reasons of refusals, and the smallest text of each
disagreement. The same seed draws the same models.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest import mock

import sentencepiece

from tests.fuzz.draw_sentencepiece import BYTE, Case, UnloadableError, draw_case
from tests.fuzz.laws import Difference
from tests.fuzz.shrink import shrink_text
from tests.fuzz.tokenizer_json import (
    DIFFERS,
    PASSED,
    REFUSED,
    UNLOADABLE,
    Outcome,
    counts_and_refusals,
    quiet_panics,
)
from tokkit.errors import EncodingError, TokkitError
from tokkit.text.formats.sentencepiece import model_file as reader
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.formats.tokkit_file import read_tokkit, spec_to_bytes
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

MARK = "\u2581"


class Subject:
    """A tokenizer of ours beside the library's."""

    def __init__(self, case: Case) -> None:
        """Read a model by both.

        Raises:
            UnloadableError: the library refuses it.
            TokkitError: tokkit does.
        """
        self._reference: Any = sentencepiece.SentencePieceProcessor()
        try:
            self._reference.LoadFromSerializedProto(case.model)
        except RuntimeError as error:
            raise UnloadableError(str(error)[:200]) from error
        spec = read_sentencepiece(case.model, "model")
        self.ours = TextTokenizer(spec)
        self._saved = self.ours
        if case.options["rule"] == "identity":  # a charsmap has 200,000 entries
            self._saved = TextTokenizer(read_tokkit(spec_to_bytes(spec), "saved"))
        self._has_bytes = bool((spec.kinds == TokenKind.BYTE).any())

    def differences(self, text: str) -> Iterator[Difference]:
        """The laws that do not hold for a text."""
        expected: list[int] = self._reference.encode(text)
        encoding = self.ours.encode_with_offsets(text, unk="use")
        ids = encoding.ids.tolist()
        if ids != expected:
            yield Difference("ids", text, expected, ids)
            return
        for law, found in (
            ("encode equals encode_with_offsets", self.ours.encode(text, unk="use")),
            ("a saved tokenizer encodes alike", self._saved.encode(text, unk="use")),
        ):
            if found != ids:
                yield Difference(law, text, ids, found)
        if self.ours.count(text, unk="use") != len(ids):
            yield Difference("count", text, len(ids), self.ours.count(text, unk="use"))
        yield from self._offsets(text, encoding.offsets.tolist())
        yield from self._unknown(text, ids)
        yield from self._normalised(text)

    def _offsets(self, text: str, found: list[list[int]]) -> Iterator[Difference]:
        pieces = self._reference.encode_as_proto(text).pieces
        # The library gives all bytes of a character to the last of its BYTE tokens.
        kinds = [BYTE if self._reference.is_byte(piece.id) else 0 for piece in pieces]
        ours = [span for span, kind in zip(found, kinds, strict=True) if kind != BYTE]
        theirs = [[p.begin, p.end] for p, kind in zip(pieces, kinds, strict=True) if kind != BYTE]
        if ours != theirs:
            yield Difference("offsets", text, theirs, ours)

    def _unknown(self, text: str, ids: list[int]) -> Iterator[Difference]:
        loses = self.ours.spec.unk_id in ids
        try:
            strict = self.ours.encode(text)
        except EncodingError as error:
            if not loses:
                yield Difference("what is known is encoded", text, ids, error)
            return
        if loses or strict != ids:
            yield Difference("losing bytes is an error", text, EncodingError, strict)
        elif not self.ours.is_canonical(ids):
            yield Difference("encodings are canonical", text, True, False)
        elif self.ours.decode(ids) != self.ours.normalize(text):
            normal = self.ours.normalize(text)
            yield Difference("decoding inverts", text, normal, self.ours.decode(ids))

    def _normalised(self, text: str) -> Iterator[Difference]:
        ours = self.ours.normalize(text).decode()
        if ours or (text and self.ours.spec.prefix_alone):
            ours = self.ours.dummy_prefix.decode() + ours
        theirs: str = self._reference.normalize(text)
        if getattr(self.ours.spec.normalizer, "marked", False):
            theirs = theirs.replace(MARK, " ")
        if ours != theirs:
            yield Difference("normalised text", text, theirs, ours)


def examine(seed: int, index: int) -> Outcome:
    """Draw one model and compare it."""
    try:
        case = draw_case(seed, index)
        subject = Subject(case)
    except UnloadableError as error:
        return Outcome(index, UNLOADABLE, str(error))
    except TokkitError as error:
        return Outcome(index, REFUSED, f"{type(error).__name__}: {error}")
    for text in case.texts:
        for difference in subject.differences(text):
            law = difference.law

            def shows(data: bytes, law: str = law) -> bool:
                smaller = data.decode(errors="replace")
                return any(found.law == law for found in subject.differences(smaller))

            smallest = shrink_text(text.encode(), shows).decode(errors="replace")
            found = next(d for d in subject.differences(smallest) if d.law == law)
            example = {
                "options": case.options,
                "text": repr(smallest),
                "expected": repr(found.expected),
                "got": repr(found.got),
            }
            return Outcome(index, DIFFERS, law, example)
    return Outcome(index, PASSED)


def run(seed: int, indices: range) -> list[Outcome]:
    """Examine models. There are four charsmaps, each of which is read and judged but once."""
    read_once = mock.patch.object(reader, "read_charsmap", cache(reader.read_charsmap))
    with quiet_panics(), read_once:
        return [examine(seed, index) for index in indices]


def summary(outcomes: list[Outcome]) -> str:
    """Counts by outcome, refusals by reason, and an example of each disagreement."""
    lines = counts_and_refusals(outcomes)
    for law in sorted({o.reason for o in outcomes if o.status == DIFFERS}):
        group = [o for o in outcomes if o.status == DIFFERS and o.reason == law]
        smallest = min(group, key=lambda outcome: len((outcome.example or {})["text"]))
        lines += ["", f"{len(group)} x {law} (model {smallest.index})"]
        lines += [f"  {key}: {value}" for key, value in (smallest.example or {}).items()]
    return "\n".join(lines)


def main() -> int:
    """The command; 1 if something differs."""
    parser = argparse.ArgumentParser(description="Draw SentencePiece models, and compare them.")
    parser.add_argument("count", type=int, help="how many models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    options = parser.parse_args()
    outcomes = run(options.seed, range(options.start, options.start + options.count))
    print(summary(outcomes))
    return int(any(outcome.status == DIFFERS for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
