"""What several dialects share on the way out: `whole_texts`, `note`."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.serve.endpoint import Service
from tokkit.serve.generation.drawing import Drawing, drawing
from tokkit.serve.generation.generation import Generation


async def whole_texts(service: Service, generations: Sequence[Generation]) -> Drawing:
    """Texts, once all of them have ended.

    Raises:
        TokkitError: one of them cannot go on.
    """
    async with drawing(generations, service.engine, service.options) as texts:
        async for _ in texts.pieces():
            pass
    note(service, texts)
    return texts


def note(service: Service, texts: Drawing) -> None:
    """Count texts that have ended, in the metrics."""
    if texts.texts:
        service.metrics.note_text(texts.n_read, texts.n_written, texts.first_after)
