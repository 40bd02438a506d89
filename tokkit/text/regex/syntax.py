"""Parse the regular expressions of pretokenizers into a small syntax tree.

The subset is what real tokenizers use: classes, Unicode properties, alternation, groups, greedy,
lazy and possessive repeats, case-insensitive groups, `$`, and lookahead of one character. Anything
else (backreferences, lookbehind, anchors inside a line, longer lookahead) is refused by name:
it would need another kind of automaton, and guessing would give wrong ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from tokkit.errors import UnsupportedError
from tokkit.text.regex.charset import CharSet
from tokkit.text.regex.unicode_properties import property_ranges, simple_case_variants
from tokkit.text.spec import Dialect

MAX_REPEAT = 1000
MAX_NESTING = 50


@dataclass(frozen=True)
class Chars:
    """One character of a set."""

    charset: CharSet


@dataclass(frozen=True)
class NextNot:
    """Zero width: the text ends here, or its next character is not in the set."""

    charset: CharSet


@dataclass(frozen=True)
class NextIs:
    """Zero width: the next character exists and is in the set."""

    charset: CharSet


@dataclass(frozen=True)
class AtEnd:
    """Zero width: the text ends here."""


@dataclass(frozen=True)
class Sequence:
    """One part after another; the empty sequence matches the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """The first alternative that leads to a match."""

    alternatives: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """Between `low` and `high` times (None: no bound), as often as possible unless `lazy`."""

    part: Node
    low: int
    high: int | None
    lazy: bool = False


Node = Chars | NextNot | NextIs | AtEnd | Sequence | Choice | Repeat

EMPTY = Sequence(())


def possessive(charset: CharSet, low: int, high: int | None) -> Node:
    """`[set]{low,high}+`: having matched fewer than it could, it never matches at all.

    Over a single set, giving back is the same as stopping before a character of the set, so the
    possessive repeat is the greedy one that may stop early only where the set does not go on.
    """
    repeat = Repeat(Chars(charset), low, high)
    stop = NextNot(charset)
    if high is None:
        return Sequence((repeat, stop))
    if low == high:
        return repeat
    full = Repeat(Chars(charset), high, high)
    early = Sequence((Repeat(Chars(charset), low, high - 1), stop))
    return Choice((full, early))


@lru_cache(maxsize=64)
def parse(pattern: str, dialect: Dialect) -> Node:
    """The syntax tree of `pattern`.

    Raises:
        UnsupportedError: the pattern is malformed or uses a construct outside the subset.
    """
    parser = _Parser(pattern, dialect)
    node = parser.choice(ignore_case=False, depth=0)
    if parser.position < len(pattern):
        raise parser.refuse("an unbalanced `)`")
    return node


