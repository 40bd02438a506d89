"""Blocks of agreeing sizes give a row the same bits, whatever processor multiplies."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.bytelm.token_models.transformers.layers import row_blocks
from tokkit.bytelm.token_models.transformers.layers.row_blocks import (
    SIZES,
    agreeing_sizes,
    multiply_in_blocks,
    with_most_rows,
)

N_IN, N_OUT = 20, 6
WEIGHT = torch.randn(N_IN, N_OUT, generator=torch.Generator().manual_seed(3))


def processor(order: Callable[[int, int], int]) -> Callable[[Any], Any]:
    """Sums row k of n in the order that `order(n, k)` numbers."""

    def multiply(rows: Any) -> Any:
        orders = torch.tensor([order(len(rows), k) * 7 for k in range(len(rows))])
        out = torch.zeros(len(rows), N_OUT)
        for i in range(N_IN):
            at = (i - orders) % N_IN
            out += rows.gather(1, at[:, None]) * WEIGHT[at]
        return out

    return multiply


KINDS: dict[str, Callable[[int, int], int]] = {
    "all alike": lambda n, k: 0,
    "one row": lambda n, k: int(n == 1),
    "less than four": lambda n, k: int(n < 4),
    "odd numbers": lambda n, k: n % 2,
    "not a multiple of six": lambda n, k: int(n % 6 > 0),
    "rows left over by six": lambda n, k: int(k >= n - n % 6),
    "more than 32": lambda n, k: int(n > 32 and k >= 32),
    "every number": lambda n, k: n,
    "every place": lambda n, k: k,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_comes_out_alike_in_any_number_of_rows(kind: str) -> None:
    multiply = processor(KINDS[kind])
    sizes = agreeing_sizes(multiply, N_IN, N_OUT)
    rows = torch.randn(SIZES[0] + 20, N_IN, generator=torch.Generator().manual_seed(5))
    whole = multiply_in_blocks(multiply, rows, sizes)
    torch.testing.assert_close(whole, rows @ WEIGHT)
    for n in (*range(10), 31, 32, 33, 95, SIZES[0], SIZES[0] + 1):
        assert torch.equal(multiply_in_blocks(multiply, rows[:n], sizes), whole[:n]), (n, sizes)
        end = len(rows) - n
        assert torch.equal(multiply_in_blocks(multiply, rows[end:], sizes), whole[end:]), (n, sizes)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("all alike", SIZES),
        ("one row", SIZES[:-1]),
        ("less than four", SIZES[:-3]),
        ("odd numbers", tuple(n for n in SIZES if n % 2 == 0)),
        ("more than 32", tuple(n for n in SIZES if n <= 32)),
        ("every number", tuple(n for n in SIZES if n % N_IN == SIZES[0] % N_IN)),
        ("every place", (1,)),
    ],
)
def test_sizes_are_those_that_agree(kind: str, expected: tuple[int, ...]) -> None:
    assert agreeing_sizes(processor(KINDS[kind]), N_IN, N_OUT) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_more_rows_are_taken_at_once_where_they_come_out_alike(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_blocks, "_LARGE", 0)
    multiply = processor(KINDS[kind])
    sizes = agreeing_sizes(multiply, N_IN, N_OUT)
    assert sizes[0] <= 32
    most = with_most_rows(multiply, N_IN, sizes)
    assert most[-len(sizes) :] == sizes
    assert (most[0] == SIZES[0]) == (
        kind not in {"more than 32", "every number", "every place", "rows left over by six"}
    )
    rows = torch.randn(SIZES[0] + 20, N_IN, generator=torch.Generator().manual_seed(5))
    whole = multiply_in_blocks(multiply, rows, most)
    for n in (*range(10), 31, 32, 33, 64, 65, 127, SIZES[0], len(rows)):
        assert torch.equal(multiply_in_blocks(multiply, rows[:n], sizes), whole[:n]), n
        assert torch.equal(multiply_in_blocks(multiply, rows[:n], most), whole[:n]), n


def test_rows_are_padded_only_where_that_is_less_work() -> None:
    ran: list[int] = []

    def watched(rows: Any) -> Any:
        ran.append(len(rows))
        return rows @ WEIGHT

    for n, expected in ((33, [32, 1]), (64, [32, 32]), (70, [128]), (140, [128, 12]), (3, [3])):
        ran.clear()
        multiply_in_blocks(watched, torch.ones(n, N_IN), (128, 32, 12, 3, 1))
        assert ran == expected, n
    ran.clear()
    multiply_in_blocks(watched, torch.ones(40, N_IN), (96, 2))
    assert ran == [96]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=SIZES[0], max_size=SIZES[0]), st.integers(0, 150))
def test_only_sizes_that_were_found_ever_run(orders: list[int], n: int) -> None:
    """With an order of its own for each number of rows."""
    multiply = processor(lambda n, _: orders[n - 1] if n else 0)
    sizes = agreeing_sizes(multiply, N_IN, N_OUT)
    ran: list[int] = []

    def watched(rows: Any) -> Any:
        ran.append(len(rows))
        return multiply(rows)

    multiply_in_blocks(watched, torch.ones(n, N_IN), sizes)
    assert set(ran) <= {*sizes, 0}
    assert {orders[n - 1] for n in sizes} == {orders[sizes[0] - 1]}
