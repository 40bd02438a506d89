"""Laws of `Sandbox`: answers come through, and whatever goes wrong becomes a typed error."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.audit.reference.sandbox import HAS_CPU_LIMIT, Sandbox
from tokkit.errors import ArgumentError, SandboxError, TokkitError

MODULE = "tests.audit.reference.sandbox_handlers"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(MODULE, seconds=30, memory_bytes=1 << 30) as running:
        yield running


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_values_come_back_as_they_were_sent(sandbox, value):
    assert sandbox.call("echo", value=value) == value


def test_a_lone_surrogate_comes_back_as_it_was_sent(sandbox):
    assert sandbox.call("echo", value="a\ud800b") == "a\ud800b"


def test_what_a_library_prints_is_no_answer(sandbox):
    assert sandbox.call("chatter") == "the answer"


def test_an_error_in_it_is_told_and_the_process_lives_on(sandbox):
    before = sandbox.call("process_id")
    with pytest.raises(SandboxError, match="ValueError: no such thing") as caught:
        sandbox.call("refuse")
    assert caught.value.reason == "refused"
    assert isinstance(caught.value, TokkitError)
    assert sandbox.call("process_id") == before


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("panic", {}, "panicked"),
        ("abort", {}, "died"),
        ("leave", {}, "died"),
        ("eat", {"n_bytes": 8 << 30}, "out of memory"),
    ],
)
def test_what_kills_the_process_is_told_and_the_next_call_has_another(
    sandbox, name, arguments, reason
):
    before = sandbox.call("process_id")
    with pytest.raises(SandboxError) as caught:
        sandbox.call(name, **arguments)
    assert caught.value.reason == reason
    assert sandbox.call("process_id") != before


@pytest.mark.parametrize(("name", "arguments"), [("sleep", {"duration": 60}), ("spin", {})])
def test_a_call_is_stopped_at_its_limit(sandbox, name, arguments):
    sandbox.call("echo", value=1)
    start = time.monotonic()
    with pytest.raises(SandboxError, match="stopped") as caught:
        sandbox.call(name, seconds=0.5, **arguments)
    assert caught.value.reason == "timed out"
    assert time.monotonic() - start < 20


@pytest.mark.skipif(not HAS_CPU_LIMIT, reason="the system has no limit of CPU time")
def test_a_limit_of_cpu_time_does_not_count_waiting(sandbox):
    sandbox.call("sleep", seconds=60, cpu_seconds=0.2, duration=2.5)
    with pytest.raises(SandboxError, match="CPU time") as caught:
        sandbox.call("spin", seconds=60, cpu_seconds=0.2)
    assert caught.value.reason == "timed out"


def test_closing_kills_what_it_started_too():
    with Sandbox(MODULE) as running:
        child = running.call("sleep_in_a_child")
        os.kill(child, 0)
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if _is_zombie(child):
            return
        time.sleep(0.05)
    pytest.fail("the grandchild lives on")


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:  # noqa: PTH123
            return stream.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_callers_environment_does_not_reach_it(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with Sandbox(MODULE) as running:
        assert "SECRET_TOKEN" not in running.call("environment")


def test_limits_must_be_positive():
    for limits in ({"seconds": 0}, {"memory_bytes": -1}):
        with pytest.raises(ArgumentError, match="positive"):
            Sandbox(MODULE, **limits)


def test_a_module_that_is_missing_is_a_typed_error():
    with Sandbox("tests.no_such_module") as running, pytest.raises(SandboxError) as caught:
        running.call("echo", value=1)
    assert caught.value.reason == "died"
