"""How the probability of an old token is divided among the new tokens that begin with it.

If the logit of a new token is that of its first part plus the logarithm of the token's share among
all new tokens with that first part, the exponentials of a group add up to that of the old token:
the model goes on to give each group what it gave the old token.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokkit.hypernets.alignment import Alignment
from tokkit.text.spec import TokenizerSpec, TokenKind

SCALE = 0.8
"""Of the logarithm of a share, where frequencies are guessed from the vocabulary alone."""


def guessed_frequencies(spec: TokenizerSpec) -> NDArray[np.float64]:
    """float64 (vocab_size,): relative frequencies that a vocabulary gives away.

    The ids of a BPE or WordPiece vocabulary are in the order in which tokens were learned, which is
    about that of their frequency: Zipf's law with exponent 1. SentencePiece lists its characters
    after the merges, so that each of the two lists has ranks of its own there; bytes that only
    stand in for rare characters come last. Unigram states log-probabilities of its pieces, and
    scores of other tokens that are none: these are as rare as the rarest piece.
    """
    if spec.scores is None:
        frequencies = 1.0 / _ranks(spec)
    else:
        pieces = spec.kinds == TokenKind.NORMAL
        frequencies = np.exp(np.clip(spec.scores, -30.0, 0.0))
        frequencies[~pieces] = frequencies[pieces].min(initial=1.0)
    return frequencies / frequencies.sum()


def _ranks(spec: TokenizerSpec) -> NDArray[np.int64]:
    """int64 (vocab_size,): from 1 on, the commonest first."""
    ranks = np.arange(1, spec.vocab_size + 1)
    stand_ins = spec.kinds == TokenKind.BYTE
    if not stand_ins.any():
        return ranks
    normal = spec.kinds == TokenKind.NORMAL
    characters = np.array([len(data.decode(errors="replace")) == 1 for data in spec.token_bytes])
    for chosen in (normal & characters, normal & ~characters):
        ranks[chosen] = np.arange(1, int(chosen.sum()) + 1)
    ranks[stand_ins] = spec.vocab_size
    return ranks


def log_shares(alignment: Alignment, frequencies: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32 (n_target,): nats, the log of each token's share among those with its first part.

    Those without a decomposition have the least share of all.
    """
    first = alignment.ends(last=False)
    spelled = ~alignment.without
    totals = np.bincount(first[spelled], frequencies[spelled], minlength=alignment.n_source)
    shares = np.log(frequencies / np.where(spelled, totals[first], 1.0))
    if spelled.any():
        shares[~spelled] = shares[spelled].min()
    return shares.astype(np.float32)
