"""Work that is no drawing of texts, done by the engine a piece at a time: `run_errand`."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

from tokkit.serve.endpoint import Service
from tokkit.serve.served import Served
from tokkit.serve.tickets import Ears, Errand

T = TypeVar("T")


async def run_errand(service: Service, served: Served, work: Generator[None, None, T]) -> T:
    """What work returns, once the engine has done it.

    Args:
        service: of the server.
        served: the model that it is about.
        work: yields after each piece.

    Raises:
        RefusalError: too many wait already, or it took too long.
        Exception: what the work raises.
    """
    ears = Ears()
    errand = Errand(
        model=served.name,
        ears=ears,
        deadline=time.monotonic() + service.options.max_seconds,
        work=work,
    )
    service.engine.submit(errand)
    try:
        _, news = await ears.hear()
    finally:
        service.engine.leave(errand)
    if news.error is not None:
        raise news.error
    return news.value
