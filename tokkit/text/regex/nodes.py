"""The syntax tree of a pattern: what the parser makes and the compiler reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters.charset import CharSet

MAX_EMPTY_PARTS = 30
"""Of a loop whose rounds can be empty: parts of a sequence, or counted repeats."""


@dataclass(frozen=True)
class Chars:
    """One character of a set."""

    charset: CharSet


@dataclass(frozen=True)
class Literal(Chars):
    """A character without regard to case, which may match together with its neighbours.

    Attributes:
        char: as the pattern spells it.
    """

    char: str


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
class Look:
    """Zero width: `part` matches from here on, or, if `behind`, some text that ends here."""

    part: Node
    behind: bool = False
    negative: bool = False


@dataclass(frozen=True)
class Atomic:
    """The first match of `part`, as if nothing came after it: none of it is given back."""

    part: Node


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
    """Between `low` and `high` times (None: no bound), as often as possible unless `lazy`.

    Without a bound, `part` always consumes something; see `star`.
    """

    part: Node
    low: int
    high: int | None
    lazy: bool = False


@dataclass(frozen=True)
class Loop:
    """Ways to go on, in order: after those that are marked True the loop begins again."""

    ways: tuple[tuple[Node, bool], ...]


Node = Chars | NextNot | NextIs | AtEnd | Look | Atomic | Sequence | Choice | Repeat | Loop

EMPTY = Sequence(())
ANY = ~CharSet(())


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
        case Atomic(part):
            return nullable(part)
        case _:
            return True


def is_plain(node: Node) -> bool:
    """Whether what `node` matches has characters, and depends on no others than those."""
    return not nullable(node) and _looks_at_nothing_else(node)


def _looks_at_nothing_else(node: Node) -> bool:
    match node:
        case Chars():
            return True
        case Sequence(parts) | Choice(parts):
            return all(map(_looks_at_nothing_else, parts))
        case Repeat(part):
            return _looks_at_nothing_else(part)
        case _:
            return False


def with_charsets(node: Node, change: Callable[[CharSet], CharSet]) -> Node:
    """The same tree with other sets of characters."""
    match node:
        case Chars() | NextIs() | NextNot():
            return replace(node, charset=change(node.charset))
        case Look() | Atomic() | Repeat():
            return replace(node, part=with_charsets(node.part, change))
        case Sequence(parts):
            return Sequence(tuple(with_charsets(part, change) for part in parts))
        case Choice(alternatives):
            return Choice(tuple(with_charsets(part, change) for part in alternatives))
        case Loop(ways):
            return Loop(tuple((with_charsets(part, change), again) for part, again in ways))
        case AtEnd():
            return node


def charsets_of(node: Node) -> set[CharSet]:
    """Every set that `node` tests characters against; an alphabet for it must respect them all."""
    found: set[CharSet] = set()

    def note(charset: CharSet) -> CharSet:
        found.add(charset)
        return charset

    with_charsets(node, note)
    return found


def possessive(part: Node, low: int, high: int | None) -> Node:
    """`part{low,high}+`: having matched fewer than it could, it never matches at all.

    Over a single set, giving back is the same as stopping before a character of the set, so the
    possessive repeat is the greedy one that may stop early only where the set does not go on.
    """
    if not isinstance(part, Chars):
        return Atomic(repeat(part, low, high))
    stop = NextNot(part.charset)
    if high is None:
        return Sequence((Repeat(part, low, high), stop))
    if low == high:
        return Repeat(part, low, high)
    full = Repeat(part, high, high)
    early = Sequence((Repeat(part, low, high - 1), stop))
    return Choice((full, early))


def repeat(part: Node, low: int, high: int | None, *, lazy: bool = False) -> Node:
    """`part{low,high}`, where `part` may also match the empty text.

    An engine leaves a loop as soon as a round consumed nothing. So a round that is empty is a way
    out, of the priority that it has among the ways through `part`:
    `(a||b)*` is L: `a` and L, or nothing, or `b` and L.
    """
    if high is not None or not nullable(part):
        return Repeat(part, low, high, lazy)
    ways = [(way, not is_empty) for is_empty, way in _ways(part)]
    leave: list[tuple[Node, bool]] = [(EMPTY, False)]
    loop = Loop(tuple(leave + ways if lazy else ways + leave))
    return Sequence((*[part] * low, loop))


def _ways(node: Node) -> list[tuple[bool, Node]]:
    """The ways through `node` in order of priority: (consumes nothing, way)."""
    if not nullable(node):
        return [(False, node)]
    match node:
        case Sequence(()):
            return [(True, EMPTY)]
        case Sequence(parts):
            _limit(len(parts))
            return _ways_in_turn(parts[0], Sequence(parts[1:]))
        case Choice(alternatives):
            return [way for part in alternatives for way in _ways(part)]
        case Repeat(part, low, high, lazy):
            return _ways_of_repeat(part, low, high, lazy=lazy)
        case Loop(ways):
            return [(not again, Sequence((way, node)) if again else way) for way, again in ways]
        case Atomic():
            raise UnsupportedError("an atomic group that can be empty is repeated without bound")
        case _:
            return [(True, node)]


def _ways_of_repeat(
    part: Node, low: int, high: int | None, *, lazy: bool
) -> list[tuple[bool, Node]]:
    if high == 0:
        return [(True, EMPTY)]
    if nullable(part):
        _limit(max(low, high or 0))
    rest = Repeat(part, max(low - 1, 0), None if high is None else high - 1, lazy)
    more = _ways_in_turn(part, rest)
    if low:
        return more
    return [(True, EMPTY), *more] if lazy else [*more, (True, EMPTY)]


def _ways_in_turn(first: Node, rest: Node) -> list[tuple[bool, Node]]:
    found: list[tuple[bool, Node]] = []
    for is_empty, way in _ways(first):
        if is_empty:
            found.extend((empty, Sequence((way, after))) for empty, after in _ways(rest))
        else:
            found.append((False, Sequence((way, rest))))
    return found


def _limit(n_parts: int) -> None:
    if n_parts > MAX_EMPTY_PARTS:
        raise UnsupportedError(
            f"a loop whose rounds can be empty has {n_parts} parts; at most {MAX_EMPTY_PARTS}"
        )
