"""Products that give a row the same bits whatever rows stand beside it: `agreeing_sizes`.

A library of matrix products picks a loop by the number of rows, and another loop may sum in
another order: with oneDNN on processors with AVX-512 one row of a layer of 576 x 1536 comes out
other than two or more do. Which numbers of rows agree depends on the processor, the library, the
shape and the number of threads, so it is measured: products then run in blocks of sizes that were
all found to agree, and nothing else ever runs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

SIZES = (128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Numbers of rows that are tried. A rest is padded to the next that agrees."""

_LARGE = 1 << 24
"""Of layers of more weights at most `_ROWS_OF_LARGE` rows are tried at first: finding the sizes
takes time in proportion, and many a model never meets more. See `with_most_rows`."""
_ROWS_OF_LARGE = 32
_ENOUGH = 4096
"""So many numbers are compared, where there are so many, before two orders are held equal."""


def agreeing_sizes(
    multiply: Callable[[torch.Tensor], torch.Tensor], n_inputs: int, n_outputs: int
) -> tuple[int, ...]:
    """The numbers of rows for which a product gives equal rows, bit for bit; largest first.

    The largest has to give a row equally at each of its places, and every other has to agree with
    it. One row by itself always agrees with itself, so there is always an answer.

    Args:
        multiply: float32 (rows, n_inputs) to float32 (rows, n_outputs).
        n_inputs: width of a row.
        n_outputs: width of a result.
    """
    most = SIZES[0] if n_inputs * n_outputs <= _LARGE else _ROWS_OF_LARGE
    rows = _random_rows(most, n_inputs)
    for largest in SIZES[SIZES.index(most) :]:
        block = rows[:largest]
        expected = multiply(block)
        if _is_alike_everywhere(multiply, block, expected):
            smaller = SIZES[SIZES.index(largest) + 1 :]
            return (largest, *(n for n in smaller if _agrees(multiply, n, block, expected)))
    return (1,)


def with_most_rows(
    multiply: Callable[[torch.Tensor], torch.Tensor], n_inputs: int, sizes: tuple[int, ...]
) -> tuple[int, ...]:
    """Sizes that were found with few rows, and the largest of all before them where it agrees.

    Args:
        multiply: float32 (rows, n_inputs) to float32 (rows, n_outputs).
        n_inputs: width of a row.
        sizes: from `agreeing_sizes`.
    """
    if sizes[0] == SIZES[0]:
        return sizes
    rows = _random_rows(SIZES[0], n_inputs)
    product = multiply(rows)
    agree = _is_alike_everywhere(multiply, rows, product) and torch.equal(
        product, multiply_in_blocks(multiply, rows, sizes)
    )
    return (SIZES[0], *sizes) if agree else sizes


def _is_alike_everywhere(
    multiply: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor, product: torch.Tensor
) -> bool:
    """Whether the product gives each row the same at the next place."""
    return torch.equal(multiply(rows.roll(1, 0)), product.roll(1, 0))


def _random_rows(n: int, width: int) -> torch.Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(0))


def _agrees(
    multiply: Callable[[torch.Tensor], torch.Tensor],
    n: int,
    rows: torch.Tensor,
    expected: torch.Tensor,
) -> bool:
    """Whether products of `n` rows give the rows that the product of all gives."""
    n_windows = min(len(rows) // n, -(-_ENOUGH // (n * expected.shape[1])))
    return all(
        torch.equal(multiply(rows[start : start + n]), expected[start : start + n])
        for start in range(0, n * n_windows, n)
    )


def multiply_in_blocks(
    multiply: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor, sizes: tuple[int, ...]
) -> torch.Tensor:
    """The product of any number of rows, in blocks of `sizes` only.

    Args:
        multiply: float32 (rows, in) to float32 (rows, out).
        rows: float32 (n, in).
        sizes: from `agreeing_sizes`.

    Returns:
        float32 (n, out).
    """
    blocks: list[torch.Tensor] = []
    while len(rows) > (size := _next_size(len(rows), sizes)):
        blocks.append(multiply(rows[:size]))
        rows = rows[size:]
    blocks.append(_padded_product(multiply, rows, size))
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks)


def _next_size(n: int, sizes: tuple[int, ...]) -> int:
    """How many rows of `n` are multiplied next: more than there are if these had best be padded."""
    below = max((size for size in sizes if size <= n), default=0)
    above = min((size for size in sizes if size >= n), default=0)
    if above and not (above >= 2 * n and 4 * below >= above):
        return above
    return below


def _padded_product(
    multiply: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor, size: int
) -> torch.Tensor:
    """The product of `rows`, continued by zeros to `size`."""
    n = len(rows)
    if size == n:
        return multiply(rows)
    padded = rows.new_zeros(size, rows.shape[1])
    padded[:n] = rows
    return multiply(padded)[:n]
