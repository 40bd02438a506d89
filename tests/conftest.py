"""Fixtures of all tests."""

from __future__ import annotations

import signal
from collections.abc import Generator

import pytest


@pytest.fixture
def sigint_raises() -> Generator[None]:
    """SIGINT raises KeyboardInterrupt, as in a terminal; in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
