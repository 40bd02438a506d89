"""Better ids than the encoder's, by looking at what they decode to.

The encoder guesses; what it is after is known exactly: the squared distance of the expected
pictures by the first 1, 2, 4, … ids. So each id in turn is moved to a neighbour on the grid, one
level up or down in one column, if that makes the sum of those distances smaller ("iterated
conditional modes", Besag, 1986; in codecs: rate-distortion optimised quantisation). It is the same
sum whatever number of ids is kept, so that a truncated sequence is still the beginning of the whole
one. Nothing is drawn, and no picture looks at another.

The first id is worth the most, and a neighbour of a wrong guess is no better. So `FlexTok.encode`
searches from two beginnings, of which it keeps the nearer: that which the encoder gives, and that
which it gives after the first code that alone is nearest (`nearest_first`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from tokkit.models.flextok.mean_decoder import MeanDecoder
from tokkit.quantize.finite_scalar import FiniteScalarQuantizer
from tokkit.quantize.k_means import nearest

_MOST_CODES = 4096
"""Of which all are looked at for the first id."""
_MOST_NUMBERS = 1 << 24
"""In the pictures of codes that are looked at together."""


def searched(
    decoder: MeanDecoder,
    quantizer: FiniteScalarQuantizer,
    x: torch.Tensor,
    ids: torch.Tensor,
    *,
    lengths: Sequence[int],
    sweeps: int,
) -> torch.Tensor:
    """Ids whose expected pictures are nearer.

    Args:
        decoder: of expected pictures.
        quantizer: its grid.
        x: float (n, height, width, channels), from -1 to 1.
        ids: int64 (n, n_tokens), to begin with.
        lengths: numbers of first ids that are looked at, increasing; ids behind stay as they are.
        sweeps: how often each id is looked at.

    Returns:
        int64 (n, n_tokens).
    """
    ids = ids.clone()
    moves = _moves(quantizer.levels).to(ids.device)
    for _ in range(sweeps):
        moved = False
        for place in range(lengths[-1]):
            choices = _choices(ids[:, place], quantizer, moves)
            later = [length for length in lengths if length > place]
            errors = _errors(decoder, quantizer, x, ids, place, choices, later)
            best = errors.argmin(1, keepdim=True)  # the first of equals, which is what was there
            moved |= bool(best.any())
            ids[:, place] = choices.gather(1, best)[:, 0]
        if not moved:
            break
    return ids


def nearest_first(
    decoder: MeanDecoder, quantizer: FiniteScalarQuantizer, x: torch.Tensor
) -> torch.Tensor | None:
    """The first ids whose expected pictures, by nothing else, are nearest.

    Args:
        decoder: of expected pictures.
        quantizer: its grid.
        x: float (n, height, width, channels), from -1 to 1.

    Returns:
        int64 (n,); None where the grid has so many points that looking at all takes too long.
    """
    n_codes = math.prod(quantizer.levels)
    if n_codes > _MOST_CODES:
        return None
    wanted = x.flatten(1)
    found = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    least = torch.full((len(x),), math.inf, dtype=x.dtype, device=x.device)
    with torch.no_grad():
        ids = torch.arange(n_codes, device=x.device)
        for some in ids.split(max(1, _MOST_NUMBERS // wanted.shape[1])):
            codes = quantizer.decode(some).to(x.dtype)
            pictures = decoder.prefixes(codes[:, None], [1])[0].flatten(1)
            best = nearest(wanted, pictures)
            error = (wanted - pictures[best]).square().sum(1)
            found = torch.where(error < least, some[best], found)
            least = torch.minimum(error, least)
    return found


def distances(
    decoder: MeanDecoder,
    quantizer: FiniteScalarQuantizer,
    x: torch.Tensor,
    ids: torch.Tensor,
    lengths: Sequence[int],
) -> torch.Tensor:
    """Squared distances by all lengths together, float (n,), which the search makes smaller."""
    expected = decoder.prefixes(quantizer.decode(ids).to(x.dtype), lengths)
    return (expected - x).square().flatten(2).mean(2).sum(0)


def _moves(levels: Sequence[int]) -> torch.Tensor:
    """Steps along the columns, int64 (1 + 2 * columns, columns); the first goes nowhere."""
    steps = torch.eye(len(levels), dtype=torch.int64)
    return torch.cat([torch.zeros_like(steps[:1]), steps, -steps])


def _choices(
    ids: torch.Tensor, quantizer: FiniteScalarQuantizer, moves: torch.Tensor
) -> torch.Tensor:
    """Ids and their neighbours, int64 (n, choices); beyond the edge of the grid the id itself.

    Args:
        ids: int64 (n,).
        quantizer: whose grid it is.
        moves: int64 (choices, columns).
    """
    digits = quantizer.digits_of(ids)[:, None] + moves
    inside = ((digits >= 0) & (digits < torch.tensor(quantizer.levels, device=ids.device))).all(-1)
    return torch.where(inside, quantizer.ids_of(digits), ids[:, None])


def _errors(
    decoder: MeanDecoder,
    quantizer: FiniteScalarQuantizer,
    x: torch.Tensor,
    ids: torch.Tensor,
    place: int,
    choices: torch.Tensor,
    lengths: Sequence[int],
) -> torch.Tensor:
    """Squared distances by all lengths together, float (n, choices), of choices for one place."""
    codes = quantizer.decode(ids).to(x.dtype)
    sums = decoder.sums(codes, lengths)  # (lengths, n, hidden)
    change = quantizer.decode(choices).to(x.dtype) - codes[:, place, None]
    found = decoder.read(sums[:, :, None] + change @ decoder.rows[place])
    return (found - x[:, None]).square().flatten(3).mean(3).sum(0)
