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

from tokkit.kernels.texts.scan import OF_CLASSES, ROW_BITS
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


def moves_of(steps: NDArray[np.int32], ascii_steps: NDArray[np.int32]) -> NDArray[np.int32]:
    """The moves of `tokkit.kernels.texts.scan`.

    Args:
        steps: int32 (states, classes), what the machine does on a character.
        ascii_steps: int32 (states, 128), the same by byte.

    Returns:
        int32 (states << ROW_BITS,); -1 where there is no move.
    """
    moves = np.full((len(steps), 1 << ROW_BITS), -1, dtype=np.int32)
    for columns, first in ((ascii_steps, 0), (steps, OF_CLASSES)):
        begun = columns[0]
        anew = (columns < 0) & (columns & 1 == 1) & (begun >= 0)
        after = np.where(columns >= 0, columns >> 1, begun >> 1) << ROW_BITS | anew
        moves[:, first : first + columns.shape[1]] = np.where((columns >= 0) | anew, after, -1)
    return moves.reshape(-1)
