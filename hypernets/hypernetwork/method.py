"""The method of transfer that uses a trained hypernetwork.

1. The heuristic that the network was trained to correct makes rows, without a text.
2. The network reads the rows of *this* model, which may be a fine-tuned variant of the one that it
   was trained for, and predicts those of new tokens; copied ones stay.
3. With a text, output rows and bias are fitted to it, as those of the heuristic alone would be
   (`heuristics.calibration`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch

from tokkit.arguments import check_kind, check_path
from tokkit.hypernets.alignment import Alignment, from_spellings
from tokkit.hypernets.heuristics.shared_first import fitted
from tokkit.hypernets.hypernetwork.base_rows import all_rows, heuristic_rows, predictable
from tokkit.hypernets.hypernetwork.config import HypernetConfig
from tokkit.hypernets.hypernetwork.published import is_published, load_published
from tokkit.hypernets.hypernetwork.spellings import Spellings
from tokkit.hypernets.hypernetwork.trained import TrainedHypernet
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import TransferTask
from tokkit.text.spec import TokenizerSpec


def open_hypernet(
    source: str | os.PathLike[str] | TrainedHypernet, *, language: str | None = None
) -> TrainedHypernet:
    """A folder that `train_hypernetwork` wrote, or of a published checkpoint.

    Args:
        source: the folder, or what was opened before.
        language: of a published checkpoint that has several.

    Raises:
        FormatError: it is neither, or damaged.
        ArgumentError: a language that it has not, or none where it has some; a source of another
            kind.
    """
    check_kind(source, (str, os.PathLike, TrainedHypernet), "hypernet", "pass its folder")
    if isinstance(source, TrainedHypernet):
        return source
    path = check_path(source, "hypernet")
    if is_published(path):
        return load_published(path, language=language)
    return TrainedHypernet.load(path)


@dataclass(frozen=True, eq=False)
class HypernetMethod:
    """A trained network as a method of transfer."""

    hypernet: TrainedHypernet

    def rows(self, task: TransferTask) -> Rows:
        """Rows of all tokens, fitted to a text where there is one, and outputs and a bias are made.

        Raises:
            ModelError: the network does not fit the model.
        """
        rows = predicted_rows(task, self.hypernet)
        fitting = task.fitting
        if fitting is None or fitting.states is None or not task.new.any():
            return rows
        if rows.outputs is None or rows.bias is None:
            return rows
        return fitted(rows, fitting, task.choosing)


def predicted_rows(task: TransferTask, hypernet: TrainedHypernet) -> Rows:
    """Rows of all tokens, not fitted to a text.

    Raises:
        ModelError: the network does not fit the model.
    """
    network, config = hypernet.network, hypernet.network.config
    hypernet.check_fits(task.source.spec, task.inputs.shape[1], tied=task.tied)
    alignment = _with_fallbacks(task.alignment, task.source.spec, task.target, config)
    # Of the alignment without fallbacks, whose ids a variant's own tokens may have.
    tokens = predictable(alignment)
    tokens &= torch.from_numpy(_within(task.alignment, config))
    device = next(network.parameters()).device  # where it was trained, or the CPU
    base = heuristic_rows(task, hypernet.heuristic).to(device)
    rows = task.inputs if task.outputs is None else np.hstack([task.inputs, task.outputs])
    made = all_rows(
        network,
        base,
        Spellings.of(alignment, config.max_parts),
        torch.nonzero(tokens)[:, 0].to(device),
        torch.from_numpy(rows).to(device),
        residual=hypernet.residual,
        language=hypernet.language,
    )
    stay_tied = task.tied and not config.separate_outputs and base.outputs is base.inputs
    made = made.to(torch.device("cpu"))
    has_bias = hypernet.residual or task.bias is not None
    return Rows(
        made.inputs.numpy(),
        None if stay_tied else made.outputs.numpy(),
        made.bias.numpy() if has_bias else None,
        predicted=tokens.numpy(),
    )


def _within(alignment: Alignment, config: HypernetConfig) -> np.ndarray:
    """Tokens spelled with ids that the network knows, and not with those that a variant added."""
    odd = alignment.parts >= config.n_source
    spelled = np.repeat(np.arange(len(alignment)), alignment.lengths)
    return np.bincount(spelled, odd, minlength=len(alignment)) == 0


def _with_fallbacks(
    alignment: Alignment, source: TokenizerSpec, target: TokenizerSpec, config: HypernetConfig
) -> Alignment:
    """Spell what nothing old spells by its bytes, those that are missing by fallbacks."""
    if not config.n_extra or not alignment.without.any():
        return alignment
    known = source.token_bytes[: config.n_source]
    single = {data[0]: old for old, data in enumerate(known) if len(data) == 1}
    missing = [byte for byte in range(256) if byte not in single][: config.n_extra]
    single |= {byte: config.n_source + place for place, byte in enumerate(missing)}
    spellings = [alignment[token] for token in range(len(alignment))]
    for token in np.flatnonzero(alignment.without).tolist():
        data = target.token_bytes[token]
        if data and all(byte in single for byte in data):
            spellings[token] = tuple(single[byte] for byte in data)
    return from_spellings(spellings, copied=alignment.copied, n_source=alignment.n_source)
