"""Compile a syntax tree into a program of prioritised threads, and run threads one symbol on.

This is Thompson's construction in Pike's form: a *thread* is a position in the program, a list of
threads is ordered by priority, and the order is that in which a backtracking engine would try
them. The first thread of the list to lead to a match is therefore the match that such an engine
reports (Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009). Lookahead of one
symbol is resolved when the next symbol, or the end of the text, is known.

Other assertions are *marks*: bits that say what holds at a place of the text, whatever the match.
A symbol carries the marks of the place before it (`marks * n_symbols + class`), and
`tokkit.text.regex.lookaround` finds them. An atomic group is its part, in which every fork is
decided by marks: the first way on from which the part can be finished.

Example: for `a+(?!b)` on "aab", after "a" the threads are [loop, try to stop]; the symbol "a" lets
the first go on and the second stop with a match of length 1; after "aa" the symbol "b" kills both,
so that the match is the "a" found before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters.charset import Alphabet
from tokkit.text.regex.nodes import (
    AtEnd,
    Atomic,
    Chars,
    Choice,
    Look,
    Loop,
    NextIs,
    NextNot,
    Node,
    Repeat,
    Sequence,
    nullable,
)
from tokkit.text.regex.on_demand import memoized

MAX_INSTRUCTIONS = 200_000
MAX_MARKS = 12

Threads = tuple[int, ...]


class Op(IntEnum):
    """What an instruction does."""

    CHAR = 0  # consume a symbol of the set, go to the next instruction
    TEST = 1  # go on if the next symbol is of the set; consume nothing
    FORK = 2  # try each target in order
    MATCH = 3
    MARKED = 4  # go on if the place has the mark
    UNMARKED = 5
    PICK = 6  # go to the first target whose mark the place has, or else to the last


@dataclass(frozen=True)
class Instruction:
    """One step; `symbols` for CHAR and TEST, `targets` for FORK and PICK, bits for the others."""

    op: Op
    symbols: frozenset[int] = frozenset()
    targets: tuple[int, ...] = ()
    bits: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Tracked:
    """An assertion of a pattern: where `program` matches, seen from some of its positions.

    Attributes:
        program: may test the marks of those before it.
        behind: it has begun anywhere, and its match ends at the place; else it begins there.
        bits: position in the program -> number of the mark; position 0 is the whole.
    """

    program: Program
    behind: bool
    bits: dict[int, int]


class Program:
    """A compiled pattern over the symbols of an alphabet; threads start at instruction 0.

    Attributes:
        code: the instructions.
        tracked: the assertions, each before those that test it.
        nullable: whether it can match the empty text.
    """

    def __init__(
        self,
        node: Node,
        alphabet: Alphabet,
        *,
        pattern: str,
        outer: Program | None = None,
    ) -> None:
        """Compile `node`; `pattern` is its text, for messages.

        Args:
            node: the syntax tree.
            alphabet: respects the sets of the tree.
            pattern: its text, for messages.
            outer: the program that this is an assertion of.

        Raises:
            UnsupportedError: the pattern is too large.
        """
        self.nullable = nullable(node)
        self.n_symbols = alphabet.n_classes + 1
        self.tracked: list[Tracked] = [] if outer is None else outer.tracked
        self._looks: dict[tuple[Node, bool], int] = {} if outer is None else outer._looks
        self._alphabet = alphabet
        self._pattern = pattern
        self.code: list[Instruction] = []
        self._emit_node(node)
        self._emit(Instruction(Op.MATCH))

    start: Threads = (0,)

    @memoized
    def step(self, threads: Threads, symbol: int) -> tuple[Threads, bool]:
        """Advance an ordered list of threads over `symbol` (which may be the end of the text).

        Returns:
            The threads that consumed the symbol and outrank the match, if there is one; and
            whether a match ends *before* the symbol. Threads below that match are cut.
        """
        survivors: list[int] = []
        for position in self._walk(threads, symbol):
            if position is None:
                return tuple(survivors), True
            survivors.append(position)
        return tuple(survivors), False

    @memoized
    def reach(self, position: int, symbol: int) -> tuple[frozenset[int], bool]:
        """Where one thread can be after a symbol, whatever outranks what.

        Returns:
            The positions after the symbol, and whether a match can end before it.
        """
        found = set(self._walk((position,), symbol))
        return frozenset(p for p in found if p is not None), None in found

    def _walk(self, threads: Threads, symbol: int) -> Iterator[int | None]:
        """The positions of threads after a symbol, by priority; None for a match before it."""
        marks, symbol = divmod(symbol, self.n_symbols)
        seen: set[int] = set()
        stack = list(reversed(threads))
        while stack:
            position = stack.pop()
            if position in seen:
                continue
            seen.add(position)
            instruction = self.code[position]
            if instruction.op == Op.MATCH:
                yield None
            elif instruction.op == Op.FORK:
                stack.extend(reversed(instruction.targets))
            elif instruction.op >= Op.MARKED:
                stack.extend(_decide(instruction, position, marks))
            elif symbol in instruction.symbols:
                if instruction.op == Op.CHAR:
                    yield position + 1
                else:
                    stack.append(position + 1)

    # -- compilation -------------------------------------------------------------------------

    def _emit(self, instruction: Instruction) -> int:
        if len(self.code) >= MAX_INSTRUCTIONS:
            raise UnsupportedError(
                f"the pretokenizer pattern {self._pattern[:200]!r} is too large: it compiles to "
                f"more than {MAX_INSTRUCTIONS} instructions"
            )
        self.code.append(instruction)
        return len(self.code) - 1

    def _emit_node(self, node: Node) -> None:
        match node:
            case Chars(charset):
                self._emit(Instruction(Op.CHAR, self._alphabet.classes_in(charset)))
            case NextIs(charset):
                self._emit(Instruction(Op.TEST, self._alphabet.classes_in(charset)))
            case NextNot(charset):
                allowed = self._alphabet.classes_in(~charset) | {self._alphabet.end}
                self._emit(Instruction(Op.TEST, allowed))
            case AtEnd():
                self._emit(Instruction(Op.TEST, frozenset({self._alphabet.end})))
            case Sequence(parts):
                for part in parts:
                    self._emit_node(part)
            case Choice(alternatives):
                self._emit_ways([(part, False) for part in alternatives])
            case Repeat(part, low, high, lazy):
                self._emit_repeat(part, low, high, lazy=lazy)
            case Loop(ways):
                self._emit_ways(ways)
            case Look(part, behind, negative):
                bit = self._track(part, behind=behind).bits[0]
                self._emit(Instruction(Op.UNMARKED if negative else Op.MARKED, bits=(bit,)))
            case Atomic(part):
                self._emit_atomic(part)

    def _emit_repeat(self, part: Node, low: int, high: int | None, *, lazy: bool) -> None:
        for _ in range(low):
            self._emit_node(part)
        if high is None:
            fork = self._emit(Instruction(Op.FORK))
            self._emit_node(part)
            self._emit(Instruction(Op.FORK, targets=(fork,)))
            self._patch_exit(fork, lazy=lazy)
            return
        forks: list[int] = []
        for _ in range(high - low):
            forks.append(self._emit(Instruction(Op.FORK)))
            self._emit_node(part)
        for fork in forks:
            self._patch_exit(fork, lazy=lazy)

    def _patch_exit(self, fork: int, *, lazy: bool) -> None:
        again, leave = fork + 1, len(self.code)
        targets = (leave, again) if lazy else (again, leave)
        self.code[fork] = Instruction(Op.FORK, targets=targets)

    def _emit_ways(self, ways: Iterable[tuple[Node, bool]]) -> None:
        """Ways to go on, by priority; those that are marked lead back to the first."""
        fork = self._emit(Instruction(Op.FORK))
        starts: list[int] = []
        exits: list[int] = []
        for part, again in ways:
            starts.append(len(self.code))
            self._emit_node(part)
            jump = self._emit(Instruction(Op.FORK, targets=(fork,)))
            if not again:
                exits.append(jump)
        self.code[fork] = Instruction(Op.FORK, targets=tuple(starts))
        for position in exits:
            self.code[position] = Instruction(Op.FORK, targets=(len(self.code),))

    # -- assertions --------------------------------------------------------------------------

    def _track(self, part: Node, *, behind: bool) -> Tracked:
        """The assertion with its mark; equal ones share it."""
        index = self._looks.get((part, behind))
        if index is None:
            program = Program(part, self._alphabet, pattern=self._pattern, outer=self)
            tracked = Tracked(program, behind, {})
            self._give_mark(tracked, 0)
            index = self._looks[part, behind] = len(self.tracked)
            self.tracked.append(tracked)
        return self.tracked[index]

    def _give_mark(self, tracked: Tracked, position: int) -> int:
        if position not in tracked.bits:
            bit = sum(len(known.bits) for known in self.tracked if known is not tracked)
            bit += len(tracked.bits)
            if bit >= MAX_MARKS:
                raise UnsupportedError(
                    f"the pretokenizer pattern {self._pattern[:200]!r} needs more than {MAX_MARKS} "
                    "facts about each place of a text for its assertions and atomic groups"
                )
            tracked.bits[position] = bit
        return tracked.bits[position]

    def _emit_atomic(self, part: Node) -> None:
        tracked = self._track(part, behind=False)
        base = len(self.code)
        code = tracked.program.code
        for instruction in code[:-1]:
            targets = tuple(base + target for target in instruction.targets)
            bits = instruction.bits
            op = instruction.op
            if op == Op.FORK and len(targets) > 1:
                op = Op.PICK
                bits = tuple(self._give_mark(tracked, t) for t in instruction.targets[:-1])
            self._emit(Instruction(op, instruction.symbols, targets, bits))


def _decide(instruction: Instruction, position: int, marks: int) -> tuple[int, ...]:
    """Where an instruction that tests marks goes on."""
    if instruction.op == Op.PICK:
        chosen = (
            target
            for target, bit in zip(instruction.targets, instruction.bits, strict=False)
            if marks >> bit & 1
        )
        return (next(chosen, instruction.targets[-1]),)
    wanted = instruction.op == Op.MARKED
    return (position + 1,) if (marks >> instruction.bits[0] & 1) == wanted else ()
