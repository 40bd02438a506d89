r"""Parse the regular expressions of pretokenizers into a syntax tree (`nodes`).

A pattern means what Oniguruma (Ruby syntax) or fancy-regex means by it; `unicode_properties` lists
where they differ. Refused by name is what no automaton can do (backreferences, conditions,
recursion) and what has not been needed (`\X`, `\K`, `\G`, absent operators, `(?x)`).
"""

from __future__ import annotations

from functools import lru_cache

from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters.charset import INVALID, CharSet
from tokkit.text.regex.characters.unicode_properties import word_ranges
from tokkit.text.regex.folding import class_with_folds, join_literals
from tokkit.text.regex.nodes import (
    ANY,
    AtEnd,
    Atomic,
    Chars,
    Choice,
    Literal,
    Look,
    NextIs,
    NextNot,
    Node,
    Repeat,
    Sequence,
    possessive,
    repeat,
)
from tokkit.text.regex.reader import LINE_ENDS, MAX_NESTING, CharReader, Flags, charset_of
from tokkit.text.spec import Dialect

MAX_REPEAT = 1000

_LINE_FEED = CharSet.single("\n")
_AT_START = Look(Chars(ANY), behind=True, negative=True)
_AFTER_LINE_FEED = Look(Chars(_LINE_FEED), behind=True)
_ZERO_WIDTH = (Look, NextIs, NextNot, AtEnd)


@lru_cache(maxsize=64)
def parse(pattern: str, dialect: Dialect) -> Node:
    """The syntax tree of `pattern`.

    Raises:
        UnsupportedError: the pattern is malformed or uses a construct outside the subset.
    """
    parser = _Parser(pattern, dialect)
    node = parser.choice(Flags(), depth=0)
    if parser.position < len(pattern):
        raise parser.refuse("an unbalanced `)`")
    return node


