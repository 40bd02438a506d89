"""Probabilities of bytes from those of bytes and ends of words, exactly.

A decoder predicts 257 symbols at each place: the bytes, and END, which within a word ends the word,
and where a word would begin ends the text (a text ends with a word without bytes). The rule of
words says which is which: a byte either goes on with the word or begins the next one. So at a place
within a word only the bytes that go on and the end of the word get mass, and where a word begins
only the bytes that begin one *there*, and the end of the text. Then each text has one path, and

    P(byte) = p(byte)                    if it goes on,
    P(byte) = p(END) * p_first(byte)     if it begins a word,
    P(end of text) = p(END) * p_first(END),

where `p_first` is what is predicted after the word as if it ended here. The sum is one: the
published models leave mass on paths that no text takes (a byte that the splitter would have put
elsewhere), and what they report is the mass of one path of several.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tokkit.bytelm.byte_state import END
from tokkit.models.text_models.windows import NO_TARGET
from tokkit.text.words import Rule, beginning_rows


@cache
def forbidden_symbols(rule: Rule) -> NDArray[np.bool_]:
    """Bool (2 rows + 1, 257): what gets no mass at each kind of place; not to be written to.

    With `rows` those of `beginning_rows`: row r is of a place of that row within a word, `rows` + r
    where the word was ended there, and the last one is the beginning of a text.
    """
    begins = beginning_rows(rule)
    never = np.zeros((len(begins), 1), np.bool_)
    within, first = np.hstack([begins, never]), np.hstack([~begins, never])
    table = np.vstack([within, first, np.zeros((1, END + 1), np.bool_)])
    table.flags.writeable = False
    return table


def masked_logprobs(logits: torch.Tensor, forbidden: torch.Tensor) -> torch.Tensor:
    """Log-probabilities, nats, of what is not forbidden: float64 (n, 257)."""
    return logits.double().masked_fill(forbidden, -torch.inf).log_softmax(-1)


def masked_nats(
    logits: torch.Tensor, forbidden: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """What each target costs, nats; 0 where there is none.

    Args:
        logits: float (n, 257); of half precision they are taken in float32.
        forbidden: bool (n, 257).
        targets: int64 (n,), `NO_TARGET` for none, none of them forbidden.

    Returns:
        float (n,), float32 or float64.
    """
    if logits.dtype not in (torch.float32, torch.float64):
        logits = logits.float()
    masked = logits.masked_fill(forbidden, -torch.inf)
    return functional.cross_entropy(masked, targets, ignore_index=NO_TARGET, reduction="none")


def byte_logprobs(within: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """The next symbol of the text, from what the decoder says there.

    Args:
        within: float64 (n, 257), nats: in the word; bytes that begin another one have none.
        first: float64 (n, 257), nats: after it, as if it ended here; bytes that go on have none.

    Returns:
        float64 (n, 257), nats.
    """
    after_end = within[:, END:] + first
    return torch.cat([torch.maximum(within[:, :END], after_end[:, :END]), after_end[:, END:]], 1)
