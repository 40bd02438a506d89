"""How evenly a tokenizer uses its vocabulary: Rényi efficiency, utilisation, lengths of tokens.

Rényi efficiency (Zouhar et al., "Tokenization and the Noiseless Channel", ACL 2023, section 4) is
the Rényi entropy of order 2.5 of the frequencies of the tokens, over the logarithm of the size of
the vocabulary. It is 1 when all tokens are equally frequent. The sample is small, and both it and
the utilisation grow with the sample, so compare them between tokenizers on the same texts only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.costs.bootstrap import draws, estimate
from tokkit.report.section import Chart, Fact, Series
from tokkit.report.wording import plural

ORDER = 2.5
_N_DRAWS = 200
_LONGEST = 16


def renyi_entropy(counts: NDArray[np.float64], order: float = ORDER) -> float:
    """Rényi entropy, in nats, of frequencies in proportion to `counts`; `order` is not 1."""
    shares = counts[counts > 0] / counts.sum()
    return max(0.0, float(np.log(np.power(shares, order).sum()) / (1 - order)))


def distribution_facts(texts: Sequence[NDArray[np.int32]], vocab_size: int) -> list[Fact]:
    """Efficiency and utilisation.

    Args:
        texts: ids of each text.
        vocab_size: number of ids.
    """
    ids = np.concatenate(list(texts)) if texts else np.empty(0, np.int32)
    if not len(ids) or vocab_size < 2:
        return []
    _, codes = np.unique(ids, return_inverse=True)
    place = np.repeat(np.arange(len(texts)), [len(each) for each in texts])
    scale = math.log(vocab_size)
    counts = np.bincount(codes).astype(np.float64)
    drawn = np.array([
        renyi_entropy(np.bincount(codes, weights=weights[place]).astype(np.float64)) / scale
        for weights in draws(len(texts), _N_DRAWS)
    ])  # fmt: skip
    efficiency = estimate(renyi_entropy(counts) / scale, drawn)
    return [
        Fact(
            "renyi_efficiency", "Rényi efficiency", efficiency.value,
            interval=efficiency.interval,
            help="Order 2.5, over all sample texts: 1 when all tokens are equally frequent. "
            "Compare between tokenizers on the same texts only.",
        ),
        Fact(
            "vocabulary_used_percent", "Vocabulary in use",
            round(100 * len(counts) / vocab_size, 1), "%",
            help=f"Ids that occur among the {plural(len(ids), 'token')} of the sample texts; "
            "more texts would use more.",
        ),
    ]  # fmt: skip


def length_chart(texts: Sequence[NDArray[np.int32]], token_sizes: Sequence[int]) -> Chart | None:
    """How long tokens are: those of the vocabulary, and those that texts use.

    Args:
        texts: ids of each text.
        token_sizes: bytes of each token; 0 for those without bytes, which are left out.
    """
    sizes = np.minimum(np.asarray(token_sizes, dtype=np.int64), _LONGEST)
    ids = np.concatenate(list(texts)) if texts else np.empty(0, np.int32)
    if not (sizes > 0).any() or not len(ids):
        return None
    labels = (*map(str, range(1, _LONGEST)), f"{_LONGEST}+")
    series = tuple(
        Series(name, _shares(np.bincount(each, minlength=_LONGEST + 1)[1:]))
        for name, each in (("vocabulary", sizes[sizes > 0]), ("in the sample texts", sizes[ids]))
    )
    return Chart(
        "token_lengths", "Lengths of tokens: in the vocabulary, and in use", "histogram", labels,
        series, "bytes of a token", "% of tokens",
    )  # fmt: skip


def _shares(counts: NDArray[np.int64]) -> tuple[float, ...]:
    total = max(1, int(counts.sum()))
    return tuple(round(100 * count / total, 2) for count in counts.tolist())
