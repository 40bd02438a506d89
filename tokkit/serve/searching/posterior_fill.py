"""Gaps filled without a format, by the posterior over middles: `fill_by_posterior`."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.stopping import StopMatcher
from tokkit.serve.searching.stepped import in_steps
from tokkit.serve.served import Served

MAX_MIDDLE_BYTES = 256
"""Of what is searched for; the search favours short middles in any case."""


def fill_by_posterior(
    served: Served, request: Request, max_tokens: int, budget: int
) -> Generator[None, None, Handle]:
    """A middle as `infill(method="posterior")` draws it, a pass of the model at a time.

    Args:
        served: any model.
        request: with a suffix; of the sampling options its temperature is heeded. The middle ends
            before the first of its stop strings, which say nothing of what is searched for.
        max_tokens: of the middle.
        budget: passes that the search may take.

    Raises:
        TokkitError: the model gives no middle any mass.
    """

    def work(model: ByteModel) -> bytes:
        return infill(
            model,
            request.text,
            request.suffix,
            max_bytes=min(request.max_bytes, MAX_MIDDLE_BYTES),
            method="posterior",
            budget=budget,
            seed=request.seed,
            temperature=request.temperature,
        )

    text = (yield from in_steps(served.model, work)).decode(errors="ignore").encode()
    text, stopped_by = _until_stop(text, request.stops)
    ends = served.ends(text)
    handle = Handle(request, max_tokens=max_tokens)
    cut = ends[:max_tokens]
    if len(cut) < len(ends):
        handle.finish = "length"
    else:
        handle.finish = "end" if stopped_by is None else "stop"
        handle.stopped_by = stopped_by
    handle.text = text[: cut[-1]] if cut else b""
    handle.token_ends = cut
    return handle


def _until_stop(text: bytes, stops: Sequence[bytes]) -> tuple[bytes, bytes | None]:
    """A text before the stop string that ends first, and that string."""
    matcher, kept = StopMatcher(stops), bytearray()
    for symbol in text:
        kept += b"".join(matcher.feed(symbol))
        if matcher.stopped:
            break
    kept += b"".join(matcher.flush())
    return bytes(kept), matcher.stopped_by
