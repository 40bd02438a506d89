"""Signals to look at or listen to, as they were given and as some of their ids decode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tokkit.audit.codebook.encoded import Encoded
from tokkit.report.media import png, wav
from tokkit.report.section import Exhibits
from tokkit.report.wording import plural

_MOST_PICTURES, _MOST_SOUNDS = 8, 3
_MOST_PIXELS = 1 << 16
"""Of a picture that is shown; a page holds forty of them."""
_MOST_SECONDS = 4


def exhibits_of(encoded: Encoded) -> tuple[Exhibits, ...]:
    """Pictures or sounds; nothing of other signals, or of pictures that are too large."""
    make: dict[str, Callable[[Encoded], Sequence[Exhibits]]] = {
        "image": _pictures,
        "speech": _sounds,
    }
    return tuple(make.get(encoded.tokenizer.modality, lambda _: ())(encoded))


def _pictures(encoded: Encoded) -> Sequence[Exhibits]:
    chosen = [
        k for k, signal in enumerate(encoded.signals)
        if _is_picture(signal) and signal.size <= 3 * _MOST_PIXELS
    ]  # fmt: skip
    if not chosen:
        return ()
    chosen = [chosen[k] for k in evenly(len(chosen), _MOST_PICTURES)]
    decode = encoded.tokenizer.decode
    ids = {k: encoded.own_shape(encoded.ids[k]) for k in chosen}
    budgets = _budgets(encoded, list(ids.values()))
    rows: list[tuple[bytes, ...]] = []
    for k in chosen:
        found = [encoded.signals[k], *(decode(_first(encoded, ids[k], n)) for n in budgets)]
        if not all(map(_is_picture, found)):
            return ()
        rows.append(tuple(map(png, found)))
    return [_table(encoded, budgets, rows, "pictures", "Decoded pictures", "image/png")]


def _sounds(encoded: Encoded) -> Sequence[Exhibits]:
    tokenizer = encoded.tokenizer
    rate = tokenizer.sample_rate
    if rate is None:
        return ()
    sounds = [signal for signal in encoded.signals if np.ndim(signal) == 1]
    if not sounds:
        return ()
    chosen = [sounds[place] for place in evenly(len(sounds), _MOST_SOUNDS)]
    signals = [np.asarray(each, np.float32)[: _MOST_SECONDS * rate] for each in chosen]
    ids = [np.asarray(tokenizer.encode(signal)) for signal in signals]
    budgets = _budgets(encoded, ids)
    rows: list[tuple[bytes, ...]] = []
    for signal, own in zip(signals, ids, strict=True):
        found = [signal, *(tokenizer.decode(_first(encoded, own, n)) for n in budgets)]
        rows.append(tuple(wav(np.asarray(each, np.float32), rate) for each in found))
    return [_table(encoded, budgets, rows, "sounds", "Decoded sounds", "audio/wav")]


def _table(
    encoded: Encoded,
    budgets: Sequence[int],
    rows: Sequence[tuple[bytes, ...]],
    key: str,
    title: str,
    media: Any,
) -> Exhibits:
    unit = "stream" if encoded.tokenizer.prefix_axis == "depth" else "id"
    heads = ("as given", *(plural(n, unit) for n in budgets))
    note = "Decoded without a seed, so always the same."
    if media == "audio/wav":
        note += f" Of each recording the first {_MOST_SECONDS} seconds at most."
    return Exhibits(key, title, media, heads, tuple(rows), note)


def _budgets(encoded: Encoded, ids: Sequence[Any]) -> list[int]:
    """One, some and all that the ids of signals have, where there are smaller budgets.

    They count streams where a tokenizer's prefixes are of those, and else ids.
    """
    tokenizer = encoded.tokenizer
    of_streams = tokenizer.prefix_axis == "depth"
    most = tokenizer.streams if of_streams else max(map(len, ids))
    if tokenizer.prefix_axis == "none":
        return [most]
    return sorted({1, round(most**0.5), most})


def _first(encoded: Encoded, ids: Any, n: int) -> Any:
    """The first of some ids, where that means something."""
    tokenizer = encoded.tokenizer
    return ids if tokenizer.prefix_axis == "none" else tokenizer.truncate(ids, n)


def _is_picture(signal: Any) -> bool:
    array = np.asarray(signal)
    return array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] in (1, 3)


def evenly(n: int, most: int) -> list[int]:
    """Places of some of n things, at most so many, evenly spread."""
    kept = min(n, most)
    return [k * n // kept for k in range(kept)]
