"""Log-probabilities of models over bytes, to the last bit.

They are the same twice only on one machine, with the same libraries and number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from scripts.recorded_outputs.drawing import record_draws
from scripts.recorded_outputs.ids import record_tokenizer
from scripts.recorded_outputs.recording import Recording, array_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    import tokkit

TEXT = (
    "The three most important inventions of the nineteenth century were the tele\u00adgraph, "
    'photo\u00e9lectricit\u00e9 and 12,345 "safety" bicycles.\n\n\tdef f(x): return x**2  # 日本\n'
    "It wasn't sold bef"
).encode()
"""206 bytes that end inside a word."""

PREFIXES = ("", "The capital of Fran", "Hello, wor", "日".encode()[:2], "1 2 3 ", b"\xff")
COMBINATIONS = ("mixture", "mean", "product")


def record_packaged(recording: Recording, name: str) -> None:
    """Everything about a packaged model: its tokenizer, its probabilities, what it writes."""
    import tokkit

    lm = tokkit.load_lm(name)
    record_tokenizer(recording, f"models/{name}/tokenizer", lm.token_lm.tokenizer)
    record_model(recording, f"models/{name}", lm, TEXT)
    record_draws(recording, f"models/{name}", lm, n_bytes=12)


def record_model(recording: Recording, name: str, lm: tokkit.ByteLM, data: bytes) -> None:
    """Probabilities under one model, with both meanings of its encodings."""
    import tokkit

    windows: dict[str, Any] = {"window": max(8, len(data) // 3), "stride": max(4, len(data) // 5)}
    short = data[:40]
    recording.note(f"{name}/name", lm.name)
    recording.measure(f"{name}/bytes", _bytes, lm, data)
    recording.measure(f"{name}/after a prefix", _bytes, lm, short, "Once, ")
    for title, ask, asked, options in (
        ("logprob", lm.logprob, data, {}),
        ("to the end", lm.logprob, short, {"end": True}),
        ("given", lm.logprob, short[10:], {"prefix": short[:10]}),
        ("windows", lm.logprob, data, windows),
        ("impossible", lm.logprob, b"a\xff\xfe", {}),
        ("bits", lm.bits_per_byte, short, {}),
        ("bits of nothing", lm.bits_per_byte, b"", {}),
        ("tokens", lm.token_logprob, data, {}),
        ("tokens in windows", lm.token_logprob, data, windows),
    ):
        recording.measure(f"{name}/{title}", cast("Callable[..., float]", ask), asked, **options)
    for prefix in PREFIXES:
        recording.measure(f"{name}/next/{prefix!r}", lm.next_byte_logprobs, prefix)
    recording.measure(f"{name}/states", _states, lm, short)
    coarse = tokkit.ByteLM(lm.token_lm, tolerance=0.001)
    recording.measure(f"{name}/tolerance", _states, coarse, short)
    every = tokkit.ByteLM(lm.token_lm, encodings="all", beam=4)
    title = f"{name}/all encodings"
    recording.measure(f"{title}/states", _all_encodings, every, short)
    recording.measure(f"{title}/bytes", _bytes, every, short[:16])
    recording.measure(f"{title}/whole", every.logprob, short)
    recording.measure(f"{title}/greedy", every.generate, short[:9], max_bytes=5, temperature=0)
    batch = [short[:9], short[:14]]
    recording.measure(f"{title}/several", every.generate_batch, batch, max_bytes=3, seed=1)


def _bytes(lm: tokkit.ByteLM, data: bytes, prefix: str = "") -> dict[str, object]:
    return chosen(lm.byte_logprobs(data, prefix=prefix), data)


def chosen(rows: NDArray[np.float64], data: bytes) -> dict[str, object]:
    """Of what was expected at each byte: that byte, the end of the text, and a digest of all."""
    return {
        "each byte": [float(row[byte]) for row, byte in zip(rows, data, strict=False)],
        "end": [float(row[256]) for row in rows],
        "rows": array_digest(rows),
    }


def _states(lm: tokkit.ByteLM, data: bytes) -> dict[str, object]:
    """A state that grows byte by byte, and a branch of it."""
    state = lm.open(data[:9])
    found: list[float] = []
    for byte in data[9:24]:
        found.append(float(state.logprobs()[byte]))
        state.push(bytes([byte]))
    twin = state.fork()
    twin.push(b" and")
    return {
        "each byte": found,
        "prefix": state.prefix_logprob,
        "branch": [twin.prefix_logprob, float(twin.logprobs().max())],
        "text": twin.prefix_bytes,
        "dropped": twin.dropped_mass,
        "several": [each.prefix_logprob for each in lm.open_batch([data[:5], data[:17], b""])],
    }


def _all_encodings(lm: tokkit.ByteLM, data: bytes) -> dict[str, object]:
    state = lm.open(data[:20])
    bounds = getattr(state, "logprob_bounds", None)
    return {"bounds": bounds, "next": state.logprobs(), "prefix": state.prefix_logprob}


def record_ensemble(recording: Recording) -> None:
    """Two packaged models with different vocabularies, combined in every way."""
    import tokkit

    members = [tokkit.load_lm("smollm2"), tokkit.load_lm("gemma3")]
    for combine in COMBINATIONS:
        ensemble = tokkit.ByteEnsemble(members, weights=[0.3, 0.7], combine=combine)
        name = f"models/ensemble/{combine}"
        recording.measure(f"{name}/scored", ensemble_scores, ensemble, TEXT[:60])
        record_draws(recording, name, ensemble, n_bytes=5, few=True)


def ensemble_scores(ensemble: tokkit.ByteEnsemble, data: bytes) -> dict[str, object]:
    """What an ensemble expects, and what its members weigh on the way."""
    state = ensemble.open(data[:12])
    before = state.posterior()
    rows = state.score(data[12:])
    return {
        "name": ensemble.name,
        "posterior": [before, state.posterior()],
        "members": state.member_prefix_logprobs(),
        "prefix": state.prefix_logprob,
        "bytes": chosen(rows, data[12:]),
        "whole": ensemble.logprob(data[:30], end=True),
    }
