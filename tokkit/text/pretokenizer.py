"""The pretokenizer of a tokenizer: literals first, then each split rule within what is left.

`Pretokenizer` is built once from a `TokenizerSpec`, and gives both forms of the same map: `split`,
for texts that are known, and `boundaries`, the automaton that reads byte by byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import UnsupportedError
from tokkit.text.canonical.literal_stage import (
    LiteralPass,
    literal_charsets,
    literal_passes,
    literal_stages,
)
from tokkit.text.regex.boundaries import ByteBoundaries, CharBoundaries, LabelledBytes
from tokkit.text.regex.byte_cuts import ByteCuts, ByteSplitStage
from tokkit.text.regex.characters.charset import INVALID, Alphabet, CharSet, build_alphabet
from tokkit.text.regex.nodes import charsets_of, is_plain
from tokkit.text.regex.program import Program
from tokkit.text.regex.rule_tree import rule_tree
from tokkit.text.regex.split_stage import SplitStage
from tokkit.text.segment_models.base import check_bounds
from tokkit.text.segment_models.vocabulary import is_character
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind

EVERYTHING = SplitRule(r"[\s\S]+")
"""The rule of a tokenizer that has none: the whole text is one piece."""


def _in_order(charsets: set[CharSet]) -> tuple[CharSet, ...]:
    return tuple(sorted(charsets, key=lambda charset: charset.ranges))


@dataclass(frozen=True, eq=False)
class Pieces:
    """A text cut into pieces, which the model encodes each on its own.

    Attributes:
        text: uint8 (n,), without what the pretokenizer removes.
        bounds: int64 (k + 1,), from 0 to n.
        places: int64 (n,), where each byte stood in the text that was cut; None if nothing was
            removed, or nobody asked.
    """

    text: NDArray[np.uint8]
    bounds: NDArray[np.int64]
    places: NDArray[np.int64] | None = None


class Pretokenizer:
    """Splits bytes into pieces."""

    def __init__(self, spec: TokenizerSpec) -> None:
        """Compile the rules of `spec`.

        Raises:
            UnsupportedError: a rule that the automata cannot express.
        """
        self._spec = spec
        literals = np.flatnonzero(spec.kinds == TokenKind.LITERAL).tolist()
        self.literals = {spec.token_bytes[token]: token for token in literals}
        rules = spec.splits or (EVERYTHING,)
        trees = list(map(rule_tree, rules))
        self._passes = self._literal_passes()
        self._refusal = ""
        charsets = {charset for tree in trees for charset in charsets_of(tree)}
        charsets |= {CharSet.of((INVALID, INVALID)), self._known_characters}
        self.alphabet = self._alphabet(charsets, literal_charsets(spec, self._passes))
        self.stages = tuple(
            (ByteSplitStage if rule.sees_bytes else SplitStage)(
                Program(tree, self.alphabet, pattern=rule.pattern),
                self.alphabet,
                rule.behavior,
                invert=rule.invert,
            )
            for tree, rule in zip(trees, rules, strict=True)
        )
        if any(stage.drops for stage in self.stages if isinstance(stage, ByteSplitStage)):
            self._refusal = self._refusal or "a rule after ByteLevel drops bytes"

    def _literal_passes(self) -> list[LiteralPass]:
        for literal in self.literals:
            try:
                literal.decode()
            except UnicodeDecodeError as error:
                raise UnsupportedError(
                    f"{self._spec.name}: an added token is not UTF-8 text ({error}); "
                    "only tokens of the model may hold parts of characters"
                ) from None
        return literal_passes(self._spec)

    def _alphabet(self, charsets: set[CharSet], of_literals: set[CharSet]) -> Alphabet:
        """An alphabet for the rules and, if there are not too many of them, for the literals."""
        try:
            return build_alphabet(_in_order(charsets | of_literals))
        except ValueError as error:
            self._refusal = f"its added tokens need {error}"
        try:
            return build_alphabet(_in_order(charsets))
        except ValueError as error:
            raise UnsupportedError(f"{self._spec.name}: the pretokenizer needs {error}") from None

    @cached_property
    def _known_characters(self) -> CharSet:
        """Characters that are NORMAL tokens, where the model starts from characters."""
        if not self._starts_from_characters:
            return CharSet(())
        tokens = np.flatnonzero(self._spec.model_kinds == TokenKind.NORMAL).tolist()
        spellings = filter(is_character, (self._spec.token_bytes[token] for token in tokens))
        return CharSet.of(*((ord(char), ord(char)) for char in map(bytes.decode, spellings)))

    @property
    def _starts_from_characters(self) -> bool:
        return self._spec.char_units or self._spec.family == "unigram"

    # -- whole texts -------------------------------------------------------------------------

    def split(
        self,
        text: NDArray[np.uint8],
        *,
        bounds: NDArray[np.int64] | None = None,
        with_places: bool = False,
    ) -> Pieces:
        """Cut a stretch of text that holds no literal, or several of them.

        Args:
            text: uint8 (n,), normalised.
            bounds: int64 (k + 1,), from 0 to n, of several stretches, each cut on its own.
            with_places: whether to tell where the bytes that are left stood.

        Raises:
            ArgumentError: other arrays, or bounds that do not run from 0 to n.
        """
        if bounds is None:
            bounds = np.array([0, len(text)], dtype=np.int64)
        check_bounds(text, bounds)
        if not self._spec.splits or not len(text):
            return Pieces(text, bounds)
        places: NDArray[np.int64] | None = None
        for stage in self.stages:
            bounds, kept = stage.split(text, bounds)
            if kept is not None and not kept.all():
                sizes = np.diff(bounds)
                stays = np.repeat(kept, sizes)
                if with_places:
                    places = np.flatnonzero(stays) if places is None else places[stays]
                text = text[stays]
                bounds = np.concatenate([[0], np.cumsum(sizes[kept])]).astype(np.int64)
        return Pieces(text, bounds, places)

    # -- automaton ---------------------------------------------------------------------------

    def _cuts_again(self, place: int) -> bool:
        """Whether a rule finds nothing to cut, because it is that before it.

        A match that no assertion and no atomic group had a part in is one in its piece too, and a
        gap, where none begins, gets none.
        """
        rules = self._spec.splits
        return (
            place > 0
            and rules[place] == rules[place - 1]
            and rules[place].behavior in ("isolated", "removed")
            and is_plain(rule_tree(rules[place]))
        )

    @cached_property
    def boundaries(self) -> LabelledBytes[Any]:
        """The pretokenizer as an automaton over labelled bytes.

        Raises:
            UnsupportedError: added tokens of too many kinds of characters, or bytes that are
                dropped after ByteLevel. Texts are encoded all the same; only what asks which
                sequences are canonical cannot be had.
        """
        if self._refusal:
            raise UnsupportedError(
                f"{self._spec.name} encodes texts, but which sequences of its tokens are canonical "
                f"tokkit cannot tell exactly: {self._refusal}"
            )
        every = frozenset(range(self.alphabet.n_classes))
        invalid = frozenset({self.alphabet.invalid})
        normal, fallback = every, frozenset[int]()
        if self._starts_from_characters:
            known = self.alphabet.classes_in(self._known_characters)
            normal = known if self._spec.family == "bpe" else every - invalid
            fallback = every - known
        elif self._spec.family == "bytes":
            fallback = every  # its tokens may be of either kind
        stages = [
            stage
            for place, stage in enumerate(self.stages)
            if not isinstance(stage, ByteSplitStage) and not self._cuts_again(place)
        ]
        if not stages:
            whole = Program(rule_tree(EVERYTHING), self.alphabet, pattern=EVERYTHING.pattern)
            stages.append(SplitStage(whole, self.alphabet))
        literal = literal_stages(self._spec, self._passes, self.alphabet)
        chars = CharBoundaries(self.alphabet, (*literal, *stages), normal, fallback)
        of_bytes = [stage for stage in self.stages if isinstance(stage, ByteSplitStage)]
        before = ByteBoundaries(chars)
        return ByteCuts(before, self.alphabet, tuple(of_bytes)) if of_bytes else before


def drops_spaces(splits: Sequence[SplitRule]) -> bool:
    """Whether split rules drop the space between two words.

    Raises:
        UnsupportedError: a rule that the automata cannot express.
    """
    if not any(rule.behavior == "removed" for rule in splits):
        return False
    spec = TokenizerSpec("", "bytes", (), np.zeros(0, dtype=np.uint8), splits=tuple(splits))
    text = np.frombuffer(b"a b", dtype=np.uint8)
    return Pretokenizer(spec).split(text).text.tobytes() == b"ab"
