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
from tokkit.bytelm.token_models.protocol import open_session
from tokkit.serve.searching import posterior_fill
from tokkit.serve.searching.stepped import PIECE, PausingSession
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


@pytest.mark.parametrize("budget", [8, posterior_fill.SHORT_BUDGET])
def test_a_budget_of_a_short_search_is_spent_once_however_late_it_is(
    budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets: list[int] = []

    def watched(*given: Any, budget: int, **options: Any) -> bytes:
        budgets.append(budget)
        return infill(*given, budget=budget, **options)

    monkeypatch.setattr(posterior_fill, "infill", watched)
    served = Models({"plain": plain_lm()}, 1 << 12).first
    request = Request("the c", suffix=" sat", max_bytes=64, seed=1, temperature=0.8)
    late = ended(posterior_fill.fill_by_posterior(served, request, 64, budget, until=0.0))
    assert budgets == [budget]
    free = ended(posterior_fill.fill_by_posterior(served, request, 64, budget))
    assert (late.text, late.finish) == (free.text, free.finish) != (b"", "length")


def test_a_long_context_is_read_a_piece_at_a_time() -> None:
    lm = plain_lm().token_lm
    sizes, pauses = list[int](), list[int]()
    session = PausingSession(lm, lambda: pauses.append(len(sizes)))
    whole = lm.next_token_logprobs

    def watched(contexts: Any) -> Any:
        sizes.append(max(map(len, contexts)))
        return whole(contexts)

    lm.next_token_logprobs = watched  # pyright: ignore[reportAttributeAccessIssue]
    ids = [byte % 200 for byte in range(3 * PIECE + 7)]
    node = session.path(session.root, ids)[-1]
    row = session.logprobs([node])
    expected = open_session(plain_lm().token_lm)
    assert (row == expected.logprobs([expected.path(expected.root, ids)[-1]])).all()
    assert sizes == [PIECE, 2 * PIECE, 3 * PIECE, len(ids)]
    assert pauses == [0, 1, 2, 3]
    session.logprobs([session.extend(node, 5)])
    assert len(sizes) == 5
