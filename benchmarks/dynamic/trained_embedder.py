"""An embedder that is trained for an encoder: rows that leave its states as they are.

The layers and rows of the encoder stay as they are. A small network reads the first, the last and
the mean of the rows of a string's tokens, and says what is added to the mean; it begins with
nothing. Batches of training text are merged, by shares that are drawn, and the network learns that
the states at what was not merged (masked places above all) should be those of the unmerged
sequence, and that the masked tokens should be told from them (cross-entropy).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

import tokkit
from benchmarks.shared.small_encoder import (
    LANGUAGES,
    MASK,
    MASKED_SHARE,
    PAD,
    SOURCES,
    SPECIAL,
    SmallEncoder,
    masked_logits,
    told,
)
from tokkit.dynamic.merged_batch import MergedBatch
from tokkit.models.training import TrainingOptions, train

_BATCH = 33
_MOST_REDUCED = 0.45


class SpellingNetwork(nn.Module):
    """From the rows of the tokens that spell a string to what is added to their mean."""

    def __init__(self, width: int, hidden: int = 384) -> None:
        """Begin with nothing to add."""
        super().__init__()
        self.first = nn.Linear(3 * width + 1, hidden)
        self.second = nn.Linear(hidden, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, matrix: torch.Tensor, spellings: Sequence[Sequence[int]]) -> torch.Tensor:
        """float32 (n, width): a row for each spelling of two ids or more.

        Args:
            matrix: float32 (ids, width), the rows of the model.
            spellings: ids of each string.
        """
        lengths = torch.tensor([len(each) for each in spellings])
        ids = torch.tensor([token for each in spellings for token in each])
        owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        sums = matrix.new_zeros((len(lengths), matrix.shape[1]))
        mean = sums.index_add(0, owner, matrix[ids]) / lengths[:, None]
        ends = lengths.cumsum(0)
        size = matrix.square().mean().sqrt()
        parts = [matrix[ids[ends - lengths]], matrix[ids[ends - 1]], mean]
        read = torch.cat([*(each / size for each in parts), 1 / lengths[:, None]], dim=1)
        return mean + size * self.second(functional.gelu(self.first(read)))


@dataclass(frozen=True)
class TrainedEmbedder:
    """The `Embedder` of a trained network.

    Attributes:
        network: trained.
        matrix: float32 (ids, width), the rows of the model.
    """

    network: SpellingNetwork
    matrix: torch.Tensor

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.matrix.shape[1]

    def rows(self, spellings: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """float32 (n, width): a token's own row where it stands alone, else what is predicted."""
        made = np.empty((len(spellings), self.width), np.float32)
        longer = [k for k, each in enumerate(spellings) if len(each) > 1]
        for k, each in enumerate(spellings):
            if len(each) == 1:
                made[k] = self.matrix[each[0]].numpy()
        if longer:
            with torch.inference_mode():
                found = self.network(self.matrix, [spellings[k] for k in longer])
            made[longer] = found.numpy()
        return made


def trained_embedder(
    encoder: SmallEncoder, model: Any, seconds: float, folder: Path
) -> SpellingNetwork:
    """Train the network on the training texts, along a frozen masked model."""
    matrix = model.get_input_embeddings().weight.detach()
    network = SpellingNetwork(matrix.shape[1])
    model.requires_grad_(requires_grad=False)

    def loss(number: int) -> torch.Tensor:
        generator = np.random.default_rng([3, number])
        language = LANGUAGES[int(generator.integers(len(LANGUAGES)))]
        n = _BATCH // len(SOURCES)
        given = np.concatenate([encoder.chunk(generator, (language, s), n) for s in SOURCES])
        hidden = (generator.random(given.shape) < MASKED_SHARE) & (given >= len(SPECIAL))
        ids = np.where(hidden, MASK, given)
        batch = tokkit.merge_batch(
            list(ids),
            tokenizer=encoder.tokenizer,
            target_reduction=float(generator.uniform(0.05, _MOST_REDUCED)),
            min_count=1,
        )
        with torch.no_grad():
            wanted = model.base_model(torch.from_numpy(ids)).last_hidden_state.float()
        inputs, mask = _inputs(network, matrix, batch)
        states = model.base_model(inputs_embeds=inputs, attention_mask=mask).last_hidden_state
        kept, places = unmerged(batch)
        found, wanted = states[kept].float(), wanted[places]
        away = (found - wanted).square().mean() / wanted.square().mean()
        asked = torch.from_numpy(hidden)[places]
        logits = masked_logits(model, states[kept][asked]).float()
        told_tokens = torch.from_numpy(given)[places][asked]
        return away + functional.cross_entropy(logits, told_tokens)

    options = TrainingOptions(
        seconds=seconds, learning_rate=1e-3, autocast="bfloat16", evaluations=0
    )
    train(network, loss, options, folder=folder, progress=told(seconds))
    return network.eval()


def _inputs(
    network: SpellingNetwork, matrix: torch.Tensor, batch: MergedBatch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Input rows (n, longest, width) of a merged batch, with a gradient, and what is no padding."""
    n = batch.tokenizer.vocab_size
    longest = max(map(len, batch.sequences))
    ids = np.full((len(batch.sequences), longest), PAD, np.int64)
    mask = np.zeros(ids.shape, np.bool_)
    for row, sequence in enumerate(batch.sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    used, places = np.unique(ids, return_inverse=True)
    old = used[used < n]
    rows = matrix[torch.from_numpy(old)]
    if len(old) < len(used):
        new = [batch.original_ids(token) for token in used[len(old) :].tolist()]
        rows = torch.cat([rows, network(matrix, new).to(rows.dtype)])
    return rows[torch.from_numpy(places.reshape(ids.shape))], torch.from_numpy(mask)


def unmerged(
    batch: MergedBatch,
) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Where ids stand that were not merged: in the merged batch, and in the original one."""
    rows: list[int] = []
    merged: list[int] = []
    original: list[int] = []
    for row, spans in enumerate(batch.spans):
        alone = np.flatnonzero(spans[:, 1] - spans[:, 0] == 1)
        rows += [row] * len(alone)
        merged += alone.tolist()
        original += spans[alone, 0].tolist()
    row_tensor = torch.tensor(rows)
    return (row_tensor, torch.tensor(merged)), (row_tensor, torch.tensor(original))
