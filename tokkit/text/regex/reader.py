"""Read what stands for one character in a pattern: escapes, properties, `[...]`."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters.charset import CharSet
from tokkit.text.regex.characters.unicode_properties import (
    Ranges,
    case_classes,
    digit_ranges,
    hex_digit_ranges,
    posix_ranges,
    property_ranges,
    space_ranges,
    word_ranges,
)
from tokkit.text.spec import Dialect

MAX_NESTING = 50

_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}
_LINE_FEED = CharSet.single("\n")
LINE_ENDS = CharSet.of((0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
r"""What `\R` matches, besides CR LF."""


@dataclass(frozen=True)
class Flags:
    """The options that hold at a place of a pattern.

    Attributes:
        ignore_case: `(?i)`.
        dot_all: `.` matches a line feed, too.
        multi_line: `^` and `$` match at lines, in the dialect of Rust; in Oniguruma they always do.
    """

    ignore_case: bool = False
    dot_all: bool = False
    multi_line: bool = False

    def changed(self, letter: str, *, on: bool, dialect: Dialect) -> Flags | None:
        """With one option switched; None if it is not known."""
        if letter == "i":
            return replace(self, ignore_case=on)
        if letter == "s" and dialect == "rust":
            return replace(self, dot_all=on)
        if letter == "m":
            return replace(self, multi_line=on) if dialect == "rust" else replace(self, dot_all=on)
        return None


class CharReader:
    """Reads a pattern from left to right; `position` is the next character to read."""

    def __init__(self, pattern: str, dialect: Dialect) -> None:
        self.pattern = pattern
        self.dialect: Dialect = dialect
        self.position = 0

    def refuse(self, what: str) -> UnsupportedError:
        """The error that names a construct and where it stands."""
        return UnsupportedError(
            f"the pretokenizer pattern {self.pattern[:200]!r} uses {what} at position "
            f"{self.position}, which tokkit cannot express as an automaton or does not know"
        )

    def peek(self, text: str) -> bool:
        """Whether `text` comes next."""
        return self.pattern.startswith(text, self.position)

    def take(self, text: str) -> bool:
        """Read `text`, if it comes next."""
        if self.peek(text):
            self.position += len(text)
            return True
        return False

    def next_char(self) -> str:
        """Read one character."""
        if self.position >= len(self.pattern):
            raise self.refuse("an unfinished construct")
        char = self.pattern[self.position]
        self.position += 1
        return char

    def until(self, end: str, what: str) -> str:
        """Read up to `end` and over it; `what` is unfinished if it never comes."""
        stop = self.pattern.find(end, self.position)
        if stop < 0:
            raise self.refuse(f"{what} that is never closed")
        text = self.pattern[self.position : stop]
        self.position = stop + len(end)
        return text

    # -- one character -----------------------------------------------------------------------

    def one_char_set(self, flags: Flags) -> CharSet:
        """What stands for one character."""
        if self.take("["):
            return self.bracket(flags)
        if self.take("."):
            return ~CharSet(()) if flags.dot_all else ~_LINE_FEED
        if self.take("\\"):
            # Outside of brackets Oniguruma gives properties no case variants.
            is_property = self.peek("p{") or self.peek("P{")
            charset = self.escape(flags, in_bracket=False)
            return fold(charset) if flags.ignore_case and not is_property else charset
        charset = CharSet.single(self.next_char())
        return fold(charset) if flags.ignore_case else charset

    def bracket(self, flags: Flags) -> CharSet:
        """`[...]` without its opening.

        Where case does not count, Rust adds the variants to each item, before any set operation or
        negation; Oniguruma to the whole, after all of them except the outermost negation.
        """
        negated = self.take("^")
        whole, stray = self.set_operations(flags, depth=0)
        if negated and stray and self.dialect == "oniguruma" and whole.is_ascii:
            # It may then test the first byte of other characters, against bits left over from `^`.
            raise self.refuse(
                "a class `[^...]` over a nested `[^...]` that holds ASCII alone, which Oniguruma "
                "does not always take at its word,"
            )
        if flags.ignore_case and self.dialect == "oniguruma":
            whole = fold(whole)
        return ~whole if negated else whole

    def set_operations(self, flags: Flags, depth: int) -> tuple[CharSet, bool]:
        """Items up to the closing bracket. `&&`, `--` and `~~` bind less than the union does.

        Returns:
            The set, and whether Oniguruma may hold bits of bytes above ASCII with it.
        """
        whole: CharSet | None = None
        operator, stray = "", True
        while True:
            operand, has_stray, following = self.union(flags, depth, first=whole is None)
            whole = operand if whole is None else _operate(operator, whole, operand)
            stray = stray and has_stray
            if following == "]":
                return whole, stray
            operator = following

    def union(self, flags: Flags, depth: int, *, first: bool) -> tuple[CharSet, bool, str]:
        """Items up to an operator or the closing bracket, which is read and returned."""
        operators = ("&&",) if self.dialect == "oniguruma" else ("&&", "--", "~~")
        result, stray = CharSet(()), False
        while True:
            for end in (*operators, "]"):
                if not (first and end in ("]", "--")) and self.take(end):
                    return result, stray, end
            first = False
            item, has_stray = self.item(flags, depth)
            result |= item
            stray |= has_stray

    def item(self, flags: Flags, depth: int) -> tuple[CharSet, bool]:
        """A nested class, a POSIX class, an escape, a character or a range.

        Returns:
            The set, and what `set_operations` says of it.
        """
        if depth > MAX_NESTING:
            raise self.refuse(f"classes nested more than {MAX_NESTING} deep")
        if self.peek("[:") and (posix := self.posix()) is not None:
            return self.folded(posix, flags), False
        if self.take("["):
            negated = self.take("^")
            nested, stray = self.set_operations(flags, depth + 1)
            return (~nested, True) if negated else (nested, stray)
        low = self.bracket_char(flags)
        if not self.peek("-") or self.peek("-]") or self._operator_follows():
            return self.folded(low, flags), False
        self.position += 1
        span = self.span(low, self.bracket_char(flags))
        return self.folded(span, flags), low.is_ascii and not span.is_ascii

    def _operator_follows(self) -> bool:
        after = self.pattern[self.position + 1 : self.position + 3]
        return after == "&&" or (self.dialect == "rust" and self.peek("--"))

    def folded(self, charset: CharSet, flags: Flags) -> CharSet:
        """An item of a class with its case variants, where the dialect adds them here."""
        return fold(charset) if flags.ignore_case and self.dialect == "rust" else charset

    def bracket_char(self, flags: Flags) -> CharSet:
        """One character of a class, or an escape that stands for several."""
        if self.take("\\"):
            return self.escape(flags, in_bracket=True)
        return CharSet.single(self.next_char())

    def posix(self) -> CharSet | None:
        """`[:name:]`; None if it is not one, so that the bracket opens a nested class."""
        end = self.pattern.find(":]", self.position)
        name = self.pattern[self.position + 2 : end] if end >= 0 else ""
        negated = name.startswith("^")
        if not name.removeprefix("^").isalpha():
            return None
        charset = charset_of(posix_ranges(name.removeprefix("^"), self.dialect))
        self.position = end + 2
        return ~charset if negated else charset

    def span(self, low: CharSet, high: CharSet) -> CharSet:
        """The range between two sets of one character each."""
        ends = [bounds for charset in (low, high) for bounds in charset.ranges]
        if len(ends) != 2 or any(a != b for a, b in ends) or ends[0][0] > ends[1][0]:
            raise self.refuse("a range between things that are not characters in order")
        return CharSet.of((ends[0][0], ends[1][0]))

    # -- escapes -----------------------------------------------------------------------------

    def escape(self, flags: Flags, *, in_bracket: bool) -> CharSet:
        """What follows a backslash, as a set; `flags` matter to a negated property in Rust."""
        char = self.next_char()
        if char in "pP" and (self.dialect == "rust" or self.peek("{")):
            return self.unicode_property(flags, negated=char == "P")
        if char in "sSdDwWhH":
            charset = charset_of(self.perl_class(char.lower(), in_bracket=in_bracket))
            return charset if char.islower() else ~charset
        if char in "xuU":
            return CharSet.single(self.hexadecimal(char))
        if char == "b" and in_bracket:
            return CharSet.single("\b")
        if char in "NO" and not in_bracket:
            return ~_LINE_FEED if char == "N" else ~CharSet(())
        if char in _CONTROLS:
            return CharSet.single(_CONTROLS[char])
        if "0" <= char <= "7" and self.dialect == "oniguruma":
            return CharSet.single(self.octal(char))
        if char == "p" or not char.isalnum() or not char.isascii():
            return CharSet.single(char)
        raise self.refuse(f"the escape `\\{char}`{' in a class' if in_bracket else ''}")

    def perl_class(self, letter: str, *, in_bracket: bool) -> Ranges:
        r"""`\s`, `\d`, `\w` and `\h`."""
        if letter == "w":
            return word_ranges(self.dialect, in_class=in_bracket)
        if letter == "h":
            return hex_digit_ranges()
        return space_ranges(self.dialect) if letter == "s" else digit_ranges(self.dialect)

    def hexadecimal(self, kind: str) -> str:
        r"""A code point: `\x41`, `\u0041`, `\x{41}`."""
        if self.take("{"):
            digits = self.until("}", "a code point")
        else:
            width = {"x": 2, "u": 4, "U": 8}[kind]
            digits = self.pattern[self.position : self.position + width]
            self.position += width
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            raise self.refuse(f"the malformed code point {digits!r}") from None

    def octal(self, first: str) -> str:
        r"""`\0`, `\101`; a number that begins otherwise and has fewer digits refers to a group."""
        digits = first
        while len(digits) < 3 and self.peek_octal():
            digits += self.next_char()
        if first != "0" and len(digits) < 3:
            raise self.refuse(f"the escape `\\{digits}` (a reference to a group)")
        return chr(int(digits, 8) & 0xFF)

    def peek_octal(self) -> bool:
        """Whether an octal digit comes next."""
        return self.pattern[self.position : self.position + 1] in tuple("01234567")

    def unicode_property(self, flags: Flags, *, negated: bool) -> CharSet:
        r"""`\p{name}`, `\p{^name}`, `\pL`, without the `\p`."""
        name = self.until("}", "a property") if self.take("{") else self.next_char()
        negated ^= name.startswith("^")
        charset = charset_of(property_ranges(name.removeprefix("^"), dialect=self.dialect))
        charset = self.folded(charset, flags)
        return ~charset if negated else charset


def charset_of(ranges: Ranges) -> CharSet:
    """A table of ranges as a set."""
    return CharSet.of(*((int(low), int(high)) for low, high in ranges))


def fold(charset: CharSet) -> CharSet:
    """`charset` with the case variants of its characters."""
    starts = [low for low, _ in charset.ranges]

    def is_in(code_point: int) -> bool:
        index = bisect_right(starts, code_point) - 1
        return index >= 0 and code_point <= charset.ranges[index][1]

    extra = [(c, c) for variants in case_classes() if any(map(is_in, variants)) for c in variants]
    return charset | CharSet.of(*extra)


def _operate(operator: str, left: CharSet, right: CharSet) -> CharSet:
    if operator == "&&":
        return left & right
    if operator == "--":
        return left & ~right
    return (left | right) & ~(left & right)
