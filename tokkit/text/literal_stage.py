"""The cut at added tokens, as an automaton that reads character by character.

`tokkit.text.added_tokens` cuts texts that are known; this is the same map for texts that grow, as
a stage of `tokkit.text.regex.boundaries`. It is nondeterministic: at every character it may go on
with the element or end it, and what it guessed is verified by what follows. An element is

- a *gap* character, at which no token begins;
- a *match*: a token, the longest that begins there;
- a *blocked* match, which uses up its text but stays text: a control token, which was not asked
  for, or a `single_word` beside a word character;
- a *stripped* character: white space that goes with a match beside it, and which no token spells.

Tokens that began earlier, or are longer, outrank what was chosen instead: these threads (nodes of
the trie of all tokens) are forbidden, and the guess is wrong as soon as one of them is complete.

Where a space is put before every stretch, a gap that follows a match begins with that space.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntFlag
from functools import cache

import numpy as np

from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.normalizers import marks_spaces, whole_normalizer
from tokkit.text.regex.charset import Alphabet, CharSet
from tokkit.text.regex.unicode_properties import space_ranges, word_ranges
from tokkit.text.spec import AddedToken, TokenizerSpec, TokenKind

_ROOT = 0


class Expect(IntFlag):
    """What the next character must be."""

    ANYTHING = 0
    NO_SPACE = 1
    NO_WORD = 2
    WORD = 4
    PREFIX = 8
    """The space that is put before a stretch."""
    PERHAPS_PREFIX = 16
    """Perhaps that space, which was not there yet when tokens were looked for."""


_NO_SPACE, _NO_WORD, _WORD, _PREFIX, _PERHAPS_PREFIX = map(int, Expect)


@dataclass(frozen=True)
class LiteralConfig:
    """One hypothesis about the element that is being read.

    Attributes:
        is_match: it is a match that counts.
        node: how far a match, blocked or not, has come in the trie; the root in other elements.
        forbidden: nodes of tokens that must not be completed.
        after_space: before the match, or after the gap, stands visible white space.
        after_word: likewise, a word character.
        stripped: it is white space that goes with a match.
        owes: a match with `lstrip` must follow the stripped white space.
        expects: of the next character, as far as it is visible to this stage.
    """

    is_match: bool = False
    node: int = _ROOT
    forbidden: frozenset[int] = frozenset()
    after_space: bool = False
    after_word: bool = False
    stripped: bool = False
    owes: bool = False
    expects: int = 0


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
        puts_space: bool = False,
        prefixed: bool = False,
        prefixed_later: bool = False,
        spaces_are_marks: bool = False,
        holds_spaces: bool = False,
    ) -> None:
        """Build the trie.

        Args:
            tokens: those that are cut out.
            blocked: texts of tokens that are not, but use up their text.
            alphabet: tells apart all characters of the tokens, and white space and word characters
                if a token has a flag.
            puts_space: whether a space is put before stretches after this cut.
            prefixed: whether a gap after a match begins with a space that was put there.
            prefixed_later: whether a later stage sees to that.
            spaces_are_marks: whether a space in the text is a mark to the reference, and no white
                space.
            holds_spaces: whether a space in a token is no mark all the same, so that text which
                spells the token need not be it.
        """
        self._class_of = alphabet.class_of
        self._space = int(alphabet.class_of[0x20])
        self._spaces = self._words = frozenset[int]()
        if any(token.lstrip or token.rstrip or token.single_word for token in tokens):
            self._spaces = alphabet.classes_in(_white_space())
            if spaces_are_marks:
                self._spaces -= {self._space}
            self._words = alphabet.classes_in(_word_characters())
        self._children: list[dict[int, int]] = [{}]
        self._token: dict[int, AddedToken | None] = {}
        self._last: list[int] = [-1]
        for text in blocked:
            self._token[self._insert(text)] = None
        for token in tokens:
            self._token[self._insert(token.content)] = token
        self._at_start = _PERHAPS_PREFIX if puts_space else 0
        self._after_match = (_PREFIX if prefixed else 0) | self._at_start
        self._looks_through = prefixed_later
        self._other_space = self._space if holds_spaces else -1
        self.drops = any(token.lstrip or token.rstrip for token in tokens)

    def _insert(self, text: str) -> int:
        node = _ROOT
        for char in text:
            symbol = int(self._class_of[ord(char)])
            if symbol not in self._children[node]:
                self._children[node][symbol] = len(self._children)
                self._children.append({})
                self._last.append(symbol)
            node = self._children[node][symbol]
        return node

    # -- the interface of a stage ------------------------------------------------------------

    def begin(
        self, symbol: int, *, dropped: bool = False, first: bool = True
    ) -> list[LiteralConfig]:
        """Configurations after the first character of a piece.

        Args:
            symbol: its class.
            dropped: whether the character is one that this stage drops.
            first: whether it is the first of the text, and not only of a piece.
        """
        before = LiteralConfig(expects=self._at_start if first else self._after_match)
        return self._begin(before, symbol, dropped=dropped)

    def step(
        self, config: LiteralConfig, symbol: int, *, dropped: bool = False
    ) -> list[tuple[LiteralConfig, bool]]:
        """Read one more character: configurations, and whether a boundary stands before it."""
        found: list[tuple[LiteralConfig, bool]] = []
        if config.node != _ROOT and not dropped:
            forbidden = self._step_forbidden(config.forbidden, symbol)
            node = self._children[config.node].get(symbol)
            if symbol == self._other_space and not config.is_match:
                node = None
            if node is not None and forbidden is not None:
                found.append((replace(config, node=node, forbidden=forbidden), False))
        for before in self._ended(config):
            cut = config.is_match or config.stripped
            found.extend(
                (new, cut or new.is_match or new.stripped)
                for new in self._begin(before, symbol, dropped=dropped)
            )
        return found

    def can_end(self, config: LiteralConfig) -> bool:
        """Whether the text, or the piece that this stage sees, may end here."""
        return any(not before.expects & _WORD and not before.owes for before in self._ended(config))

    # -- elements ----------------------------------------------------------------------------

    def _ended(self, config: LiteralConfig) -> list[LiteralConfig]:
        """What is known where the element ends here; empty if it cannot."""
        if config.node == _ROOT:
            return [config]
        if config.node not in self._token:
            return []
        token = self._token[config.node]
        last = self._last[config.node]
        after = LiteralConfig(
            forbidden=config.forbidden | {config.node},
            after_space=not config.is_match and last in self._spaces,
            after_word=last in self._words,
        )
        if config.is_match:
            return self._after_token(config, token, after)
        if token is None or (token.single_word and config.after_word):
            return [after]
        return [replace(after, expects=_WORD)] if token.single_word else []

    def _after_token(
        self, config: LiteralConfig, token: AddedToken | None, after: LiteralConfig
    ) -> list[LiteralConfig]:
        if token is None or (token.single_word and config.after_word):
            return []
        if (token.lstrip and config.after_space) or (config.owes and not token.lstrip):
            return []
        expects = self._after_match
        expects |= _NO_SPACE if token.rstrip else 0
        expects |= _NO_WORD if token.single_word else 0
        return [replace(after, expects=expects)]

    def _begin(self, before: LiteralConfig, symbol: int, *, dropped: bool) -> list[LiteralConfig]:
        """Configurations after the first character of an element."""
        found = self._begin_seen(before, symbol, dropped=dropped)
        perhaps_put = symbol == self._space and before.expects & _PERHAPS_PREFIX
        if perhaps_put and not dropped and not before.owes:
            found.append(self._put_space(before))
        return found

    def _begin_seen(
        self, before: LiteralConfig, symbol: int, *, dropped: bool
    ) -> list[LiteralConfig]:
        """Configurations after a character that this cut sees."""
        forbidden = self._step_forbidden(before.forbidden, symbol)
        is_word, is_space = symbol in self._words, symbol in self._spaces
        if forbidden is None or (is_word and before.expects & _NO_WORD):
            return []
        if before.expects & _WORD and not is_word:
            return []
        node = self._children[_ROOT].get(symbol)
        begun = None if symbol == self._other_space else node
        if dropped:
            return self._strip(before, begun, forbidden) if is_space else []
        found: list[LiteralConfig] = []
        if node is not None and not (is_space and before.expects & _NO_SPACE):
            match = replace(before, node=node, forbidden=forbidden, stripped=False, expects=0)
            found.append(replace(match, is_match=True))
        if before.owes:
            return found
        expects = self._expected_in_gap(before.expects, symbol)
        if expects is None:
            return found
        if begun is not None:
            found.append(
                LiteralConfig(
                    node=begun,
                    forbidden=forbidden,
                    after_space=before.after_space,
                    after_word=before.after_word,
                )
            )
        gap = self._pass(forbidden, begun)
        if gap is not None:
            found.append(
                LiteralConfig(
                    forbidden=gap, after_space=is_space, after_word=is_word, expects=expects
                )
            )
        return found

    def _put_space(self, before: LiteralConfig) -> LiteralConfig:
        """After a space that was put there later: this cut saw what stands on either side."""
        expects = before.expects & (_NO_SPACE | _NO_WORD | _WORD)
        return LiteralConfig(forbidden=before.forbidden, after_space=True, expects=expects)

    def _expected_in_gap(self, expects: int, symbol: int) -> int | None:
        """What is left to expect after the first character of a gap; None if it is another."""
        if expects & _PREFIX:
            return expects & _NO_SPACE if symbol == self._space else None
        if expects & _NO_SPACE and symbol in self._spaces:
            return _NO_SPACE if self._looks_through and symbol == self._space else None
        return 0

    def _strip(
        self, before: LiteralConfig, node: int | None, forbidden: frozenset[int]
    ) -> list[LiteralConfig]:
        """A character of stripped white space."""
        passed = self._pass(forbidden, node)
        if passed is None or before.after_space:
            return []
        expects = before.expects & ~_NO_WORD
        new = replace(before, forbidden=passed, stripped=True, after_word=False, expects=expects)
        found = [replace(new, owes=True)]
        if before.expects & _NO_SPACE and not before.owes:
            found.append(new)
        return found

    def _pass(self, forbidden: frozenset[int], node: int | None) -> frozenset[int] | None:
        """Let a token not begin here: the forbidden nodes, or None if it does."""
        if node is None:
            return forbidden
        return None if node in self._token else forbidden | {node}

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
        plain = {token.content: token for token in group if token.id not in special}
        beginnings = {text[:size] for text in plain for size in range(1, len(text) + 1)}
        blocked = (
            token.content
            for token in group
            if token.id in special and _hides(token.content, plain.keys(), beginnings)
        )
        return cls(normalized, tuple(plain.values()), tuple(blocked))

    def problem(self) -> str:
        """Why no automaton does this cut exactly, or ""."""
        texts = [token.content for token in self.tokens]
        if any(token.rstrip for token in self.tokens) and any(t[0].isspace() for t in texts):
            return "an added token has rstrip, and another begins with white space"
        if any(token.lstrip for token in self.tokens) and any(t[-1].isspace() for t in texts):
            return "an added token has lstrip, and another ends with white space"
        return ""

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
) -> list[LiteralStage]:
    """The passes as stages."""
    puts_space = spec.prefix_space != "never"
    every = puts_space and spec.prefix_unit == "stretch"
    raw = puts_space and spec.prefix_unit == "normalized"
    marked = marks_spaces(whole_normalizer(spec))
    early = marks_spaces(spec.normalizer)
    return [
        LiteralStage(
            each.tokens,
            each.blocked,
            alphabet,
            puts_space=puts_space and not (each.normalized and spec.prefix_unit == "normalized"),
            prefixed=(every and each is passes[-1]) or (raw and not each.normalized),
            prefixed_later=every,
            spaces_are_marks=marked,
            holds_spaces=marked and not (early and each.normalized),
        )
        for each in passes
    ]


def _hides(text: str, literals: Iterable[str], beginnings: set[str]) -> bool:
    """Whether a literal begins inside a control token, or at its start."""
    sizes = range(1, len(text) + 1)
    return any(text[k:] in beginnings for k in range(1, len(text))) or any(
        text[k : k + size] in literals for k in range(len(text)) for size in sizes
    )


@cache
def _white_space() -> CharSet:
    return CharSet.of(*((int(low), int(high)) for low, high in space_ranges("rust")))


@cache
def _word_characters() -> CharSet:
    return CharSet.of(*((int(low), int(high)) for low, high in word_ranges("rust")))
