"""The tokens of a text: `count_tokens`, and as it grows, of any tokenizer, `TokenCounter`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.encodings.heads import trunk_of
from tokkit.bytelm.token_models.protocol import LogProbs
from tokkit.errors import EncodingError
from tokkit.text.tokenizer import TextTokenizer


def count_tokens(text: bytes, tokenizer: TextTokenizer | None) -> int:
    """Tokens of a text; bytes, where there is no tokenizer or it cannot spell the text."""
    with suppress(EncodingError):
        if tokenizer is not None:
            return tokenizer.count(text, normalize=False)
    return len(text)


class _NoModel:
    """A tokenizer in the place of a model. It is asked about a dummy prefix alone."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self.tokenizer = tokenizer
        self.eos_ids: Sequence[int] = tokenizer.eos_ids

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> LogProbs:
        """All tokens are equally probable."""
        n_tokens = self.tokenizer.vocab_size
        return np.full((len(contexts), n_tokens), -np.log(n_tokens))


class TokenCounter:
    """Counts the tokens of texts that grow by bytes."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        """Make the tables of a tokenizer.

        Raises:
            ArgumentError: it has no canonical encodings by bytes; see `ByteLM`.
        """
        self._tokenizer = tokenizer
        self._lm = ByteLM(_NoModel(tokenizer))

    def after(self, prompt: bytes) -> CountedEnds:
        """The tokens of a text that goes on from a prompt."""
        state = self._lm.open()
        assert isinstance(state, CoverState)
        return CountedEnds(self._tokenizer, state, prompt)


class CountedEnds:
    """As `TokenEnds`, of a tokenizer: what every text has in common that begins as this does."""

    def __init__(self, tokenizer: TextTokenizer, state: CoverState, prompt: bytes) -> None:
        """Begin.

        Args:
            tokenizer: that counts.
            state: of its tokens, after no text.
            prompt: before the text.
        """
        self._tokenizer = tokenizer
        self._state = state
        self._prompt = prompt
        self._n_read = 0
        self._ends: list[int] = []
        state.push(prompt)
        self._start = state.cover.length  # what a dummy prefix has counts, too

    def certain(self, written: bytes | bytearray) -> list[int]:
        """See `TokenEnds.certain`; from what no token spells on, each byte is one."""
        self._state.push(bytes(written[self._n_read :]))
        self._n_read = len(written)
        live, last = self._state.cover.live, self._ends[-1] if self._ends else 0
        if live:
            stem = trunk_of(each.head for each in live)
            found: list[int] = []
            while stem is not None and stem.start - self._start > last:
                found.append(stem.start - self._start)
                stem = stem.parent
            self._ends += found[::-1]
        else:
            self._ends += range(last + 1, len(written) + 1)
        return self._ends

    def final(self, written: bytes | bytearray, n_bytes: int) -> list[int]:
        """See `TokenEnds.final`."""
        ends, start = self.certain(written), len(self._prompt)
        with suppress(EncodingError):
            whole = self._tokenizer.encode_with_offsets(self._prompt + written, normalize=False)
            ends = [end - start for end in whole.ends.tolist() if end > start]
        ends = [end for end in ends if end < n_bytes]
        return [*ends, n_bytes] if n_bytes else []