class _Parser:
    """Recursive descent over the pattern; `position` is the next character to read."""

    def __init__(self, pattern: str, dialect: Dialect) -> None:
        self.pattern = pattern
        self.dialect: Dialect = dialect
        self.position = 0

    def refuse(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            f"the pretokenizer pattern {self.pattern!r} uses {what} at position {self.position}; "
            "tokkit supports classes, properties, alternation, groups, repeats, `$` and lookahead "
            "of one character"
        )

    def peek(self, text: str) -> bool:
        return self.pattern.startswith(text, self.position)

    def take(self, text: str) -> bool:
        if self.peek(text):
            self.position += len(text)
            return True
        return False

    def next_char(self) -> str:
        if self.position >= len(self.pattern):
            raise self.refuse("an unfinished construct")
        char = self.pattern[self.position]
        self.position += 1
        return char

    # -- structure ---------------------------------------------------------------------------

    def choice(self, *, ignore_case: bool, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise self.refuse(f"groups nested more than {MAX_NESTING} deep")
        alternatives = [self.sequence(ignore_case=ignore_case, depth=depth)]
        while self.take("|"):
            alternatives.append(self.sequence(ignore_case=ignore_case, depth=depth))
        return alternatives[0] if len(alternatives) == 1 else Choice(tuple(alternatives))

    def sequence(self, *, ignore_case: bool, depth: int) -> Node:
        parts: list[Node] = []
        while self.position < len(self.pattern) and not self.peek("|") and not self.peek(")"):
            if self.take("(?i)"):
                ignore_case = True
                continue
            parts.append(self.repeated(ignore_case=ignore_case, depth=depth))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, *, ignore_case: bool, depth: int) -> Node:
        part = self.atom(ignore_case=ignore_case, depth=depth)
        while bounds := self.bounds():
            part = self.repeat(part, *bounds)
        return part

    def repeat(self, part: Node, low: int, high: int | None) -> Node:
        if low > MAX_REPEAT or (high or 0) > MAX_REPEAT or (high is not None and high < low):
            raise self.refuse(f"a repeat outside 0 to {MAX_REPEAT}")
        if self.take("+"):
            if not isinstance(part, Chars):
                raise self.refuse("a possessive repeat of more than one character")
            return possessive(part.charset, low, high)
        if nullable(part):
            raise self.refuse("a repeat of something that can be empty")
        return Repeat(part, low, high, lazy=self.take("?"))

    def bounds(self) -> tuple[int, int | None] | None:
        if self.take("*"):
            return 0, None
        if self.take("+"):
            return 1, None
        if self.take("?"):
            return 0, 1
        if not self.take("{"):
            return None
        end = self.pattern.find("}", self.position)
        body = self.pattern[self.position : end] if end >= 0 else ""
        low, comma, high = body.partition(",")
        if not (low + high).isascii() or not (low + high).isdigit() or not low:
            raise self.refuse("a `{` that opens no repeat")
        self.position = end + 1
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else None

    # -- atoms -------------------------------------------------------------------------------

    def atom(self, *, ignore_case: bool, depth: int) -> Node:
        if self.peek("("):
            return self.group(ignore_case=ignore_case, depth=depth)
        if self.take("$"):
            if self.dialect != "rust":
                raise self.refuse("`$`, which Oniguruma reads as the end of any line,")
            return AtEnd()
        if self.take("^"):
            raise self.refuse("the anchor `^`")
        if self.peek("*") or self.peek("+") or self.peek("?"):
            raise self.refuse("a repeat of nothing")
        if self.take("\\z"):
            return AtEnd()
        return Chars(self.one_char_set(ignore_case=ignore_case))

    def group(self, *, ignore_case: bool, depth: int) -> Node:
        if self.take("(?!") or self.take("(?="):
            negative = self.pattern[self.position - 1] == "!"
            inner = self.choice(ignore_case=ignore_case, depth=depth + 1)
            self.close()
            if not isinstance(inner, Chars):
                raise self.refuse("lookahead of more than one character")
            return NextNot(inner.charset) if negative else NextIs(inner.charset)
        if self.take("(?i:"):
            ignore_case = True
        elif not self.take("(?:"):
            self.take("(")
            if self.peek("?"):
                raise self.refuse(f"the group `(?{self.pattern[self.position + 1 :][:1]}`")
        inner = self.choice(ignore_case=ignore_case, depth=depth + 1)
        self.close()
        return inner

    def close(self) -> None:
        if not self.take(")"):
            raise self.refuse("a group that is never closed")

    def one_char_set(self, *, ignore_case: bool) -> CharSet:
        if self.peek("["):
            return self.bracket(ignore_case=ignore_case)
        if self.take("."):
            return ~CharSet.single("\n")
        char = self.next_char()
        if char == "\\":
            return self.escape(in_bracket=False, ignore_case=ignore_case)
        return fold(CharSet.single(char), ignore_case)

    def bracket(self, *, ignore_case: bool) -> CharSet:
        """`[...]`: items and ranges; `&&` and nested brackets are refused."""
        self.take("[")
        negated = self.take("^")
        result = CharSet(())
        first = True
        while first or not self.peek("]"):
            first = False
            if self.peek("[") or self.peek("&&"):
                raise self.refuse("set operations inside a class")
            item = self.bracket_item()
            if self.peek("-") and not self.peek("-]"):
                self.position += 1
                item = self.span(item, self.bracket_item())
            result |= fold(item, ignore_case)
        self.take("]")
        return ~result if negated else result

    def bracket_item(self) -> CharSet:
        char = self.next_char()
        if char == "\\":
            return self.escape(in_bracket=True, ignore_case=False)
        return CharSet.single(char)

    def span(self, low: CharSet, high: CharSet) -> CharSet:
        ends = [bounds for charset in (low, high) for bounds in charset.ranges]
        if len(ends) != 2 or any(a != b for a, b in ends) or ends[0][0] > ends[1][0]:
            raise self.refuse("a range between things that are not characters in order")
        return CharSet.of((ends[0][0], ends[1][0]))

    def escape(self, *, in_bracket: bool, ignore_case: bool) -> CharSet:
        char = self.next_char()
        if char in "pP":
            return self.unicode_property(negated=char == "P")
        if char in "sSdDwW":
            name = {"s": "White_Space", "d": "digit", "w": "word"}[char.lower()]
            charset = self.named(name)
            return charset if char.islower() else ~charset
        if char in "xu":
            return fold(CharSet.single(self.hexadecimal(char)), ignore_case)
        plain = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}
        if char in plain:
            return CharSet.single(plain[char])
        if char.isalnum():
            raise self.refuse(f"the escape `\\{char}`{' in a class' if in_bracket else ''}")
        return fold(CharSet.single(char), ignore_case)

    def hexadecimal(self, kind: str) -> str:
        if self.take("{"):
            end = self.pattern.find("}", self.position)
            digits = self.pattern[self.position : max(end, self.position)]
            self.position = end + 1
        else:
            width = 2 if kind == "x" else 4
            digits = self.pattern[self.position : self.position + width]
            self.position += width
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            raise self.refuse(f"the malformed code point {digits!r}") from None

    def unicode_property(self, *, negated: bool) -> CharSet:
        if not self.take("{"):
            charset = self.named(self.next_char())
        else:
            end = self.pattern.find("}", self.position)
            if end < 0:
                raise self.refuse("an unfinished property")
            name = self.pattern[self.position : end]
            self.position = end + 1
            negated ^= name.startswith("^")
            charset = self.named(name.removeprefix("^"))
        return ~charset if negated else charset

    def named(self, name: str) -> CharSet:
        ranges = property_ranges(name, dialect=self.dialect)
        return CharSet.of(*((int(low), int(high)) for low, high in ranges))


def fold(charset: CharSet, ignore_case: bool) -> CharSet:
    """`charset` with the case variants of its characters, where it is small enough to have any."""
    if not ignore_case:
        return charset
    folded = charset
    for low, high in charset.ranges:
        for code_point in range(low, min(high, 0x10FFFF) + 1):
            for variant in simple_case_variants(code_point):
                folded |= CharSet.of((variant, variant))
    return folded


def nullable(node: Node) -> bool:
    """Whether `node` can match the empty text."""
    match node:
        case Chars():
            return False
        case Sequence(parts):
            return all(nullable(part) for part in parts)
        case Choice(alternatives):
            return any(nullable(part) for part in alternatives)
        case Repeat(part, low, _, _):
            return low == 0 or nullable(part)
        case _:
            return True
