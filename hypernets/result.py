"""What a transfer gives: a plain model, its tokenizer, and how it went."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tokkit.errors import ArgumentError
from tokkit.hypernets.plain_models.saving import save_model
from tokkit.hypernets.tokenizer_export.exporting import ExportedTokenizer


@dataclass(frozen=True)
class Spread:
    """How the new rows of a matrix lie among the copied ones.

    Attributes:
        copied_norm: median norm of copied rows; NaN where there are none.
        new_norm: median norm of the others; NaN where there are none.
        cosine: median cosine of new rows to the mean of all rows, which copied rows have too.
        copied_cosine: the same of copied rows.
        outliers: ids of the new rows whose norm is furthest from the copied ones', at most ten.
    """

    copied_norm: float
    new_norm: float
    cosine: float
    copied_cosine: float
    outliers: tuple[int, ...]


@dataclass(frozen=True)
class BitsPerByte:
    """Of windows of a text that nothing was fitted to; the first token of each counts.

    Attributes:
        before: the old model with its own tokenizer.
        control: the old model, where the new tokenizer cuts and each piece is spelled with old
            tokens: what the segmentation alone costs.
        after: the new model.
        n_bytes: of text.
        bytes_per_token_before: of the old tokenizer.
        bytes_per_token_after: of the new one.
    """

    before: float
    control: float
    after: float
    n_bytes: int
    bytes_per_token_before: float
    bytes_per_token_after: float


@dataclass(frozen=True)
class TransferReport:
    """How a transfer went.

    Attributes:
        method: that was used.
        source: name of the old model.
        target: name of the new tokenizer.
        n_copied: new tokens that have the row of the same token before.
        n_combined: those whose rows are made from the rows of their parts.
        n_without: those without a decomposition: their input row is the mean of all old ones.
        tied: whether input and output rows are one matrix.
        inputs: where the new input rows lie.
        outputs: where the new output rows lie; None where they are the input rows.
        bits_per_byte: of the held-out part of the text; None without a text.
        notes: figure -> value, of the method and of the folding of its bias.
        remarks: what a user should know, a sentence each.
    """

    method: str
    source: str
    target: str
    n_copied: int
    n_combined: int
    n_without: int
    tied: bool
    inputs: Spread
    outputs: Spread | None
    bits_per_byte: BitsPerByte | None = None
    notes: Mapping[str, float] = field(default_factory=dict[str, float])
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class TransferResult:
    """A model with another tokenizer.

    Attributes:
        model: of transformers, of the class of the old one.
        exported: the tokenizer that was passed, as tokkit and as transformers read it.
        report: how it went.
    """

    model: Any
    exported: ExportedTokenizer
    report: TransferReport

    @property
    def tokenizer(self) -> Any:
        """A fast tokenizer of transformers that encodes as the one that was passed."""
        return self.exported.tokenizer

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a folder for `from_pretrained` of transformers, and for `tokkit.load_lm`.

        Raises:
            ArgumentError: `folder` is a file.
            UnsupportedError: `AutoTokenizer` would load another tokenizer from it.
            OSError: it cannot be written to.
        """
        if Path(folder).is_file():
            raise ArgumentError(f"{os.fspath(folder)} is a file; expected a folder")
        save_model(self.model, self.tokenizer, folder)

    def save_gguf(self, path: str | os.PathLike[str]) -> None:
        """Write a GGUF file that llama.cpp and transformers read as the same model.

        Raises:
            UnsupportedError: an architecture or a tokenizer that such a file cannot hold exactly.
            OSError: it cannot be written.
        """
        from tokkit.hypernets.gguf_export.writing import save_gguf

        save_gguf(self.model, self.exported, path)
