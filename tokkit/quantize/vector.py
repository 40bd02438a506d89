"""Vector quantisation with codes that follow the vectors.

"Neural Discrete Representation Learning" (van den Oord et al., 2017, appendix A.1): each code is
the moving average of the vectors that it stood for. The codes start from k-means of the first
batch, and one that has fallen out of use is put on a vector of the batch ("Jukebox", Dhariwal et
al., 2020, section 3.1; SoundStream, Zeghidour et al., 2021, section III.C). Here "out of use" is
relative to even use, so that it means the same for batches and codebooks of any size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tokkit.arguments import check_real, check_whole
from tokkit.errors import ArgumentError
from tokkit.quantize.k_means import counts_and_sums, k_means, nearest, nearness
from tokkit.quantize.quantizer import Quantized, Quantizer, as_ids, check_temperature


class VectorQuantizer(Quantizer):
    """A codebook: the id of a vector is that of the nearest code, by Euclidean distance.

    Attributes:
        codes: float (n_codes, width), a buffer.
        uses: float (n_codes,), moving average of the vectors of a batch that each code stood for.
        sums: float (n_codes, width), moving average of their sum.
        started: bool (), whether the codes come from vectors.
    """

    codes: Tensor
    uses: Tensor
    sums: Tensor
    started: Tensor

    def __init__(
        self,
        width: int,
        n_codes: int,
        *,
        decay: float = 0.99,
        commitment: float = 0.25,
        replace_below: float = 0.03,
        k_means_steps: int = 10,
    ) -> None:
        """Random codes; the first batch of a training replaces them.

        Args:
            width: of the vectors.
            n_codes: how many codes.
            decay: of the moving averages at each batch.
            commitment: factor of the loss, the mean squared distance of vectors to their codes.
            replace_below: share of even use below which a code is replaced; 0: never.
            k_means_steps: of the start.

        Raises:
            ArgumentError: a value out of range.
        """
        super().__init__()
        self.width = check_whole("width", width, 1)
        self.vocab_sizes = (check_whole("n_codes", n_codes, 1, 1 << 24),)
        shares = {"decay": decay, "replace_below": replace_below}
        for name, share in shares.items():
            if not 0 <= check_real(name, share) < 1:
                raise ArgumentError(f"{name} must be from 0 to below 1, got {share!r}")
        if check_real("commitment", commitment) < 0:
            raise ArgumentError(f"commitment must be at least 0, got {commitment!r}")
        self.decay, self.commitment, self.replace_below = decay, commitment, replace_below
        self.k_means_steps = check_whole("k_means_steps", k_means_steps, 0)
        self.register_buffer("codes", torch.randn(n_codes, width))
        self.register_buffer("uses", torch.zeros(n_codes))
        self.register_buffer("sums", torch.zeros(n_codes, width))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, x: Tensor) -> Quantized:
        """Quantise vectors, float (..., width); in training the codes move afterwards."""
        rows = self.checked(x).detach().reshape(-1, self.width).to(self.codes.dtype)
        if self.training and len(rows) and not self.started:
            self._start(rows)
        ids = nearest(rows, self.codes)
        values = self.codes[ids].reshape(x.shape).to(x.dtype)
        loss = self.commitment * functional.mse_loss(x, values) if len(rows) else x.sum() * 0.0
        if self.training and len(rows):
            self._follow(rows, ids)
        return Quantized(x + (values - x).detach(), ids.reshape(x.shape[:-1]), loss)

    @torch.no_grad()
    def _start(self, rows: Tensor) -> None:
        self.codes.copy_(k_means(rows, len(self.codes), steps=self.k_means_steps))
        counts, sums = counts_and_sums(rows, nearest(rows, self.codes), len(self.codes))
        self.uses.copy_(counts)
        self.sums.copy_(sums)
        self.started.fill_(True)

    @torch.no_grad()
    def _follow(self, rows: Tensor, ids: Tensor) -> None:
        counts, sums = counts_and_sums(rows, ids, len(self.codes))
        self.uses.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        used = self.uses > torch.finfo(self.uses.dtype).tiny * 1e6
        self.codes[used] = self.sums[used] / self.uses[used, None]
        even = self.uses.sum() / len(self.uses)
        dead = torch.nonzero(self.uses < self.replace_below * even)[:, 0]
        if len(dead):
            chosen = rows[_places(len(rows), len(dead)).to(rows.device)]
            self.codes[dead] = chosen
            self.uses[dead] = even
            self.sums[dead] = chosen * even

    def encode(self, x: Tensor) -> Tensor:
        """The nearest codes, int64 (...)."""
        rows = self.checked(x).reshape(-1, self.width).to(self.codes.dtype)
        return nearest(rows, self.codes).reshape(x.shape[:-1])

    def decode(self, ids: Tensor) -> Tensor:
        """The codes themselves, float (..., width)."""
        return self.codes[as_ids(ids, len(self.codes))]

    def soft_assign(self, x: Tensor, *, temperature: float = 1.0) -> Tensor:
        """Log-probabilities, float (..., n_codes)."""
        check_temperature(temperature)
        rows = self.checked(x).reshape(-1, self.width).to(self.codes.dtype)
        parts = [(2 * near / temperature).log_softmax(1) for near in nearness(rows, self.codes)]
        return torch.cat(parts).reshape(*x.shape[:-1], len(self.codes))


def _places(n: int, k: int) -> Tensor:
    """`k` random places of `n`, different ones as far as there are so many."""
    rounds = [torch.randperm(n) for _ in range(-(-k // n))]
    return torch.cat(rounds)[:k]
