"""fastText vectors of the tokens of a text: which tokens are used alike.

Source: Bojanowski et al., "Enriching Word Vectors with Subword Information" (TACL 2017), as FOCUS
trains it: a continuous bag of tokens, where a token's vector is the mean of its own and of those of
the n-grams of its characters. Trained by gensim, in one thread, so that a seed gives one result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import needs_extra
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

Floats = NDArray[np.float32]

WIDTH = 300
EPOCHS = 3
FEWEST = 10
"""Occurrences of a token that gets a vector."""
_WINDOW = 5
_NEGATIVE = 10
_RATE = 0.05
_BUCKETS = 1 << 17
"""For n-grams, of which those of a text have some ten thousands; gensim fills all."""


def token_vectors(
    windows: Sequence[bytes], target: TokenizerSpec, *, seed: int
) -> tuple[NDArray[np.int64], Floats]:
    """Train vectors on a text as a tokenizer cuts it.

    Args:
        windows: of the text.
        target: the tokenizer.
        seed: of the vectors that training begins with.

    Returns:
        The tokens that come often enough, int64 (n,), and their vectors, float32 (n, WIDTH). Tokens
        of the same bytes have the same.

    Raises:
        MissingExtraError: gensim is not installed.
    """
    require_gensim()
    from gensim.models import FastText

    tokenizer = TextTokenizer(target)
    names = [_name(data) for data in target.token_bytes]
    sentences = [[names[token] for token in tokenizer.encode(window)] for window in windows]
    counts: dict[str, int] = {}
    for sentence in sentences:
        for name in sentence:
            counts[name] = counts.get(name, 0) + 1
    tokens = [token for token, name in enumerate(names) if counts.get(name, 0) >= FEWEST]
    if not tokens:
        return np.zeros(0, dtype=np.int64), np.zeros((0, WIDTH), dtype=np.float32)
    model = FastText(
        sentences,
        vector_size=WIDTH,
        window=_WINDOW,
        negative=_NEGATIVE,
        min_count=FEWEST,
        epochs=EPOCHS,
        alpha=_RATE,
        bucket=_BUCKETS,
        sg=0,
        workers=1,
        seed=seed % (1 << 32),
    )
    vectors = np.stack([model.wv[names[token]] for token in tokens])
    return np.array(tokens, dtype=np.int64), vectors


def require_gensim() -> None:
    """Refuse where the extra is missing.

    Raises:
        MissingExtraError: gensim is not installed.
    """
    with needs_extra("method 'focus' needs gensim", extra="focus"):
        import gensim.models  # noqa: F401  # pyright: ignore[reportUnusedImport]


def _name(data: bytes) -> str:
    """The characters of a token, whose n-grams count; one string for each sequence of bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "\ufffd" + data.decode("latin-1")
