"""Repetition control over bytes: penalise or forbid what makes a repeat of earlier text longer.

A penalty on every byte that occurred before, as token models use it (Keskar et al., CTRL, 2019),
would soon forbid the letter e. What makes sense for bytes is to look at *strings*. For each byte b
let R(b) be the length of the longest string that ends the text so far, followed by b, and that has
occurred before: the repeat that b would make. Then

- `repetition_penalty`, with `repetition_length`: b loses `penalty * max(0, R(b) - length)` nats.
  This is the DRY sampler (p-e-w, text-generation-webui, pull request 5677, 2024), which penalises
  the token that extends a repeat. It takes `multiplier * base ** (R - length)`; here the penalty
  grows linearly, which needs one parameter less and adds up to a quadratic price of a repeat.
- `no_repeat_ngram`: forbid b if R(b) is at least n, so that no n bytes occur twice (transformers'
  `no_repeat_ngram_size`, over bytes). It cuts at a fixed place, often inside a word, and what
  follows is misspelt; the penalty turns off the repeat where the model is least sure, which is
  mostly at the beginning of a word.

The prompt counts as text. End of text is never penalised.
"""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import MAX_BYTES
from tokkit.bytelm.byte_state import N_SYMBOLS
from tokkit.bytelm.drawing.constraint import Constraint
from tokkit.bytelm.drawing.sampling import Sampling


class Repetition(Constraint):
    """Keeps, for every earlier place in the text, how far it agrees with the end, backwards.

    A byte costs time proportional to the length of the text, in a few array operations.
    """

    def __init__(self, prompt: bytes, sampling: Sampling) -> None:
        """Start after a prompt."""
        self._penalty = sampling.repetition_penalty
        self._length = min(sampling.repetition_length, MAX_BYTES)
        self._ngram = sampling.no_repeat_ngram
        self.name = "no_repeat_ngram" if self._ngram is not None else "repetition_penalty"
        self._text = np.frombuffer(prompt, dtype=np.uint8)
        # agreement[i]: length of the longest common ending of text[:i] and the whole text
        self._agreement = _agreements(prompt)

    def repeats(self) -> NDArray[np.int64]:
        """int64 (256,): R(b), the length of the repeat that each byte would make, itself included.

        0 for a byte that has not occurred.
        """
        repeats = np.zeros(256, dtype=np.int64)
        np.maximum.at(repeats, self._text, self._agreement + 1)
        return repeats

    def bias(self) -> NDArray[np.float64]:
        """See `Constraint.bias`."""
        bias = np.zeros(N_SYMBOLS)
        repeats = self.repeats()
        with np.errstate(over="ignore"):  # to -inf, as it should be
            bias[:256] = -self._penalty * np.maximum(0, repeats - self._length)
        if self._ngram is not None:
            bias[:256][repeats >= self._ngram] = -np.inf
        return bias

    def push(self, byte: int) -> None:
        """See `Constraint.push`."""
        agreement = np.zeros(len(self._text) + 1, dtype=np.int64)
        agreement[1:] = np.where(self._text == byte, self._agreement + 1, 0)
        self._agreement = agreement
        self._text = np.append(self._text, np.uint8(byte))

    def fork(self) -> Self:
        """See `Constraint.fork`."""
        return copy(self)  # arrays are replaced, never changed


def _agreements(text: bytes) -> NDArray[np.int64]:
    """int64 (len(text),): length of the longest common ending of text[:i] and text, for each i.

    The Z-function of the reversed text (Gusfield, 1997, section 1.4), in linear time.
    """
    back = text[::-1]
    n = len(back)
    z = [0] * n
    left = right = 0
    for k in range(1, n):
        size = min(right - k, z[k - left]) if k < right else 0
        while k + size < n and back[size] == back[k + size]:
            size += 1
        z[k] = size
        if k + size > right:
            left, right = k, k + size
    # text[:i] reversed begins at position n - i of `back`; text[:0] agrees in nothing
    return np.array([0, *z[:0:-1]][:n], dtype=np.int64)
