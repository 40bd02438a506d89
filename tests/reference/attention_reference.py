"""Attention, a place at a time: the oracle of `tokkit.models.blocks`."""

from __future__ import annotations

import math

import torch


def attention_reference(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, window: int | None = None
) -> torch.Tensor:
    """Causal attention of one head: float (length, width) each."""
    rows: list[torch.Tensor] = []
    for place in range(len(query)):
        first = 0 if window is None else max(0, place - window + 1)
        keys, values = key[first : place + 1], value[first : place + 1]
        scores = torch.stack([query[place] @ each for each in keys]) / math.sqrt(query.shape[1])
        weights = scores.exp() / scores.exp().sum()
        rows.append(sum((w * v for w, v in zip(weights, values, strict=True)), torch.zeros(())))
    return torch.stack(rows)


def rotated_reference(row: torch.Tensor, place: int, base: float) -> torch.Tensor:
    """One row of a head, turned to a place, a pair of columns at a time."""
    half = len(row) // 2
    turned = row.clone()
    for pair in range(half):
        angle = place * base ** (-pair / half)
        first, second = row[pair], row[pair + half]
        turned[pair] = first * math.cos(angle) - second * math.sin(angle)
        turned[pair + half] = first * math.sin(angle) + second * math.cos(angle)
    return turned
