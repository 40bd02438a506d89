r"""Which assertions of a pattern hold at each place of a text, by deterministic machines.

Whether `(?=...)`, `(?<=...)` or `\b` holds at a place depends on the text and the place, not on the
match that asks. So a machine that reads the text once can mark every place: forwards for what lies
behind, backwards for what lies ahead. An assertion inside another is marked first, and the other
reads its mark with the symbol. All of it is exact for any regular assertion, of any length.

Known texts are marked by tables (`tokkit.kernels.texts.marks`). The automaton that reads byte by
byte (`boundaries`) cannot look ahead. But a backward machine, run in the other direction, is a
forward one that *guesses* its state at each place and verifies the guess by the next; just one
guess survives any whole text. A `Context` holds the states of all machines at one place, known and
guessed.

Example: `a(?=bc)`. The backward machine's state at a place says which rests of `bc` follow: `bc`
itself is the mark. Reading "ab", the guess "`bc` follows" before `b` leaves only "`c` follows"
after it, which dies if the text ends or goes on with another character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.text.regex.on_demand import memoized, tabulate
from tokkit.text.regex.program import Op, Program, Tracked

MAX_MACHINE_STATES = 2_000

Context = tuple[int, ...]
"""Of each machine its state: of a forward one before, of a backward one after the rest is read."""


@dataclass(frozen=True, eq=False)
class Machine:
    """Tables of one assertion over symbols with the marks of the assertions before it.

    Attributes:
        backward: it reads from the end; the state before the end symbol is 0, as is that of a
            forward machine before the first symbol.
        next_state: int32 (states, marked symbols).
        marks: int32 (states, marked symbols): the marks of the place before the symbol.
    """

    backward: bool
    next_state: NDArray[np.int32]
    marks: NDArray[np.int32]


class Lookaround:
    """The machines of a program.

    Attributes:
        machines: in the order in which they mark.
        marks: int64, sorted: combinations of marks that places can have.
    """

    def __init__(self, program: Program) -> None:
        """Build the machines.

        Raises:
            UnsupportedError: one of them has more than `MAX_MACHINE_STATES` states.
        """
        self._n_symbols = program.n_symbols
        self.machines: list[Machine] = []
        marks = np.zeros(1, dtype=np.int64)
        for tracked in program.tracked:
            machine = _build(tracked, marks, program.n_symbols)
            self.machines.append(machine)
            columns = _columns(marks, program.n_symbols)
            old = np.repeat(marks, program.n_symbols)
            marks = np.unique(old | machine.marks[:, columns])
        self.marks = marks

    @property
    def columns(self) -> NDArray[np.int64]:
        """The symbols with marks that texts can hold."""
        return _columns(self.marks, self._n_symbols)

    @memoized
    def step(self, context: Context | None, symbol: int) -> Sequence[tuple[int, Context]]:
        """Read a symbol, at the start of a text if `context` is None.

        Returns:
            The symbol with its marks, and the context after it: one for each guess.
        """
        guesses: list[tuple[int, Context]] = [(0, ())]
        for k, machine in enumerate(self.machines):
            extended: list[tuple[int, Context]] = []
            for marks, after in guesses:
                column = symbol + self._n_symbols * marks
                if machine.backward:
                    before = machine.next_state[:, column]
                    for state in range(len(before)):
                        if context is None or before[state] == context[k]:
                            found = marks | int(machine.marks[state, column])
                            extended.append((found, (*after, state)))
                else:
                    state = 0 if context is None else context[k]
                    found = marks | int(machine.marks[state, column])
                    extended.append((found, (*after, int(machine.next_state[state, column]))))
            guesses = extended
        return [(symbol + self._n_symbols * marks, after) for marks, after in guesses]

    def end(self, context: Context) -> int | None:
        """The end of the text with its marks; None if it contradicts a guess."""
        marks, end = 0, self._n_symbols - 1
        for machine, state in zip(self.machines, context, strict=True):
            column = end + self._n_symbols * marks
            before = 0 if machine.backward else state
            if machine.backward and machine.next_state[0, column] != state:
                return None
            marks |= int(machine.marks[before, column])
        return end + self._n_symbols * marks


def _columns(marks: NDArray[np.int64], n_symbols: int) -> NDArray[np.int64]:
    return (marks[:, None] * n_symbols + np.arange(n_symbols)).ravel()


def _build(tracked: Tracked, marks: NDArray[np.int64], n_symbols: int) -> Machine:
    """Explore the sets of positions that the machine of an assertion can be in."""
    advance = _Behind(tracked) if tracked.behind else _Ahead(tracked)
    columns = _columns(marks, n_symbols).tolist()
    what = f"an assertion of a pretokenizer pattern ({len(tracked.program.code)} instructions)"
    tables = tabulate(advance.start, columns, advance, limit=MAX_MACHINE_STATES, what=what)
    return Machine(not tracked.behind, *tables)


class _Behind:
    """Positions where threads can be that began anywhere before; a match now is the mark."""

    start = frozenset({0})

    def __init__(self, tracked: Tracked) -> None:
        self._program = tracked.program
        self._mark = 1 << tracked.bits[0]

    def __call__(self, positions: frozenset[int], symbol: int) -> tuple[frozenset[int], int]:
        following = set(self.start)
        matched = False
        for position in positions:
            found, ends = self._program.reach(position, symbol)
            following |= found
            matched |= ends
        return frozenset(following), self._mark if matched else 0


class _Ahead:
    """Positions from which the rest of the text, read from its end, has a match."""

    start = frozenset[int]()

    def __init__(self, tracked: Tracked) -> None:
        self._program = tracked.program
        self._bits = tracked.bits
        code = tracked.program.code
        after = {position + 1 for position, step in enumerate(code) if step.op == Op.CHAR}
        self._watched = sorted(after | tracked.bits.keys())

    def __call__(self, positions: frozenset[int], symbol: int) -> tuple[frozenset[int], int]:
        before: set[int] = set()
        for position in self._watched:
            found, ends = self._program.reach(position, symbol)
            if ends or not positions.isdisjoint(found):
                before.add(position)
        marks = sum(1 << bit for position, bit in self._bits.items() if position in before)
        return frozenset(before), marks
