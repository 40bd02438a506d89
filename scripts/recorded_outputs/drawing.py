"""Texts that models write: sampled with seeds, searched for, by bytes and by tokens, in gaps."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scripts.recorded_outputs.recording import Recording

if TYPE_CHECKING:
    import tokkit

PROMPT = "The capital of Fran"
WORD = f"{PROMPT}ce"
PATTERN = "( is| was)? [A-Z][a-z]{2,6}[.,]"

SAMPLINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "greedy": {"temperature": 0},
    "filtered": {"temperature": 0.8, "top_k": 12, "top_p": 0.9, "min_p": 0.02},
    "UTF-8": {"valid_utf8": True, "temperature": 1.6},
    "no repeats": {"repetition_penalty": 0.4, "repetition_length": 2, "no_repeat_ngram": 5},
    "stopped": {"stop": [".", " is", "\n"]},
}
FEW = ("plain", "filtered")


def record_draws(
    recording: Recording,
    name: str,
    lm: tokkit.ByteLM | tokkit.ByteEnsemble,
    *,
    n_bytes: int,
    few: bool = False,
) -> None:
    """What a model writes after a prompt that ends inside a word.

    Args:
        recording: takes it.
        name: of the model.
        lm: the model.
        n_bytes: how much each text may hold.
        few: whether one text of each kind is enough.
    """
    import tokkit

    half = n_bytes // 2

    def measure(title: str, ask: Callable[..., object], /, *given: Any, **options: Any) -> None:
        recording.measure(f"{name}/{title}", ask, *given, **options)

    for seed, way in enumerate(FEW if few else SAMPLINGS):
        options = {"max_bytes": n_bytes, "seed": seed, **SAMPLINGS[way]}
        measure(f"generate/{way}", lm.generate, PROMPT, **options)
    measure("stream", lambda: list(lm.stream("", max_bytes=half, seed=5)))
    prompts = [PROMPT, "Once upon a ti", ""]
    measure("generate_batch", lm.generate_batch, prompts, max_bytes=half, seed=7)
    search: dict[str, Any] = {"n_beams": 3, "length_penalty": 0.5, "stop": ["s"]}
    measure("beam_search", tokkit.beam_search, lm, PROMPT, max_bytes=half, **search)
    if importlib.util.find_spec("llguidance") is None:
        recording.skip(f"{name}/pattern", "llguidance is not installed")
    else:
        options = {"max_bytes": n_bytes, "pattern": PATTERN}
        measure("pattern/drawn", lm.generate, WORD, seed=3, **options)
        if not few:
            measure("pattern/searched", tokkit.beam_search, lm, WORD, n_beams=2, **options)
    if few:
        return
    for seed in range(3):
        options = {"max_bytes": 2 * n_bytes, "unit": "token", "seed": seed, "top_p": 0.95}
        measure(f"complete by tokens/{seed}", tokkit.complete, lm, PROMPT, **options)
    measure("complete by bytes", tokkit.complete, lm, PROMPT, max_bytes=4, seed=1)
    measure("bad/unit", tokkit.complete, lm, PROMPT, max_bytes=4, unit="word")
    measure("bad/top_p", lm.generate, PROMPT, max_bytes=4, top_p=1.5)
    measure("bad/option", lm.generate, PROMPT, max_bytes=4, topp=1.5)
    measure("gap", tokkit.infill, lm, PROMPT, "x", max_bytes=4, seed=0)
