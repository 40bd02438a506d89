"""A text that a causal model writes itself, to fit to beside the one that is given, or alone.

What a vocabulary was learned on shows in its tokens. So each piece of the text begins with a new
token, drawn as often as the vocabulary suggests, and the old model goes on from there: for a code
tokenizer it writes more code than it would of its own accord.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.alignment import Alignment

N_TEXTS = 512
N_TOKENS = 56
_AT_ONCE = 64


def drawn_beginnings(
    alignment: Alignment, weights: NDArray[np.float64], n: int, *, seed: int
) -> list[tuple[int, ...]]:
    """Spellings in old tokens of new ones that are drawn with replacement.

    Args:
        alignment: of the new tokens.
        weights: float64 (n_target,), how often each is wanted; those without a decomposition, and
            those of weight 0, are never drawn.
        n: how many.
        seed: of the draw.

    Returns:
        As many as asked for, empty ones where no token has a weight.
    """
    chances = np.where(alignment.without, 0.0, weights)
    if not chances.any():
        return [()] * n
    drawn = np.random.default_rng(seed).choice(len(chances), size=n, p=chances / chances.sum())
    return [alignment[token] for token in drawn.tolist()]


def written_on(
    model: Any,
    starts: Sequence[int],
    beginnings: Sequence[Sequence[int]],
    *,
    n_vocab: int,
    seed: int,
    n_tokens: int = N_TOKENS,
    progress: Callable[[int, int], None] | None = None,
) -> list[list[int]]:
    """Texts that a model writes, drawn from its own distribution.

    Args:
        model: a causal transformers model.
        starts: ids before every text, at least one; they are not given back.
        beginnings: ids that each text begins with.
        n_vocab: ids from here on are rows without a token, and are not drawn.
        seed: of the draw.
        n_tokens: of each text, its beginning included.
        progress: called with the number of texts that are written, and of all.
    """
    import torch

    from tokkit.models.blocks.evaluating import evaluating

    generator = torch.Generator().manual_seed(seed)
    texts: list[list[int]] = []
    with evaluating(model):
        for first in range(0, len(beginnings), _AT_ONCE):
            some = beginnings[first : first + _AT_ONCE]
            texts += _written(model, starts, some, n_vocab, n_tokens, generator)
            if progress is not None:
                progress(len(texts), len(beginnings))
    return texts


def _written(
    model: Any,
    starts: Sequence[int],
    beginnings: Sequence[Sequence[int]],
    n_vocab: int,
    n_tokens: int,
    generator: Any,
) -> list[list[int]]:
    """One batch, token by token side by side; what is given of a text replaces what is drawn."""
    import torch

    device = model.get_input_embeddings().weight.device
    texts: list[list[int]] = [[] for _ in beginnings]
    ids = torch.tensor([list(starts)] * len(texts), device=device)
    past: Any = None
    for place in range(n_tokens):
        out = model(input_ids=ids, past_key_values=past, use_cache=True)
        past = getattr(out, "past_key_values", None)  # not there for Mamba and its like
        chances = out.logits[:, -1, :n_vocab].float().softmax(-1).cpu()
        drawn = torch.multinomial(chances, 1, generator=generator)[:, 0].tolist()
        for text, given, token in zip(texts, beginnings, drawn, strict=True):
            text.append(given[place] if place < len(given) else token)
        last = torch.tensor([text[-1:] for text in texts], device=device)
        ids = torch.cat([ids, last], dim=1) if past is None else last
    return texts
