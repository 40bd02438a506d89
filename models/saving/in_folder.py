"""Models that are saved as a folder: `InFolder`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch

from tokkit.models.saving.folders import load_model, save_model


class InFolder:
    """`save` and `load` of a network that has a `kind`, a `config_class`, a `config` and a `name`.

    It stands before the other base classes, whose `save` and `load` are abstract.
    """

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model to a folder, which `load_lm` or `load_tokenizer` opens as it was.

        The folder is made where it is missing; what else it holds stays.

        Raises:
            ArgumentError: no path.
            FormatError: it cannot be written.
            ModelError: it could not be loaded again: numbers that are not finite, or of other types
                than float32, float64 or bfloat16, or of several.
        """
        model: Any = self
        save_model(model, folder)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        dtype: str | None = None,
        device: str | None = None,
    ) -> Self:
        """Read what `save` wrote.

        Args:
            folder: that it wrote.
            dtype: `"float32"`, `"float64"` or `"bfloat16"`; by default that which was saved, but
                float32 for bfloat16: half the bytes in a file, and the precision of ids in use.
            device: as `"cuda:0"`; by default the CPU.

        Raises:
            ArgumentError: no path, or an unknown dtype or device.
            FormatError: the folder does not hold such a model, or is damaged.
        """
        kind: Any = cls
        model: Any = load_model(kind, folder, dtype=dtype, device=device)
        is_half = any(each.dtype == torch.bfloat16 for each in model.state_dict().values())
        return model.float() if dtype is None and is_half else model

    def save_parts(self, folder: Path) -> Sequence[str]:  # noqa: ARG002  # some have parts
        """Write what else belongs to the model, beside its configuration and its weights.

        Returns:
            The files that were written, relative to the folder.

        Raises:
            OSError: the folder cannot be written to.
        """
        return ()

    @classmethod
    def build(cls, config: Any, folder: Path) -> Self:  # noqa: ARG003  # some have parts
        """A model of a configuration, with what `save_parts` wrote.

        Args:
            config: of `config_class`.
            folder: where the parts are.

        Raises:
            FormatError: a part is missing or damaged.
        """
        kind: Any = cls
        return kind(config)
