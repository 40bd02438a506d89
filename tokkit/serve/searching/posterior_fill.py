"""Gaps filled without a format, by the posterior over middles: `fill_by_posterior`."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing

from tokkit.bytelm.batch.task import Handle
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.infilling import infill
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.stopping import StopMatcher
from tokkit.errors import ModelError
from tokkit.serve.searching.stepped import in_steps
from tokkit.serve.served import Served

MAX_MIDDLE_BYTES = 256
"""Of what is searched for; the search favours short middles in any case."""
SHORT_BUDGET = 16
"""Passes of the search that is done first where time is limited."""


def fill_by_posterior(
    served: Served, request: Request, max_tokens: int, budget: int, until: float | None = None
) -> Generator[None, None, Handle]:
    """A middle as `infill(method="posterior")` draws it, a pass of the model at a time.

    Args:
        served: any model.
        request: with a suffix; of the sampling options its temperature is heeded. The middle ends
            before the first of its stop strings, which say nothing of what is searched for.
        max_tokens: of the middle.
        budget: passes that the search may take.
        until: of `time.monotonic`. A short search is done first then, however long it takes, and
            what it has found is the middle where the time is over before the whole search is done;
            an empty one, which has ended for its length, where it has found none.

    Raises:
        TokkitError: the model gives no middle any mass.
    """
    # The search draws its proposals; what is greedy shall be the same each time.
    is_greedy = request.temperature == 0
    seed = 0 if request.seed is None and is_greedy else request.seed

    def work(model: ByteModel, budget: int) -> bytes:
        return infill(
            model,
            request.text,
            request.suffix,
            max_bytes=min(request.max_bytes, MAX_MIDDLE_BYTES),
            method="posterior",
            budget=budget,
            seed=seed,
            temperature=request.temperature,
        )

    searches = [(budget, until)]
    if until is not None:
        short = (min(budget, SHORT_BUDGET), None)
        searches = [short] if short[0] == budget else [short, *searches]
    found: bytes | None = None
    for passes, end in searches:
        search = in_steps(served.model, lambda model, passes=passes: work(model, passes))
        try:
            later = yield from _before(end, search)
        except ModelError:
            if passes == budget:
                raise
            continue  # the whole search may find what the short one did not
        if later is None:
            break
        found = later
    text = (found or b"").decode(errors="ignore").encode()
    text, stopped_by = _until_stop(text, request.stops)
    ends = served.ends(text)
    handle = Handle(request, max_tokens=max_tokens, keep_logprobs=True)
    cut = ends[:max_tokens]
    if found is None or len(cut) < len(ends):
        handle.finish = "length"
    else:
        handle.finish = "end" if stopped_by is None else "stop"
        handle.stopped_by = stopped_by
    handle.text = text[: cut[-1]] if cut else b""
    handle.token_ends = cut
    return handle


def _before(
    until: float | None, work: Generator[None, None, bytes]
) -> Generator[None, None, bytes | None]:
    """What work returns; None where the time is over before."""
    with closing(work):
        while until is None or time.monotonic() < until:
            try:
                next(work)
            except StopIteration as end:
                return end.value
            yield
    return None


def _until_stop(text: bytes, stops: Sequence[bytes]) -> tuple[bytes, bytes | None]:
    """A text before the stop string that ends first, and that string."""
    matcher, kept = StopMatcher(stops), bytearray()
    for symbol in text:
        kept += b"".join(matcher.feed(symbol))
        if matcher.stopped:
            break
    kept += b"".join(matcher.flush())
    return bytes(kept), matcher.stopped_by
