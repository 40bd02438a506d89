"""A server that has worked gives freed memory back, once, and then sleeps."""

from __future__ import annotations

from threading import Semaphore

import pytest

from tests.serve.running_server import running, toy_lm
from tokkit.serve import engine


def test_it_gives_memory_back_after_work_and_not_while_nobody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = Semaphore(0)
    monkeypatch.setattr(engine, "TIDY_SECONDS", 0.05)
    monkeypatch.setattr(engine, "give_back_freed_memory", given.release)
    with running({"toy": toy_lm()}) as client:
        while given.acquire(timeout=1):  # of the first bytes, which warm it up
            pass
        client.ask("/v1/completions", prompt="a", max_tokens=2)
        assert given.acquire(timeout=30)
        while given.acquire(timeout=1):  # ends only if it sleeps
            pass
