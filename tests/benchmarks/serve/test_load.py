"""The load that looks for leaks asks in every dialect, and finds what is held on to."""

from __future__ import annotations

import os
import threading
from collections import Counter

import pytest

pytest.importorskip("uvicorn", reason="pip install '.[serve]'")

from benchmarks.serve.load import POOL, becomes_idle, faults
from benchmarks.serve.mixed_requests import MixedLoad
from benchmarks.serve.vitals import Vitals, settled, vitals_of
from tests.serve.running_server import running, toy_lm
from tokkit.serve.options import ServeOptions


@pytest.mark.slow
def test_a_mixed_load_leaves_nothing_behind() -> None:
    limits = ServeOptions(port=0, max_running=4, max_queue=3, cache_tokens=2048)
    held: list[Vitals] = []
    answered: Counter[tuple[str, int]] = Counter()
    with running({"toy": toy_lm()}, limits) as client:
        for number in range(3):
            load = MixedLoad(client.url, number, 8)
            load.run(3, 6)
            assert becomes_idle(client.url)
            now = vitals_of(os.getpid())
            held.append(
                settled(os.getpid(), held[0].threads + POOL, held[0].files) if held else now
            )
            answered += load.answered
        assert faults(client.url, held, spare_mb=1000) == []
        assert client.becomes_idle()
    assert all(0 <= status < 500 for _, status in answered)
    assert {status for kind, status in answered if kind == "wrong"} <= {400, 404}
    assert len({kind for kind, status in answered if status == 200}) >= 3


def test_what_is_held_on_to_is_told() -> None:
    stop = threading.Event()
    with running({"toy": toy_lm()}) as client:
        before = vitals_of(os.getpid())
        threads = [threading.Thread(target=stop.wait) for _ in range(POOL + 1)]
        for thread in threads:
            thread.start()
        after = settled(os.getpid(), before.threads, before.files, seconds=0.1)
        stop.set()
        for thread in threads:
            thread.join()
        assert after.threads == before.threads + POOL + 1
        grown = after._replace(mb=after.mb + 500)
        found = faults(client.url, [before, after, after, grown], spare_mb=64)
    assert len(found) == 2
    assert found[0].startswith("threads") and "500 MB" in found[1]
