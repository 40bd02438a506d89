"""What do the three semantics say of the same text, what do they cost, how tight is the bound?

First, for an English and a Python text: bits per byte of the canonical tokenization, of the text
summed over canonical encodings (masked and renormalised), and summed over all encodings by beams of
several widths; with what the beam left out, and the model calls and evaluated tokens per byte.
With all encodings, the exact figure lies between `at least` and `bits/byte`.

Then: the certified bound on the total variation of the next-byte distribution, by length of the
prefix and width of the beam.

    python -m benchmarks.bytelm.semantics [--model NAME] [--bytes N] [--beams N …] [--lengths N …]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tokkit
from benchmarks.shared.machine import describe_run
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState

TEXTS = {
    "English": (
        b"The committee met on Tuesday to discuss the harbour. Nobody had expected the old bridge "
        b"to be closed for eleven months, and the shopkeepers' letters filled three boxes. \"We "
        b"can't go on like this,\" said one of them; another asked what 1,250 visitors a day would "
        b"mean in August. In the end they agreed to wait: the engineers' report was due on 14 March"
    ),
    "Python": (
        b'def merge(left, right):\n    """Merge two sorted lists."""\n    result = []\n'
        b"    i = j = 0\n    while i < len(left) and j < len(right):\n"
        b"        if left[i] <= right[j]:\n            result.append(left[i])\n            i += 1\n"
        b"        else:\n            result.append(right[j])\n            j += 1\n\n"
        b"    # one of them is empty\n    return result + left[i:] + right[j:]\n"
    ),
}


@dataclass(frozen=True)
class Line:
    """One semantics on one text.

    Attributes:
        semantics: which.
        bits: per byte.
        least_bits: per byte, a lower bound; None where the figure is exact.
        dropped: shares of the mass left out, summed over the bytes.
        calls: of the model, per byte.
        tokens: evaluated, per byte.
    """

    semantics: str
    bits: float
    least_bits: float | None
    dropped: float
    calls: float
    tokens: float


def open_all(lm: ByteLM, beam: int, tolerance: float = 0.0) -> AllEncodingsState:
    """A state of the same token model, summed over all encodings."""
    state = ByteLM(lm.token_lm, encodings="all", beam=beam, tolerance=tolerance).open()
    assert isinstance(state, AllEncodingsState)
    return state


def compare(lm: ByteLM, text: bytes, settings: Sequence[tuple[int, float]]) -> list[Line]:
    """All semantics of one text."""
    size = len(text)

    def bits(logprob: float) -> float:
        return -logprob / size / math.log(2)

    n_tokens = len(lm.token_lm.tokenizer.encode(text))
    lines = [
        Line("tokenization", bits(lm.token_logprob(text)), None, 0.0, 1 / size, n_tokens / size)
    ]
    canonical = lm.open()
    canonical.score(text)
    lines.append(_line("canonical", canonical, bits(canonical.prefix_logprob), None, size))
    for beam, tolerance in settings:
        state = open_all(lm, beam, tolerance)
        state.score(text)
        low, high = state.logprob_bounds
        name = f"all, beam {beam}" + (f", tolerance {tolerance:g}" if tolerance else "")
        lines.append(_line(name, state, bits(low), bits(high), size))
    return lines


def _line(name: str, state: Any, bits: float, least: float | None, size: int) -> Line:
    session = state.session
    calls, tokens = session.n_forward_passes / size, session.n_evaluated / size
    return Line(name, bits, least, state.dropped_mass, calls, tokens)


def print_lines(title: str, lines: Sequence[Line]) -> None:
    """One table, in Markdown."""
    print(f"\n| {title} | bits/byte | at least | left out | calls/byte | tokens/byte |")
    print("|---|---|---|---|---|---|", flush=True)
    for line in lines:
        least = "" if line.least_bits is None else f"{max(line.least_bits, 0.0):.4f}"
        dropped = f"{line.dropped:.1e}" if line.dropped else "0"
        cells = f"{line.bits:.6f} | {least} | {dropped} | {line.calls:.3f} | {line.tokens:.2f}"
        print(f"| {line.semantics} | {cells} |", flush=True)


def print_bounds(lm: ByteLM, text: bytes, lengths: Sequence[int], beams: Sequence[int]) -> None:
    """Bound of the next byte by length of the prefix."""
    print(f"\n| prefix | {' | '.join(f'beam {beam}' for beam in beams)} |")
    print("|---|" + "---|" * len(beams))
    columns: list[list[float]] = []
    for beam in beams:
        state, done = open_all(lm, beam), 0
        column: list[float] = []
        for length in lengths:
            state.push(text[done:length])
            done = length
            column.append(state.next_byte_bound)
        columns.append(column)
    for k, length in enumerate(lengths):
        print(f"| {length} bytes | {' | '.join(f'{column[k]:.1e}' for column in columns)} |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--bytes", type=int, default=200)
    parser.add_argument("--beams", type=int, nargs="+", default=[4, 8, 32])
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--lengths", type=int, nargs="+", default=[2, 4, 8, 16, 24])
    parser.add_argument("--wide-beams", type=int, nargs="+", default=[8, 64, 256])
    arguments = parser.parse_args()
    describe_run("numpy", "torch", "transformers")
    lm = tokkit.load_lm(arguments.model, threads=1)
    settings = [(8, arguments.tolerance), *((beam, 0.0) for beam in arguments.beams)]
    for title, text in TEXTS.items():
        part = text[: arguments.bytes]
        print_lines(f"{title}, {len(part)} bytes", compare(lm, part, settings))
    print_bounds(lm, TEXTS["English"], arguments.lengths, arguments.wide_beams)


if __name__ == "__main__":
    main()
