"""What holds for a tokenizer that tokkit has read: equal to the reference, and laws of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.fuzz.hf_reference import HfReference
from tokkit.errors import EncodingError, UnsupportedError
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.spec import TokenKind, Unknown
from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer import Encoding

Node = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A law that does not hold.

    Attributes:
        law: its name.
        text: for which text.
        expected: what the law asks for.
        got: what came instead.
    """

    law: str
    text: str | bytes
    expected: object
    got: object


class Subject:
    """A tokenizer of ours beside its reference."""

    def __init__(self, document: Node) -> None:
        """Read a configuration by both.

        Raises:
            TokkitError: tokkit refuses it.
            ReferenceFailureError: the reference does.
        """
        self.ours = TextTokenizer(read_hf_json(document, "tokenizer.json"))
        controls = frozenset(self.ours.special_tokens)
        self.reference = HfReference(document, controls=controls)
        self._strips = any(token["lstrip"] or token["rstrip"] for token in document["added_tokens"])

    def differences(self, text: str, *, canonical: bool = True) -> Iterator[Difference]:
        """The laws that do not hold for a text.

        Args:
            text: what to encode.
            canonical: whether to ask about canonicality, which takes as long as all the others.

        Raises:
            ReferenceFailureError: the reference fails on this text.
        """
        for specials in (False, True):
            yield from self._compare(text, specials=specials)
        yield from self.own_differences(text, canonical=canonical)

    def _compare(self, text: str, *, specials: bool) -> Iterator[Difference]:
        expected = self.reference.encode(text, specials=specials)
        law = ", specials=True" if specials else ""
        try:
            got = self.ours.encode(text, specials=specials)
        except EncodingError as error:
            if not expected.loses:
                yield Difference(f"ids{law}", text, expected.ids, error)
                return
        else:
            if expected.loses:
                yield Difference("losing bytes is an error", text, EncodingError, got)
                return
        unk: Unknown = "use" if expected.loses else "raise"
        if unk == "use" and self.ours.spec.unk_id is None:
            return
        found = self.ours.encode_with_offsets(text, specials=specials, unk=unk)
        if found.ids.tolist() != expected.ids:
            yield Difference(f"ids{law}", text, expected.ids, found.ids.tolist())
            return
        offsets = _in_characters(text, found)
        if not self._same_places(expected.ids, offsets, expected.offsets):
            yield Difference(f"offsets{law}", text, expected.offsets, offsets)

    def _same_places(
        self, ids: list[int], ours: list[tuple[int, int]], reference: list[tuple[int, int]]
    ) -> bool:
        """Whether offsets are the same, but where those of tokkit say more.

        A prefix stands for nothing (the library gives it the character that it was put before), and
        a byte token for its own character (the library: for a whole run that is unknown).
        """
        for token, own, other in zip(ids, ours, reference, strict=True):
            is_prefix = own == (other[0], other[0])
            is_byte = self.ours.spec.kinds[token] == TokenKind.BYTE
            is_within = is_byte and other[0] <= own[0] < own[1] <= other[1]
            if not (own == other or is_prefix or is_within):
                return False
        return True

    def own_differences(self, text: str | bytes, *, canonical: bool = True) -> Iterator[Difference]:
        """The laws of tokkit alone that do not hold for a text."""
        data = text.encode() if isinstance(text, str) else text
        for normalize in (True, False):
            try:
                ids = self.ours.encode(data, normalize=normalize)
            except EncodingError:
                continue
            name = "" if normalize else ", normalize=False"
            count = self.ours.count(data, normalize=normalize)
            if count != len(ids):
                yield Difference(f"count{name}", text, len(ids), count)
            found = self.ours.encode_with_offsets(data, normalize=normalize)
            if found.ids.tolist() != ids:
                yield Difference(f"ids with offsets{name}", text, ids, found.ids.tolist())
            if normalize:
                continue
            if canonical and not self._is_canonical(ids):
                yield Difference("encodings are canonical", text, True, ids)
            if self._lossless(data, ids) and self.ours.decode(ids) != data:
                yield Difference("decode inverts encode", text, data, self.ours.decode(ids))

    def _is_canonical(self, ids: list[int]) -> bool:
        try:
            return self.ours.is_canonical(ids)
        except UnsupportedError:  # it says that it cannot tell
            return True

    def _lossless(self, data: bytes, ids: list[int]) -> bool:
        """Whether `decode` promises to give `data` back (`TextTokenizer.encode`)."""
        spec = self.ours.spec
        if spec.family == "wordpiece" or any(rule.behavior == "removed" for rule in spec.splits):
            return False
        added = not {token.id for token in spec.added_tokens}.isdisjoint(ids)
        if added and (self._strips or spec.prefix_space != "never"):
            return False  # a literal takes white space with it; every stretch has a prefix
        return not (spec.prefix_space == "unless_space" and data.startswith(b" "))

    def prefix_difference(self, text: str) -> Difference | None:
        """What tokkit says to stand before a text, if it is not what the reference puts there."""
        prefix = self.reference.prefix(text)
        if prefix is None or tuple(prefix) == self.ours.bos_ids:
            return None
        return Difference("bos_ids", text, prefix, self.ours.bos_ids)

    def case_differences(self, texts: list[str]) -> Iterator[Difference]:
        """The laws about a tokenizer as a whole that do not hold."""
        for text in texts[:3]:
            difference = self.prefix_difference(text)
            if difference is not None:
                yield difference
        yield from self.saving_differences(texts)

    def saving_differences(self, texts: list[str]) -> Iterator[Difference]:
        """Texts that a saved tokenizer encodes otherwise once it is loaded again."""
        with tempfile.TemporaryDirectory() as folder:
            self.ours.save(folder)
            loaded = TextTokenizer.load(folder)
        for text in texts:
            for specials in (False, True):
                before = _ids_or_none(self.ours, text, specials=specials)
                after = _ids_or_none(loaded, text, specials=specials)
                if before != after:
                    yield Difference("save and load", text, before, after)


def _in_characters(text: str, found: Encoding) -> list[tuple[int, int]]:
    """Offsets in characters, as the library has them: those that a token has any byte of."""
    starts: list[int] = []
    ends = [0]
    for i, char in enumerate(text):
        size = len(char.encode())
        starts += [i] * size
        ends += [i + 1] * size
    starts.append(len(text))
    return [(starts[start], ends[end]) for start, end in found.offsets.tolist()]


def _ids_or_none(tokenizer: TextTokenizer, text: str, *, specials: bool) -> list[int] | None:
    try:
        return tokenizer.encode(text, specials=specials)
    except EncodingError:
        return None
