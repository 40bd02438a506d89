"""What is wrong with a sample alone, before anything is inferred from it: `sample_warnings`."""

from __future__ import annotations

import numpy as np

from tokkit.errors import ArgumentError, EncodingError
from tokkit.mixture.judging.caveats import SMALL_SAMPLE
from tokkit.mixture.merges.merge_list import UNKNOWN, MergeList
from tokkit.mixture.samples.counting import SampleCounts
from tokkit.mixture.samples.word_counts import WordCounts

WRONG_ENCODING = 0.005
"""Share of bytes that are no UTF-8, or zero, from which a sample is refused."""


def sample_warnings(name: str, sample: SampleCounts, merges: MergeList) -> list[str]:
    """Warnings about the sample of a category, of which a merge list shall tell.

    Raises:
        ArgumentError: it is empty.
        EncodingError: it is not UTF-8.
    """
    words = sample.words
    if not words.n_bytes:
        raise ArgumentError(f"category {name!r} is empty; give it a sample, or leave it out")
    nul, invalid = sample.n_nul / words.n_bytes, sample.n_invalid / words.n_bytes
    if nul > WRONG_ENCODING:
        raise EncodingError(
            f"category {name!r}: {nul:.1%} of its bytes are zero, so it is UTF-16, UTF-32 or not "
            "text at all; convert it to UTF-8"
        )
    if invalid > WRONG_ENCODING:
        raise EncodingError(
            f"category {name!r}: {invalid:.1%} of its bytes are not valid UTF-8; it is in another "
            "encoding, or damaged; convert it to UTF-8"
        )
    if not _has_pair(words, merges):
        raise ArgumentError(
            f"category {name!r} ({words.n_bytes:,} bytes) holds no two symbols of the tokenizer "
            "side by side, so its merges say nothing about it; is it the right text?"
        )
    warnings: list[str] = []
    if sample.n_invalid:
        warnings.append(
            f"category {name!r}: {invalid:.3%} of its bytes are not valid UTF-8 (they were counted "
            "as they are)"
        )
    if words.n_bytes < SMALL_SAMPLE:
        warnings.append(
            f"category {name!r}: a sample of {words.n_bytes:,} bytes is small; its share is "
            "uncertain beyond what the interval says (1 MB is plenty)"
        )
    return warnings


def _has_pair(words: WordCounts, merges: MergeList) -> bool:
    if not len(words):
        return False
    symbols, starts = merges.symbols_of(words.text, words.starts)
    known = symbols != UNKNOWN
    follows = np.ones(len(symbols), dtype=np.bool_)
    follows[starts[:-1][starts[:-1] < len(symbols)]] = False
    return bool((known[1:] & known[:-1] & follows[1:]).any())
