"""LZW over token ids, as zip2zip compresses a prompt: the baseline of merging.

Each sequence has a codebook of its own, which both sides build as they read, so that a code may
already occur later in the same sequence: the longest known run of ids becomes one id, and that run
with the next id becomes known ("zip2zip", Geng et al., NeurIPS 2025, section 3). It needs no second
pass and no batch; it knows a string only once it has stood there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

MAX_IDS = 4
"""Of a run that one code stands for."""
MAX_CODES = 2048
"""In the codebook of one sequence."""


def compress(
    ids: Sequence[int],
    n_known: int,
    *,
    apart: Collection[int] = (),
    max_ids: int = MAX_IDS,
    max_codes: int = MAX_CODES,
) -> list[int]:
    """The ids of a sequence with codes from `n_known` on; those of `apart` stay alone."""
    codes: dict[tuple[int, ...], int] = {}
    out: list[int] = []
    run: tuple[int, ...] = ()

    def flush(run: tuple[int, ...]) -> None:
        if run:
            out.append(codes.get(run, run[0]))

    for token in ids:
        if token in apart:
            flush(run)
            out.append(token)
            run = ()
            continue
        longer = (*run, token)
        if run and longer not in codes:
            if len(codes) < max_codes:
                codes[longer] = n_known + len(codes)
            flush(run)
            longer = (token,)
        run = longer
        if len(run) == max_ids:
            flush(run)
            run = ()
    flush(run)
    return out


def expand(
    compressed: Sequence[int],
    n_known: int,
    *,
    apart: Collection[int] = (),
    max_ids: int = MAX_IDS,
    max_codes: int = MAX_CODES,
) -> list[int]:
    """What `compress` was given, with the same settings, from its output alone."""
    known: list[tuple[int, ...]] = []
    codes: set[tuple[int, ...]] = set()
    out: list[int] = []
    run: tuple[int, ...] = ()
    for code in compressed:
        if code in apart:
            out.append(code)
            run = ()
            continue
        if code < n_known:
            text: tuple[int, ...] = (code,)
        elif code - n_known < len(known):
            text = known[code - n_known]
        else:
            text = run + run[:1]  # the code that this very id completes
        out += text
        for token in text:
            longer = (*run, token)
            if run and longer not in codes:
                if len(codes) < max_codes:
                    codes.add(longer)
                    known.append(longer)
                longer = (token,)
            run = longer
            if len(run) == max_ids:
                run = ()
    return out