class _Parser(CharReader):
    """Recursive descent over the pattern."""

    # -- structure ---------------------------------------------------------------------------

    def choice(self, flags: Flags, *, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise self.refuse(f"groups nested more than {MAX_NESTING} deep")
        part, flags = self.sequence(flags, depth=depth)
        alternatives = [part]
        while self.take("|"):
            part, flags = self.sequence(flags, depth=depth)
            alternatives.append(part)
        return alternatives[0] if len(alternatives) == 1 else Choice(tuple(alternatives))

    def sequence(self, flags: Flags, *, depth: int) -> tuple[Node, Flags]:
        """Parts up to `|` or `)`, and the options that hold after them.

        Options within a sequence (`a(?i)b|c`) hold up to the end of the group: in Oniguruma the
        rest of the group is a group of its own, `a(?i:b|c)`; in Rust they go on in `c`.
        """
        parts: list[Node] = []
        while self.position < len(self.pattern) and not self.peek("|") and not self.peek(")"):
            if self.take("(?#"):
                self.until(")", "a comment")
            elif (changed := self.options(flags)) is None:
                parts.append(self.repeated(flags, depth=depth))
            elif self.peek(":"):
                is_plain = self.pattern.endswith("(?", 0, self.position)
                self.take(":")
                inner = self.rest_of_group(changed, depth)
                if not is_plain:  # literals in a group with options keep to themselves
                    inner = join_literals([inner])[0]
                parts.append(self.repeats_of(inner))
            else:
                self.close()
                if self.dialect == "oniguruma":
                    parts.append(self.choice(changed, depth=depth + 1))
                else:
                    flags = changed
        if self.dialect == "oniguruma":
            # A literal alone may still meet others outside its group.
            parts = parts if len(parts) == 1 else join_literals(parts)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts)), flags

    def options(self, flags: Flags) -> Flags | None:
        """Read `(?im-s` and leave what follows; None, and nothing is read, if it is no options."""
        start, on = self.position, True
        if not self.take("(?"):
            return None
        while not self.peek(")") and not self.peek(":"):
            letter = self.next_char()
            if letter == "-" and on:
                on = False
                continue
            if not letter.isalpha() or self.peek("<"):
                self.position = start
                return None
            changed = flags.changed(letter, on=on, dialect=self.dialect)
            if changed is None:
                raise self.refuse(f"the option `{letter}`")
            flags = changed
        return flags

    def repeated(self, flags: Flags, *, depth: int) -> Node:
        return self.repeats_of(self.atom(flags, depth=depth))

    def repeats_of(self, part: Node) -> Node:
        while True:
            counted = self.peek("{")
            bounds = self.bounds()
            if bounds is None:
                return part
            part = self.repeat(join_literals([part])[0], *bounds, counted=counted)

    def repeat(self, part: Node, low: int, high: int | None, *, counted: bool) -> Node:
        if low > MAX_REPEAT or (high or 0) > MAX_REPEAT or (high is not None and high < low):
            raise self.refuse(f"a repeat outside 0 to {MAX_REPEAT}")
        ruby_counts = counted and self.dialect == "oniguruma"
        try:
            if not ruby_counts and self.take("+"):
                return possessive(part, low, high)
            if ruby_counts and low == high and self.take("?"):
                return Repeat(Repeat(part, low, high), 0, 1)  # Ruby: no lazy repeat, an option
            return repeat(part, low, high, lazy=self.take("?"))
        except UnsupportedError as error:
            raise self.refuse(f"a repeat ({error})") from None

    def bounds(self) -> tuple[int, int | None] | None:
        if self.take("*"):
            return 0, None
        if self.take("+"):
            return 1, None
        if self.take("?"):
            return 0, 1
        if not self.peek("{"):
            return None
        end = self.pattern.find("}", self.position)
        body = self.pattern[self.position + 1 : end] if end >= 0 else ""
        low, comma, high = body.partition(",")
        if not (low + high).isascii() or not (low + high).isdigit() or not (low or comma):
            return None  # the `{` stands for itself
        self.position = end + 1
        if not comma:
            return int(low), int(low)
        return int(low or 0), int(high) if high else None

    # -- atoms -------------------------------------------------------------------------------

    def atom(self, flags: Flags, *, depth: int) -> Node:
        if self.peek("("):
            return self.group(flags, depth=depth)
        if self.peek("*") or self.peek("+") or self.peek("?"):
            raise self.refuse("a repeat of nothing")
        if self.take("^"):
            return self.line_start(flags)
        if self.take("$"):
            if self.dialect == "oniguruma" or flags.multi_line:
                return Choice((NextIs(_LINE_FEED), AtEnd()))
            return AtEnd()
        if self.peek("\\") and (anchor := self.anchor()) is not None:
            return anchor
        return self.one_char(flags)

    def one_char(self, flags: Flags) -> Node:
        """A set, or a literal where case does not count and neighbours may have a variant."""
        several = flags.ignore_case and self.dialect == "oniguruma"
        start = self.position
        charset = self.one_char_set(flags)
        if not several:
            return Chars(charset)
        text = self.pattern[start : self.position]
        if text.startswith("["):
            return Chars(charset) if text.startswith("[^") else class_with_folds(charset)
        plain = _Parser(text, self.dialect).one_char_set(Flags())
        low, high = plain.ranges[0] if plain.ranges else (0, 1)
        is_one = len(plain.ranges) == 1 and low == high
        return Literal(charset, chr(low)) if is_one and low < INVALID else Chars(charset)

    def line_start(self, flags: Flags) -> Node:
        """`^`. After a last line feed no line begins, says Oniguruma."""
        if self.dialect == "oniguruma":
            return Choice((_AT_START, Sequence((_AFTER_LINE_FEED, NextIs(ANY)))))
        return Choice((_AT_START, _AFTER_LINE_FEED)) if flags.multi_line else _AT_START

    def anchor(self) -> Node | None:
        r"""`\A`, `\z`, `\Z`, `\b`, `\B`, `\R`; None, and nothing is read, for other escapes."""
        letter = self.pattern[self.position + 1 : self.position + 2]
        if letter not in tuple("AzZbBR"):
            return None
        self.position += 2
        if letter == "A":
            return _AT_START
        if letter == "z":
            return AtEnd()
        if letter == "Z":
            most = 1 if self.dialect == "oniguruma" else None
            return Look(Sequence((Repeat(Chars(_LINE_FEED), 0, most), AtEnd())))
        if letter == "R":
            both = Sequence((Chars(CharSet.single("\r")), Chars(_LINE_FEED)))
            return Atomic(Choice((both, Chars(LINE_ENDS))))
        if self.peek("{"):
            raise self.refuse(f"the anchor `\\{letter}{{`")
        return _word_edge(charset_of(word_ranges(self.dialect)), inside=letter == "B")

    def group(self, flags: Flags, *, depth: int) -> Node:
        for opening, behind in (("(?", False), ("(?<", True)):
            for sign in "=!":
                if self.take(opening + sign):
                    return self.look(self.rest_of_group(flags, depth), behind, sign == "!")
        if self.take("(?>"):
            inner = self.rest_of_group(flags, depth)
            return inner if isinstance(inner, (Chars, *_ZERO_WIDTH)) else Atomic(inner)
        if self.take("(?<") or (self.dialect == "rust" and self.take("(?P<")):
            self.until(">", "the name of a group")
        elif not self.take("(?:"):
            self.take("(")
            if self.peek("?"):
                raise self.refuse(f"the group `(?{self.pattern[self.position + 1 :][:1]}`")
        return self.rest_of_group(flags, depth)

    def rest_of_group(self, flags: Flags, depth: int) -> Node:
        inner = self.choice(flags, depth=depth + 1)
        self.close()
        return inner

    def look(self, part: Node, behind: bool, negative: bool) -> Node:
        if isinstance(part, Chars) and not behind:
            return NextNot(part.charset) if negative else NextIs(part.charset)
        return Look(part, behind, negative)

    def close(self) -> None:
        if not self.take(")"):
            raise self.refuse("a group that is never closed")


def _word_edge(word: CharSet, *, inside: bool) -> Node:
    r"""`\b`: just one of the neighbours is a word character; `\B` if `inside`: both or none."""
    after, not_after = Look(Chars(word), behind=True), Look(Chars(word), behind=True, negative=True)
    if inside:
        return Choice((Sequence((after, NextIs(word))), Sequence((not_after, NextNot(word)))))
    return Choice((Sequence((after, NextNot(word))), Sequence((not_after, NextIs(word)))))
