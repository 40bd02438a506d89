"""The cut at added tokens, as an automaton that reads character by character.

`tokkit.text.added_tokens` cuts texts that are known; this is the same map for texts that grow, as
a stage of `tokkit.text.regex.boundaries`. It is nondeterministic: at every character it may go on
with the element or end it, and what it guessed is verified by what follows. An element is

- a *gap* character, at which no token begins;
- a *match*: a token, the longest that begins there;
- a *blocked* match, which uses up its text but stays text: a control token, which was not asked
  for, or a `single_word` beside a word character;
- a *swallowed* match: a token with `lstrip` within white space that the match before it took
  (`rstrip`). Nothing is left of it.

Tokens that began earlier, or are longer, outrank what was chosen instead: these threads (nodes of
the trie of all tokens) are forbidden, and the guess is wrong as soon as one of them is complete.

White space beside a match may go with it (`lstrip`, `rstrip`): these characters are dropped. They
are in gaps or in blocked matches, and a token may begin in them that is cut out all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache

import numpy as np

from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.canonical.prefix_stage import PrefixStage
from tokkit.text.normalizers import marks_spaces, whole_normalizer
from tokkit.text.regex.characters.charset import Alphabet, CharSet
from tokkit.text.regex.characters.unicode_properties import space_ranges, word_ranges
from tokkit.text.regex.reader import charset_of
from tokkit.text.spec import AddedToken, TokenizerSpec, TokenKind

_ROOT = 0


class Element(Enum):
    """What is being read."""

    GAP = 0
    MATCH = 1
    BLOCKED = 2
    SWALLOWED = 3


class Side(Enum):
    """What stands before a place, as far as `lstrip` and `rstrip` look at it."""

    TEXT = 0
    """Neither of these: nothing goes with a match there."""
    SPACE = 1
    """White space that stays text, so that no match with `lstrip` may follow."""
    TAKEN = 2
    """A match with `rstrip`, and after it nothing but white space, which it took."""
    OWED = 3
    """White space that was dropped, so that a match with `lstrip` must follow it."""


@dataclass(frozen=True)
class LiteralConfig:
    """One hypothesis about the element that is being read.

    Attributes:
        element: its kind.
        node: how far a match of any kind has come in the trie; the root in gaps.
        forbidden: nodes of tokens that must not be completed.
        side: after the last character; in a match that counts, or is swallowed, before it.
        after_word: whether a word character stands there; in matches of any kind, before them.
    """

    element: Element = Element.GAP
    node: int = _ROOT
    forbidden: frozenset[int] = frozenset()
    side: Side = Side.TEXT
    after_word: bool = False

    @property
    def is_match(self) -> bool:
        """Whether the last character is one of a LITERAL token."""
        return self.element is Element.MATCH

    @property
    def is_text(self) -> bool:
        """Whether the last character was kept, as text."""
        if self.element in (Element.MATCH, Element.SWALLOWED):
            return False
        return self.side in (Side.TEXT, Side.SPACE)


@dataclass(frozen=True)
class _Between:
    """What is known between two elements: as in `LiteralConfig`, but of this place.

    Attributes:
        word_follows: whether the next character must be a word character, or none; None: either.
    """

    forbidden: frozenset[int] = frozenset()
    side: Side = Side.TEXT
    after_word: bool = False
    word_follows: bool | None = None


class LiteralStage:
    """One set of added tokens.

    Attributes:
        is_literal: True: its matches are LITERAL tokens, which later stages and the model never
            see.
        drops: whether it may drop characters.
    """

    is_literal = True

    def __init__(
        self,
        tokens: Sequence[AddedToken],
        blocked: Iterable[str],
        alphabet: Alphabet,
        *,
        spaces_are_marks: bool = False,
        holds_spaces: bool = False,
    ) -> None:
        """Build the trie.

        Args:
            tokens: those that are cut out.
            blocked: texts of tokens that are not, but use up their text.
            alphabet: tells apart all characters of the tokens, and white space and word characters
                if a token has a flag.
            spaces_are_marks: whether a space in the text is a mark to the reference, and no white
                space.
            holds_spaces: whether a space in a token is no mark all the same, so that text which
                spells the token need not be it.
        """
        self._class_of = alphabet.class_of
        self._strips_left = any(token.lstrip for token in tokens)
        self.drops = self._strips_left or any(token.rstrip for token in tokens)
        space = int(alphabet.class_of[0x20])
        self._spaces = self._words = frozenset[int]()
        if self.drops:
            self._spaces = alphabet.classes_in(_white_space())
            if spaces_are_marks:
                self._spaces -= {space}
        if any(token.single_word for token in tokens):
            self._words = alphabet.classes_in(_word_characters())
        self._children: list[dict[int, int]] = [{}]
        self._token: dict[int, AddedToken | None] = {}
        self._path: list[tuple[int, ...]] = [()]
        for text in blocked:
            self._token[self._insert(text)] = None
        for token in tokens:
            self._token[self._insert(token.content)] = token
        self._blocks = any(token is None or token.single_word for token in self._token.values())
        self._other_space = space if holds_spaces else -1

    def _insert(self, text: str) -> int:
        node = _ROOT
        for char in text:
            symbol = int(self._class_of[ord(char)])
            if symbol not in self._children[node]:
                self._children[node][symbol] = len(self._children)
                self._children.append({})
                self._path.append((*self._path[node], symbol))
            node = self._children[node][symbol]
        return node

    # -- the interface of a stage ------------------------------------------------------------

    def begin(self, symbol: int, *, dropped: bool = False) -> list[LiteralConfig]:
        """Configurations after the first character of a piece, which is kept or dropped."""
        return self._begin(_Between(), symbol, dropped=dropped)

    def step(
        self, config: LiteralConfig, symbol: int, *, dropped: bool = False
    ) -> list[tuple[LiteralConfig, bool]]:
        """Read one more character: configurations, and whether a boundary stands before it."""
        found = self._go_on(config, symbol, dropped=dropped)
        begun = (
            new
            for between in self._ended(config)
            for new in self._begin(between, symbol, dropped=dropped)
        )
        # A stretch of text begins after a match and what goes with it.
        found += ((new, new.is_match or not config.is_text) for new in begun)
        return found

    def can_end(self, config: LiteralConfig) -> bool:
        """Whether the text, or the piece that this stage sees, may end here."""
        return any(
            not between.word_follows and between.side is not Side.OWED
            for between in self._ended(config)
        )

    # -- elements ----------------------------------------------------------------------------

    def _go_on(
        self, config: LiteralConfig, symbol: int, *, dropped: bool
    ) -> list[tuple[LiteralConfig, bool]]:
        """Configurations after one more character of a match of any kind."""
        node = self._children[config.node].get(symbol) if config.node != _ROOT else None
        forbidden = self._step_forbidden(config.forbidden, symbol)
        if node is None or forbidden is None:
            return []
        new = replace(config, node=node, forbidden=forbidden)
        if config.element is not Element.BLOCKED:
            swallowed = config.element is Element.SWALLOWED
            fits = dropped is swallowed and not (dropped and symbol not in self._spaces)
            return [(new, False)] if fits else []
        side = self._side_after(config.side, symbol, dropped=dropped)
        if side is None or symbol == self._other_space:
            return []
        return [(replace(new, side=side), not config.is_text)]

    def _ended(self, config: LiteralConfig) -> list[_Between]:
        """What is known where the element ends here; empty if it cannot."""
        if config.element is Element.GAP:
            return [_Between(config.forbidden, config.side, config.after_word)]
        if config.node not in self._token:
            return []
        token = self._token[config.node]
        path = self._path[config.node]
        between = _Between(config.forbidden | {config.node}, config.side, path[-1] in self._words)
        if config.element is not Element.BLOCKED:
            return self._after_token(config, token, between)
        if token is None or (token.single_word and config.after_word):
            return [between]
        return [replace(between, word_follows=True)] if token.single_word else []

    def _after_token(
        self, config: LiteralConfig, token: AddedToken | None, between: _Between
    ) -> list[_Between]:
        """After a match that counts, or that is swallowed."""
        if token is None or (token.single_word and config.after_word):
            return []
        if config.side is (Side.SPACE if token.lstrip else Side.OWED):
            return []
        is_space = self._spaces.issuperset(self._path[config.node])
        swallowed = config.side is Side.TAKEN and token.lstrip and is_space
        if swallowed is not (config.element is Element.SWALLOWED):
            return []
        side = Side.TAKEN if token.rstrip else Side.TEXT
        return [replace(between, side=side, word_follows=False if token.single_word else None)]

    def _begin(self, between: _Between, symbol: int, *, dropped: bool) -> list[LiteralConfig]:
        """Configurations after the first character of an element."""
        forbidden = self._step_forbidden(between.forbidden, symbol)
        is_word = symbol in self._words
        if forbidden is None or between.word_follows not in (None, is_word):
            return []
        node = self._children[_ROOT].get(symbol)
        found: list[LiteralConfig] = []
        kept = between.side, between.after_word
        if node is not None and not dropped:
            found.append(LiteralConfig(Element.MATCH, node, forbidden, *kept))
        elif node is not None and between.side is Side.TAKEN and symbol in self._spaces:
            found.append(LiteralConfig(Element.SWALLOWED, node, forbidden, *kept))
        side = self._side_after(between.side, symbol, dropped=dropped)
        if side is None:
            return found
        if symbol == self._other_space:
            node = None
        if node is not None and self._blocks:
            blocked = LiteralConfig(Element.BLOCKED, node, forbidden, side, between.after_word)
            found.append(blocked)
        if node not in self._token:
            gap = forbidden if node is None else forbidden | {node}
            found.append(LiteralConfig(Element.GAP, _ROOT, gap, side, is_word))
        return found

    def _side_after(self, side: Side, symbol: int, *, dropped: bool) -> Side | None:
        """After a character that is in no match that counts; None: it may not stand there."""
        is_space = symbol in self._spaces
        if dropped:
            if not is_space or side is Side.SPACE:
                return None
            if side is Side.TAKEN:
                return side
            return Side.OWED if self._strips_left else None
        if side is Side.OWED or (is_space and side is Side.TAKEN):
            return None
        return Side.SPACE if is_space and self._strips_left else Side.TEXT

    def _step_forbidden(self, forbidden: frozenset[int], symbol: int) -> frozenset[int] | None:
        if symbol == self._other_space:
            return frozenset()
        survivors: set[int] = set()
        for node in forbidden:
            following = self._children[node].get(symbol)
            if following is not None:
                if following in self._token:
                    return None
                survivors.add(following)
        return frozenset(survivors)


# -- of a tokenizer ------------------------------------------------------------------------------


@dataclass(frozen=True)
class LiteralPass:
    """One cut at added tokens that a tokenizer makes in a text as its model sees it.

    Attributes:
        normalized: whether it is the cut in the normalised text.
        tokens: what is cut out.
        blocked: texts of control tokens that keep a token beside them from being found.
    """

    normalized: bool
    tokens: tuple[AddedToken, ...]
    blocked: tuple[str, ...]

    @classmethod
    def of(
        cls, seen: list[AddedToken], special: frozenset[int], *, normalized: bool
    ) -> LiteralPass:
        """The pass for the tokens that are looked for in one text, control tokens among them."""
        group = [token for token in seen if token.normalized == normalized]
        first = {token.content: token for token in reversed(group)}
        control = [text for text, token in first.items() if token.id in special]
        plain = {text: token for text, token in first.items() if token.id not in special}
        return cls(normalized, tuple(plain.values()), _blocking(control, plain))

    def charsets(self) -> set[CharSet]:
        """What an alphabet must tell apart."""
        texts = [*self.blocked, *(token.content for token in self.tokens)]
        found = {CharSet.single(char) for text in texts for char in text}
        if any(token.lstrip or token.rstrip or token.single_word for token in self.tokens):
            found |= {_white_space(), CharSet.single(" "), _word_characters()}
        return found


def literal_passes(spec: TokenizerSpec) -> list[LiteralPass]:
    """The cuts in the raw text and in the normalised one, as far as they cut anything."""
    special = frozenset(np.flatnonzero(spec.kinds == TokenKind.SPECIAL).tolist())
    seen = [
        token
        for token in all_added_tokens(spec)
        if token.id in special or spec.token_bytes[token.id] == token.content.encode()
    ]
    passes = [LiteralPass.of(seen, special, normalized=late) for late in (False, True)]
    return [each for each in passes if each.tokens]


def literal_charsets(spec: TokenizerSpec, passes: list[LiteralPass]) -> set[CharSet]:
    """What an alphabet must tell apart for the stages of these passes."""
    found = {charset for each in passes for charset in each.charsets()}
    if passes and spec.prefix_space != "never":
        found.add(CharSet.single(" "))
    return found


def literal_stages(
    spec: TokenizerSpec, passes: list[LiteralPass], alphabet: Alphabet
) -> list[LiteralStage | PrefixStage]:
    """The passes as stages, and where spaces are put before stretches."""
    marked = marks_spaces(whole_normalizer(spec))
    early = marks_spaces(spec.normalizer)
    stages: list[LiteralStage | PrefixStage] = [
        LiteralStage(
            each.tokens,
            each.blocked,
            alphabet,
            spaces_are_marks=marked,
            holds_spaces=marked and not (early and each.normalized),
        )
        for each in passes
    ]
    before = len(passes)
    if spec.prefix_unit == "normalized":
        before = sum(not each.normalized for each in passes)
    if spec.prefix_space != "never" and before:  # else every stage sees the space
        stages.insert(before, PrefixStage(spec, alphabet))
    return stages


def _blocking(control: list[str], literals: Iterable[str]) -> tuple[str, ...]:
    """The control tokens that can keep a literal from being found."""
    looked_for = set(literals)
    left = list(control)
    while found := [text for text in left if _hides(text, looked_for)]:
        # One that hides another matters, too: it decides whether that one hides a literal.
        looked_for.update(found)
        left = [text for text in left if text not in looked_for]
    return tuple(text for text in control if text in looked_for)


def _hides(text: str, looked_for: set[str]) -> bool:
    """Whether one of `looked_for` begins inside a token, or is all of its beginning."""
    return any(other in text for other in looked_for) or any(
        other.startswith(text[k:]) for k in range(1, len(text)) for other in looked_for
    )


@cache
def _white_space() -> CharSet:
    return charset_of(space_ranges("rust"))


@cache
def _word_characters() -> CharSet:
    return charset_of(word_ranges("rust"))
