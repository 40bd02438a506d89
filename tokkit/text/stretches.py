"""The way of a text to the model: added tokens, and the normalised stretches between them.

In the order of the `tokenizers` library: cut out the added tokens that are looked for in the raw
text; normalise each stretch between them; cut out those that are looked for in normalised text; put
a space before what is left, where the tokenizer does (`prefix_unit` says whether before or after
the second cut). The pretokenizer and the model then see each stretch on its own.

Without the normaliser the text is taken as the model sees it. Only the space before its beginning
is not there yet; the spaces before later stretches are, and are put only where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.kernels.texts.cut_out import cut_out
from tokkit.text.added_tokens import AddedTokenCutter, all_added_tokens
from tokkit.text.alignment import Alignment, align_valid, code_points, valid_and_invalid
from tokkit.text.normalizers import made_of_bytes, marks_spaces, whole_normalizer
from tokkit.text.sentencepiece_normalizer import SentencePieceNormalizer
from tokkit.text.spec import AddedToken, Normalizer, TokenizerSpec, TokenKind

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Stretch:
    """A part of a text on its way to the model.

    Attributes:
        data: its bytes, as they are by now.
        token: the added token that it is, or None.
        begins: whether it begins where the text begins.
        places: int64 (2, len(data)), where in the caller's text the origin of each byte starts and
            where it ends; None if nobody asked.
        n_first: how many of its bytes the normaliser made of the first character, or put before it:
            what begins within them begins where the text begins.
        lead: where in the caller's text a space put before it begins to stand, if it stands for
            what the normaliser dropped up to the first byte; None: for nothing.
    """

    data: bytes
    token: int | None = None
    begins: bool = True
    places: Places | None = None
    lead: int | None = None
    n_first: int = 1

    def part(self, start: int, stop: int, token: int | None) -> Stretch:
        """A part of it, as an added token or not."""
        if start == 0 and stop == len(self.data) and token is None:
            return self
        places = None if self.places is None else self.places[:, start:stop]
        begins = self.begins and start < self.n_first
        return Stretch(self.data[start:stop], token, begins, places)

    def after_space(self) -> Stretch:
        """The same with a space before it."""
        places = self.places
        if places is not None:
            space = places[[0, 0], :1].copy()
            if self.lead is not None:
                space[0] = self.lead
            places = np.concatenate([space, places], axis=1)
        return replace(self, data=b" " + self.data, places=places)


@dataclass(frozen=True, eq=False, slots=True)
class TextParts:
    """A text on its way to the model, as the bytes of its stretches and the tokens between them.

    Attributes:
        data: uint8 (n,), the stretches, one behind the other.
        bounds: int64 (s + 1,), from 0 to n, where each of them begins; they may be empty.
        tokens: int32 (k,), the added tokens.
        places: int64 (k,), where in `data` what follows each of them begins.
    """

    data: NDArray[np.uint8]
    bounds: NDArray[np.int64]
    tokens: NDArray[np.int32]
    places: NDArray[np.int64]


def _without(text: bytes, starts: Places, stops: Places, tokens: NDArray[np.int32]) -> TextParts:
    """The parts of a text of which nothing but tokens is cut out."""
    data = np.frombuffer(text, dtype=np.uint8)
    if not len(tokens):
        return TextParts(data, np.array([0, len(data)], dtype=np.int64), tokens, starts)
    left = np.empty(len(data), dtype=np.uint8)
    bounds = np.empty(len(tokens) + 2, dtype=np.int64)
    n = cut_out(data, starts, stops, left, bounds)
    left.setflags(write=False)  # as all texts are, so that kernels are compiled for one kind
    return TextParts(left[:n], bounds, tokens, bounds[1:-1])


def _as_arrays(stretches: Iterable[Stretch]) -> TextParts:
    data: list[bytes] = []
    bounds, tokens, places = [0], list[int](), list[int]()
    for stretch in stretches:
        if stretch.token is None:
            data.append(stretch.data)
            bounds.append(bounds[-1] + len(stretch.data))
        else:
            tokens.append(stretch.token)
            places.append(bounds[-1])
    return TextParts(
        np.frombuffer(b"".join(data), dtype=np.uint8),
        np.array(bounds, dtype=np.int64),
        np.array(tokens, dtype=np.int32),
        np.array(places, dtype=np.int64),
    )


class StretchCutter:
    """Cuts texts into stretches for one tokenizer."""

    def __init__(self, spec: TokenizerSpec) -> None:
        """Sort the added tokens of `spec`; tables are built when they are first needed."""
        self._spec = spec
        self._special = frozenset(np.flatnonzero(spec.kinds == TokenKind.SPECIAL).tolist())
        tokens = all_added_tokens(spec)
        raw = [token for token in tokens if not token.normalized]
        normalized = [token for token in tokens if token.normalized]
        marked = marks_spaces(spec.normalizer)
        self._raw = AddedTokenCutter(raw, self._special)
        self._normalized = AddedTokenCutter(normalized, self._special, spaces_are_marks=marked)
        # Of text as the model sees it: without tokens whose bytes are not what is looked for.
        marked = marks_spaces(whole_normalizer(spec))
        as_seen = [
            token
            for token in raw
            if self._is_spelled(token) and not (marked and " " in token.content)
        ]
        self._raw_as_seen = AddedTokenCutter(as_seen, self._special, spaces_are_marks=marked)
        as_seen = [token for token in normalized if self._is_spelled(token)]
        self._normalized_as_seen = AddedTokenCutter(as_seen, self._special, spaces_are_marks=marked)

    def _is_spelled(self, token: AddedToken) -> bool:
        spelling = token.content.encode(errors="surrogateescape")
        return token.id in self._special or self._spec.token_bytes[token.id] == spelling

    @cached_property
    def never_prefixed(self) -> frozenset[int]:
        """Tokens that are cut out before the space is put, and so never hold it."""
        after = self._spec.prefix_unit != "normalized"
        cutters = (self._raw, self._normalized) if after else (self._raw,)
        tokens = [token for cutter in cutters for token in cutter.tokens.values()]
        return frozenset(token.id for token in tokens if self._is_spelled(token))

    def parts(
        self, text: bytes, *, specials: bool, normalize: bool, continues: bool = False
    ) -> TextParts:
        """What `cut` gives, as arrays.

        Raises:
            EncodingError: the normaliser fails on this text.
        """
        if normalize and self._only_cuts:
            spans = self._raw.spans(text, specials=specials)
            if spans is not None:
                made = self._made_of_bytes(text)
                if made is not None and (made is text or not len(spans[0])):
                    return _without(made, *spans)
        cut = self.cut(text, specials=specials, normalize=normalize, continues=continues)
        return _as_arrays(cut)

    @cached_property
    def _only_cuts(self) -> bool:
        """Whether nothing is done to a text but that it is normalised and cut once."""
        spec = self._spec
        return not (
            self._normalized.tokens
            or spec.renaming
            or spec.prefix_alone
            or spec.prefix_space != "never"
        )

    def _made_of_bytes(self, text: bytes) -> bytes | None:
        normalizer = self._spec.normalizer
        return text if normalizer is None else made_of_bytes(normalizer, text)

    def cut(
        self,
        text: bytes,
        *,
        specials: bool,
        normalize: bool,
        with_places: bool = False,
        continues: bool = False,
    ) -> Iterator[Stretch]:
        """The stretches of a text, in order, none of them empty.

        Args:
            text: the caller's text.
            specials: whether special tokens are cut out.
            normalize: whether to normalise, or to take the text as the model sees it.
            with_places: whether to tell where each byte comes from.
            continues: whether the text goes on with a stretch of one that was cut; no space is put
                before it.

        Raises:
            EncodingError: the normaliser fails on this text.
        """
        whole = Stretch(text, begins=not continues)
        if with_places:
            bounds = np.arange(len(text) + 1, dtype=np.int64)
            whole = replace(whole, places=np.stack([bounds[:-1], bounds[1:]]))
        raw = self._raw if normalize else self._raw_as_seen
        for start, stop, token in raw.cut(text, specials=specials):
            stretch = whole.part(start, stop, token)
            if token is not None:
                yield stretch
                continue
            if normalize:
                stretch = self._normalize(stretch, self._spec.normalizer)
            if normalize and self._spec.prefix_alone and not stretch.data:
                places = None if whole.places is None else np.array([[start], [stop]])
                stretch = replace(stretch, data=b" ", places=places)
            elif self._spec.prefix_unit == "normalized" and not (continues and start == 0):
                stretch = self._put_prefix(stretch, there=not normalize and not stretch.begins)
            if stretch.data:
                yield from self._cut_prefixed(
                    stretch,
                    specials=specials,
                    normalize=normalize,
                    continues=continues and start == 0,
                )

    def _cut_prefixed(
        self, stretch: Stretch, *, specials: bool, normalize: bool, continues: bool
    ) -> Iterator[Stretch]:
        unit = self._spec.prefix_unit
        cutter = self._normalized if normalize else self._normalized_as_seen
        for start, stop, token in cutter.cut(stretch.data, specials=specials):
            part = stretch.part(start, stop, token)
            if token is None:
                if normalize:
                    part = self._normalize(part, self._spec.renaming)
                first = unit == "first_stretch" and part.begins
                if first or (unit == "stretch" and not (continues and start == 0)):
                    part = self._put_prefix(part, there=not normalize and not part.begins)
            if part.data:
                yield part

    def _put_prefix(self, stretch: Stretch, *, there: bool) -> Stretch:
        """Put a space before a stretch.

        Args:
            stretch: nothing is put before an empty one.
            there: whether a space at its beginning is the one that would be put.
        """
        rule = self._spec.prefix_space
        if rule == "never" or not stretch.data:
            return stretch
        if (there or rule == "unless_space") and stretch.data.startswith(b" "):
            return stretch
        return stretch.after_space()

    # -- normalising -------------------------------------------------------------------------

    def normalized(self, text: bytes) -> bytes:
        """What the normaliser makes of a text, added tokens included, no space put before it."""
        parts: list[bytes] = []
        for start, stop, token in self._raw.cut(text, specials=False):
            if token is None:
                part = self._normalize(Stretch(text[start:stop]), self._spec.normalizer)
                parts.append(self._normalize(part, self._spec.renaming).data)
            else:
                parts.append(self._spec.token_bytes[token])
        return b"".join(parts)

    def _normalize(self, stretch: Stretch, normalizer: Normalizer | None) -> Stretch:
        """Normalise the runs of valid UTF-8; bytes between them are left as they are."""
        if normalizer is None:
            return stretch
        if stretch.places is None:
            quick = made_of_bytes(normalizer, stretch.data)
            if quick is stretch.data:
                return stretch
            if quick is not None and self._spec.prefix_unit != "first_stretch":
                return replace(stretch, data=quick)
        text = stretch.data.decode(errors="surrogateescape")
        if stretch.places is not None:
            return _with_places(normalizer, stretch, stretch.places, text)
        runs = valid_and_invalid(text)
        made = "".join(
            part if k % 2 or not part else normalizer(part) for k, part in enumerate(runs)
        )
        data = made.encode(errors="surrogateescape")
        n_first = 1
        may_change = made[:1] != text[:1] or (bool(self._normalized.tokens) and made != text)
        if stretch.begins and self._spec.prefix_unit == "first_stretch" and may_change:
            # What was dropped from the beginning counts: the rest does not begin there any more.
            # What the first character became matters to tokens that may take a part of it.
            n_first = _n_first(align_valid(normalizer, text), made)
        return replace(stretch, data=data, begins=stretch.begins and n_first > 0, n_first=n_first)


def _with_places(normalizer: Normalizer, stretch: Stretch, places: Places, text: str) -> Stretch:
    """Normalise a stretch, and tell where each byte of what comes out is from."""
    found = align_valid(normalizer, text)
    if found.text == text and found.unchanged(text).all():
        return stretch
    # Where each byte of the new text comes from in the old one, in bytes.
    sizes, made_sizes = _utf8_sizes(text), _utf8_sizes(found.text)
    bounds = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
    first = np.repeat(bounds[found.starts], made_sizes)
    last = np.repeat(bounds[found.ends], made_sizes)
    # A character that is as it was keeps the places of its single bytes.
    same = np.repeat(found.unchanged(text), made_sizes)
    within = np.arange(len(first)) - np.repeat(np.cumsum(made_sizes) - made_sizes, made_sizes)
    first = np.where(same, first + within, first)
    last = np.where(same, first + 1, last)
    starts = np.append(places[0], places[1, -1:])[first]
    ends = np.where(first < last, places[1, np.maximum(last, 1) - 1], starts)
    data = found.text.encode(errors="surrogateescape")
    n_first = _n_first(found, found.text)
    lead = None
    if data and isinstance(normalizer, SentencePieceNormalizer):
        lead = int(places[0, bounds[normalizer.lead(text)]])
    begins = stretch.begins and n_first > 0
    return Stretch(data, None, begins, np.stack([starts, ends]), lead, n_first)


def _n_first(found: Alignment, text: str) -> int:
    """How many bytes at the beginning of a normalised text come from where the old one begins."""
    later = np.flatnonzero(found.starts != 0)
    n_chars = int(later[0]) if len(later) else len(text)
    return int(_utf8_sizes(text[:n_chars]).sum())


def _utf8_sizes(text: str) -> NDArray[np.int64]:
    """Bytes of each character; a surrogate escape is one byte."""
    points = code_points(text)
    sizes = 1 + np.searchsorted(np.array([0x80, 0x800, 0x10000]), points, side="right")
    return np.where((points >= 0xDC80) & (points < 0xDD00), 1, sizes).astype(np.int64)
