"""A softmax over some of a large vocabulary, whose sum stands for all of it.

Bengio & Senécal, "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic
Language Model" (2008); the correction of logits is that of Jean et al., "On Using Very Large Target
Vocabulary" (ACL 2015), with parts of the sum that are always there. For the logits z of a state,

    Z = sum over C of exp z  +  (n / m) sum over U of exp z

where C are tokens that always count (those of the batch, and those that the teacher finds most
probable), and U are m of the n others, drawn uniformly without replacement, anew for each batch.
Its mean over draws is the whole sum: Z is *unbiased*, and so is the gradient of Z. The loss, which
has log Z, is not: by Jensen's inequality log Z is too small on the average, by about half the
variance of Z over its square, which the tokens of C keep small. With m = n it is the whole softmax.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from tokkit.hypernets.task import Floats

_STATES = 512
"""That probable tokens are found by."""


@dataclass(frozen=True, eq=False)
class SampledSoftmax:
    """Which tokens count, batch by batch.

    Attributes:
        n_tokens: of the vocabulary.
        certain: int64, tokens that always count, each once.
        n_sampled: of the others that are drawn for a batch.
    """

    n_tokens: int
    certain: torch.Tensor
    n_sampled: int

    def candidates(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens int64 (n,) in ascending order, and what is added to their logits, float32 (n,).

        They are drawn from torch's own generator.

        Args:
            tokens: int64, those of the batch, which count.
        """
        counts = torch.zeros(self.n_tokens, dtype=torch.bool, device=tokens.device)
        counts[self.certain] = True
        counts[tokens] = True
        others = (~counts).nonzero()[:, 0]
        corrections = torch.zeros(self.n_tokens, device=tokens.device)
        if len(others) > self.n_sampled:
            order = torch.randperm(len(others), device=tokens.device)
            others = others[order[: self.n_sampled]]
            n_others = self.n_tokens - int(counts.sum())
            corrections[others] = math.log(n_others / max(1, self.n_sampled))
        counts[others] = True
        chosen = counts.nonzero()[:, 0]
        return chosen, corrections[chosen]


def probable_tokens(states: Floats, rows: torch.Tensor, bias: torch.Tensor, n: int) -> torch.Tensor:
    """int64 (n,): the tokens that are most probable on the average, ascending.

    Args:
        states: float32 (k, width), of the teacher; some hundred of them are looked at.
        rows: float32 (tokens, width), the output rows that a training begins with.
        bias: float32 (tokens,).
        n: how many tokens.
    """
    some = torch.from_numpy(states[:: max(1, len(states) // _STATES)]).to(rows)
    expected = torch.zeros_like(bias)
    for part in some.split(64):
        expected += torch.nn.functional.linear(part, rows, bias).softmax(1).sum(0)
    return expected.topk(min(n, len(expected))).indices.sort().values
