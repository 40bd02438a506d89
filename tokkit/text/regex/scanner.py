"""Cut text into matches and gaps with a compiled pattern: the deterministic form of a `Program`.

A list of prioritised threads is a state; stepping it over each symbol of the alphabet gives a
Mealy machine: `next_state[state, symbol]`, and `match_before[state, symbol]`, which says that a
match ends just before the symbol. The last such place before all threads die is the end of the
match (later ones outrank earlier ones, because lower-ranked threads were cut).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import UnsupportedError
from tokkit.text.regex.program import Program, Threads

MAX_STATES = 20_000
NO_STATE = -1


@dataclass(frozen=True, eq=False)
class Scanner:
    """Tables of the machine; state 0 starts a match.

    Attributes:
        next_state: int32 (states, symbols), `NO_STATE` where no thread survives.
        match_before: bool (states, symbols).
    """

    next_state: NDArray[np.int32]
    match_before: NDArray[np.bool_]


def build_scanner(program: Program, columns: NDArray[np.int64] | None = None) -> Scanner:
    """Explore every list of threads that `program` can reach.

    Args:
        program: the compiled pattern.
        columns: the symbols with marks that texts can hold, if the pattern has assertions; all
            others get `NO_STATE`. By default the classes of the alphabet and the end of the text.

    Raises:
        UnsupportedError: the machine has more than `MAX_STATES` states.
    """
    index: dict[Threads, int] = {Program.start: 0}
    queue: list[Threads] = [Program.start]
    symbols = range(program.n_symbols) if columns is None else columns.tolist()
    next_rows: list[NDArray[np.int32]] = []
    match_rows: list[NDArray[np.bool_]] = []
    for threads in queue:  # the queue grows while it is walked
        next_row = np.full(symbols[-1] + 1, NO_STATE, dtype=np.int32)
        match_row = np.zeros(symbols[-1] + 1, dtype=np.bool_)
        for symbol in symbols:
            survivors, matched = program.step(threads, symbol)
            if survivors and survivors not in index:
                index[survivors] = len(queue)
                queue.append(survivors)
            next_row[symbol] = index[survivors] if survivors else NO_STATE
            match_row[symbol] = matched
        next_rows.append(next_row)
        match_rows.append(match_row)
        if len(queue) > MAX_STATES:
            raise UnsupportedError(
                f"a pretokenizer pattern needs more than {MAX_STATES} automaton states; "
                "simplify its repeats"
            )
    return Scanner(np.array(next_rows), np.array(match_rows))
