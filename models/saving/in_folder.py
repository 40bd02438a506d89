"""Models that are saved as a folder, and built from their configuration alone: `InFolder`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import torch

from tokkit.models.saving.folders import load_model, save_model


class InFolder:
    """`save` and `load` of a network that has a `kind`, a `config_class` and a `config`.

    It stands before the other base classes, whose `save` and `load` are abstract.
    """

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write the model to a folder, which `tokkit.load_tokenizer` opens if it is a tokenizer.

        Raises:
            FormatError: it cannot be written.
        """
        model: Any = self
        save_model(model, directory)

    @classmethod
    def load(
        cls,
        directory: str | os.PathLike[str],
        *,
        dtype: str | None = None,
        device: str | None = None,
    ) -> Self:
        """Read what `save` wrote.

        Args:
            directory: that it wrote.
            dtype: `"float32"`, `"float64"` or `"bfloat16"`; by default that which was saved, but
                float32 for bfloat16: half the bytes in a file, and the precision of ids in use.
            device: as `"cuda:0"`; by default the CPU.

        Raises:
            ArgumentError: an unknown dtype or device.
            FormatError: the folder does not hold such a model, or is damaged.
        """
        kind: Any = cls
        model: Any = load_model(kind, directory, dtype=dtype, device=device)
        is_half = any(each.dtype == torch.bfloat16 for each in model.state_dict().values())
        return model.float() if dtype is None and is_half else model

    def save_parts(self, folder: Path) -> tuple[str, ...]:
        """Nothing beside the weights."""
        del folder
        return ()

    @classmethod
    def build(cls, config: Any, folder: Path) -> Self:
        """A model of a configuration."""
        del folder
        kind: Any = cls
        return kind(config)
