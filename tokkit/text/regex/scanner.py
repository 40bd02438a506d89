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

from tokkit.text.regex.on_demand import tabulate
from tokkit.text.regex.program import Program, Threads

MAX_STATES = 20_000


@dataclass(frozen=True, eq=False)
class Scanner:
    """Tables of the machine; state 0 starts a match.

    Attributes:
        next_state: int32 (states, symbols), `NOWHERE` where no thread survives.
        match_before: int32 (states, symbols), 0 or 1.
    """

    next_state: NDArray[np.int32]
    match_before: NDArray[np.int32]


def build_scanner(program: Program, columns: NDArray[np.int64] | None = None) -> Scanner:
    """Explore every list of threads that `program` can reach.

    Args:
        program: the compiled pattern.
        columns: the symbols with marks that texts can hold, if the pattern has assertions; all
            others get `NOWHERE`. By default the classes of the alphabet and the end of the text.

    Raises:
        UnsupportedError: the machine has more than `MAX_STATES` states.
    """
    symbols = range(program.n_symbols) if columns is None else columns.tolist()

    def step(threads: Threads, symbol: int) -> tuple[Threads | None, int]:
        survivors, matched = program.step(threads, symbol)
        return survivors or None, matched

    what = "a pretokenizer pattern"
    return Scanner(*tabulate(Program.start, symbols, step, limit=MAX_STATES, what=what))
