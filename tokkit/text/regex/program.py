"""Compile a syntax tree into a program of prioritised threads, and run threads one symbol on.

This is Thompson's construction in Pike's form: a *thread* is a position in the program, a list of
threads is ordered by priority, and the order is that in which a backtracking engine would try
them. The first thread of the list to lead to a match is therefore the match that such an engine
reports (Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009). All lookahead is
one symbol, so threads are resolved when the next symbol, or the end of the text, is known.

Example: for `a+(?!b)` on "aab", after "a" the threads are [loop, try to stop]; the symbol "a" lets
the first go on and the second stop with a match of length 1; after "aa" the symbol "b" kills both,
so that the match is the "a" found before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tokkit.errors import UnsupportedError
from tokkit.text.regex.charset import Alphabet, CharSet
from tokkit.text.regex.syntax import (
    AtEnd,
    Chars,
    Choice,
    NextIs,
    NextNot,
    Node,
    Repeat,
    Sequence,
    nullable,
)

MAX_INSTRUCTIONS = 200_000

Threads = tuple[int, ...]


class Op(IntEnum):
    """What an instruction does."""

    CHAR = 0  # consume a symbol of the set, go to the next instruction
    TEST = 1  # go on if the next symbol is of the set; consume nothing
    FORK = 2  # try each target in order
    MATCH = 3


@dataclass(frozen=True)
class Instruction:
    """One step; `symbols` for CHAR and TEST, `targets` for FORK."""

    op: Op
    symbols: frozenset[int] = frozenset()
    targets: tuple[int, ...] = ()


class Program:
    """A compiled pattern over the symbols of an alphabet; threads start at instruction 0."""

    def __init__(self, node: Node, alphabet: Alphabet, *, pattern: str) -> None:
        """Compile `node`; `pattern` is its text, for messages.

        Raises:
            UnsupportedError: the pattern can match the empty text or is too large.
        """
        if nullable(node):
            raise UnsupportedError(
                f"the pretokenizer pattern {pattern[:200]!r} can match the empty text; "
                "use one in which every alternative consumes a character"
            )
        self._alphabet = alphabet
        self._pattern = pattern
        self.code: list[Instruction] = []
        self._emit_node(node)
        self._emit(Instruction(Op.MATCH))
        self._memo: dict[tuple[Threads, int], tuple[Threads, bool]] = {}

    start: Threads = (0,)

    def step(self, threads: Threads, symbol: int) -> tuple[Threads, bool]:
        """Advance an ordered list of threads over `symbol` (which may be the end of the text).

        Returns:
            The threads that consumed the symbol and outrank the match, if there is one; and
            whether a match ends *before* the symbol. Threads below that match are cut.
        """
        key = (threads, symbol)
        known = self._memo.get(key)
        if known is None:
            known = self._memo[key] = self._step(threads, symbol)
        return known

    def _step(self, threads: Threads, symbol: int) -> tuple[Threads, bool]:
        survivors: dict[int, None] = {}
        seen: set[int] = set()
        stack = list(reversed(threads))
        while stack:
            position = stack.pop()
            if position in seen:
                continue
            seen.add(position)
            instruction = self.code[position]
            if instruction.op == Op.MATCH:
                return tuple(survivors), True
            if instruction.op == Op.FORK:
                stack.extend(reversed(instruction.targets))
            elif symbol in instruction.symbols:
                if instruction.op == Op.CHAR:
                    survivors[position + 1] = None
                else:
                    stack.append(position + 1)
        return tuple(survivors), False

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
                self._emit_choice(alternatives)
            case Repeat(part, low, high, lazy):
                self._emit_repeat(part, low, high, lazy=lazy)

    def _emit_choice(self, alternatives: tuple[Node, ...]) -> None:
        fork = self._emit(Instruction(Op.FORK))
        starts: list[int] = []
        exits: list[int] = []
        for alternative in alternatives:
            starts.append(len(self.code))
            self._emit_node(alternative)
            exits.append(self._emit(Instruction(Op.FORK)))
        self.code[fork] = Instruction(Op.FORK, targets=tuple(starts))
        for position in exits:
            self.code[position] = Instruction(Op.FORK, targets=(len(self.code),))

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


def charsets_of(node: Node) -> list[CharSet]:
    """Every set that `node` tests characters against; an alphabet for it must respect them all."""
    match node:
        case Chars(charset) | NextIs(charset) | NextNot(charset):
            return [charset]
        case Sequence(parts) | Choice(parts):
            return [charset for part in parts for charset in charsets_of(part)]
        case Repeat(part):
            return charsets_of(part)
        case _:
            return []
