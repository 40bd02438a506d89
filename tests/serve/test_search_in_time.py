"""A search whose time is bounded gives what it has found by then."""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.serve.running_server import plain_lm
from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.drawing.request import Request
from tokkit.serve.searching import posterior_fill
from tokkit.serve.served import Models


def ended(work: Generator[None, None, Handle]) -> Handle:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_what_a_short_search_has_found_is_the_middle_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, budgets = [0.0], list[int]()

    def watched(*given: Any, budget: int, **options: Any) -> bytes:
        budgets.append(budget)
        now[0] = 0.0 if budget == posterior_fill.SHORT_BUDGET else 2.0
        return infill(*given, budget=budget, **options)

    monkeypatch.setattr(posterior_fill, "infill", watched)
    monkeypatch.setattr(posterior_fill, "time", SimpleNamespace(monotonic=lambda: now[0]))
    served = Models({"plain": plain_lm()}, 1 << 12).first
    request = Request("the ", suffix=" sat", max_bytes=64, seed=3, temperature=90)
    handle = ended(posterior_fill.fill_by_posterior(served, request, 64, 150, until=1.0))
    budget = posterior_fill.SHORT_BUDGET
    asked: dict[str, Any] = {"max_bytes": 64, "method": "posterior", "seed": 3, "temperature": 90}
    short = infill(plain_lm(), "the ", " sat", budget=budget, **asked)
    assert budgets == [budget, 150]
    assert handle.text == short.decode(errors="ignore").encode()
    assert handle.finish == "end"
