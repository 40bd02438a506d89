"""What a tokenizer has no use for is refused by name, and never silently left unused."""

from __future__ import annotations

from tokkit.errors import ArgumentError

SIGNALS = {"text": "text", "image": "pictures", "graph": "graphs", "speech": "speech"}
"""Modality -> how sentences name what its tokenizers take: "a tokenizer of pictures"."""


def refuse_budget(tokenizer: object, budget: object) -> None:
    """For tokenizers of fixed length: raise `ArgumentError` unless `budget` is None."""
    if budget is not None:
        raise ArgumentError(
            f"{type(tokenizer).__name__} has no flexible length, so it cannot keep to a budget of "
            f"{budget!r:.60} ids; leave `budget` out"
        )


def refuse_context(tokenizer: object, context: object) -> None:
    """For tokenizers that need no context: raise `ArgumentError` unless `context` is None."""
    if context is not None:
        raise ArgumentError(
            f"{type(tokenizer).__name__} looks at nothing but the signal, got the context "
            f"{context!r:.60}; leave `context` out"
        )


def refuse_seed(tokenizer: object, seed: object) -> None:
    """For tokenizers that draw nothing: raise `ArgumentError` unless `seed` is None."""
    if seed is not None:
        raise ArgumentError(
            f"{type(tokenizer).__name__} decodes without drawing anything, got the seed "
            f"{seed!r:.60}; leave `seed` out"
        )
