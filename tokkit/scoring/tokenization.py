"""The log-probability of a text's own tokens, window by window: what is usually reported.

A token belongs to the window in which it begins, and is given the tokens before it that begin in
the window's context, too (as in `ByteLM.token_logprob`). A window is encoded with some text around
it, and not with all of the text; so the tokens of one window must end where those of the next
begin. Where they do not (one token is longer than what is seen around a window), the figure is not
told.
"""

from __future__ import annotations

import numpy as np

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.errors import EncodingError
from tokkit.scoring.windows import Window


class Tokenization:
    """The tokens of a text, summed up.

    Attributes:
        logprob: nats so far; None once it cannot be told.
        end: where the tokens that were counted end in the text.
    """

    def __init__(self, logprob: float | None = 0.0, end: int = 0) -> None:
        """Begin, or go on where another has stopped."""
        self.logprob = logprob
        self.end = end

    def add(self, lm: ByteLM, window: Window) -> None:
        """Count the tokens of the next window.

        Raises:
            ModelError: see `ByteLM.token_logprob`.
        """
        if self.logprob is None:
            return
        text = window.before + window.context + window.data + window.after
        base = window.offset - len(window.context) - len(window.before)
        try:
            encoding = lm.tokenizer.encode_with_offsets(text, normalize=False)
        except EncodingError:  # bytes that the vocabulary lacks, or a part of a character
            self.logprob = None
            return
        starts, ends = encoding.starts + base, encoding.ends + base
        places = [window.offset - len(window.context), window.offset, window.end]
        first, start, stop = np.searchsorted(starts, places).tolist()
        if not window.after:
            stop = len(starts)
        if start < stop:
            met = int(ends[start - 1] if start else starts[0])
            if window.offset and met != self.end:
                self.logprob = None
                return
            self.end = int(ends[stop - 1])
            ids = encoding.ids[first:stop].tolist()
            self.logprob += float(lm.ids_logprobs(ids, start - first).sum())
        elif self.end < window.end:
            self.logprob = None
