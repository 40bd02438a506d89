"""What a pass costs is learned from passes; proposals rest where they did not pay."""

from __future__ import annotations

import pytest

from tokkit.bytelm.encodings.pass_costs import PassCosts, Rest


def test_a_line_is_found() -> None:
    costs = PassCosts(row_cost=0.5)
    assert costs.line() == (1.0, 0.5)
    for n_rows in (1, 3, 8, 2, 5) * 20:
        costs.add(n_rows, 0.2 + 0.01 * (n_rows - 1))
    assert costs.line() == pytest.approx((0.2, 0.01), rel=0.2)


def test_one_slow_pass_does_not_count_for_much() -> None:
    costs = PassCosts(row_cost=0.1)
    for _ in range(30):
        costs.add(1, 0.2)
    costs.add(1, 1000.0)
    assert costs.line()[0] < 0.25


def test_rests_double_to_a_limit_and_end_when_it_pays() -> None:
    rest = Rest()
    lengths: list[int] = []
    for _ in range(8):
        rest.judge(spent=2.0, saved=1.0)
        lengths.append(rest.left)
        while rest.left:
            rest.pass_symbol()
    assert lengths == [64, 128, 256, 512, 1024, 1024, 1024, 1024]
    rest.pass_symbol()
    assert rest.left == 0
    rest.judge(spent=1.0, saved=2.0)
    rest.judge(spent=2.0, saved=1.0)
    assert rest.left == 64


def test_what_does_not_pay_beside_other_texts_is_tried_alone() -> None:
    costs = PassCosts(row_cost=0.1)
    alone, beside = costs.rest((1, False)), costs.rest((1, True))
    beside.judge(spent=2.0, saved=1.0)
    assert costs.rest((1, True)).left and not costs.rest((1, False)).left
    costs.fail()
    assert alone.left and beside.left
