"""One server for the tests of this folder that need no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serve.running_server import Client, endless_lm, plain_lm, running, toy_lm
from tokkit.bytelm.ensemble import ByteEnsemble


@pytest.fixture(scope="package")
def client() -> Iterator[Client]:
    """A model that fills gaps (`toy`), one that does not (`plain`), both (`both`), `endless`."""
    toy, plain = toy_lm(), plain_lm()
    both = ByteEnsemble([toy, plain])
    with running({"toy": toy, "plain": plain, "both": both, "endless": endless_lm()}) as server:
        yield server
