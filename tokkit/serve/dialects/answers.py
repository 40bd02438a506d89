"""What several dialects share on the way out: `drawn_for`, `whole_texts`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from tokkit.serve.endpoint import Service
from tokkit.serve.generation.drawing import Drawing, drawing
from tokkit.serve.generation.generation import Generation


@asynccontextmanager
async def drawn_for(service: Service, generations: Sequence[Generation]) -> AsyncGenerator[Drawing]:
    """Texts that are drawn while the client is there; the metrics count them also if it leaves."""
    async with drawing(generations, service.engine, service.options) as texts:
        try:
            yield texts
        finally:
            if texts.has_begun:
                service.metrics.note_text(texts.n_read, texts.n_written, texts.first_after)


async def whole_texts(service: Service, generations: Sequence[Generation]) -> Drawing:
    """Texts, once all of them have ended.

    Raises:
        TokkitError: one of them cannot go on.
    """
    async with drawn_for(service, generations) as texts:
        async for _ in texts.pieces():
            pass
    return texts
