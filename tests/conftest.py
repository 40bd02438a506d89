"""Fixtures of all tests."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tokkit.files.packaged import PACKAGED

# How long a machine takes is no law: a busy one must not fail a test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What passed once passes again: for CI, which judges a change and looks for nothing new.
settings.register_profile("repeatable", settings.get_profile("untimed"), derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "untimed"))


@pytest.fixture
def sigint_raises() -> Generator[None]:
    """SIGINT raises KeyboardInterrupt, as in a terminal; in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def no_packaged_models(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh clone, but for tests that are marked `real`."""
    if request.node.get_closest_marker("real") is None:
        for model in PACKAGED.values():
            for module, _ in model.parts:
                monkeypatch.setitem(sys.modules, module, None)
