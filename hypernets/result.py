"""What a transfer gives: a plain model, its tokenizer, and how it went."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from tokkit.arguments import check_path
from tokkit.files.writing import whole_folder
from tokkit.hypernets.gguf_export.writing import SavedGGUF, save_gguf
from tokkit.hypernets.plain_models.saving import CONFIG, save_model
from tokkit.hypernets.telling.figures import TransferFigures
from tokkit.hypernets.telling.transfer_report import render_transfer_page
from tokkit.hypernets.tokenizer_export.exporting import ExportedTokenizer
from tokkit.report.page.notebook import notebook_html


class TransferReport(TransferFigures):
    """How a transfer went, and what can be written of it."""

    def __repr__(self) -> str:
        return (
            f"TransferReport({self.source!r} to {self.target!r} by {self.method}: "
            f"{self.n_copied} rows copied, {self.n_tokens - self.n_copied} new)"
        )

    def _repr_html_(self) -> str:
        return notebook_html(self.to_html(), f"transfer of {self.source} to {self.target}")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def to_html(self) -> str:
        """A page that shows what it cost and where the rows lie, for UTF-8."""
        return render_transfer_page(self)


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

    def __repr__(self) -> str:
        return f"TransferResult({type(self.model).__name__}, {self.report!r})"

    @property
    def tokenizer(self) -> Any:
        """A fast tokenizer of transformers that encodes as the one that was passed."""
        return self.exported.tokenizer

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a folder for `from_pretrained` of transformers, and for `tokkit.load_lm`.

        It is there whole, or cannot be opened: the configuration comes last.

        Args:
            folder: made where it is missing; must be empty.

        Raises:
            ArgumentError: `folder` is a file, or holds something.
            UnsupportedError: `AutoTokenizer` would load another tokenizer from it.
            OSError: it cannot be written to.
        """
        with whole_folder(check_path(folder, "folder"), last=CONFIG) as part:
            save_model(self.model, self.tokenizer, part)

    def save_gguf(self, path: str | os.PathLike[str]) -> SavedGGUF:
        """Write a GGUF file that llama.cpp and transformers read as the same model.

        Returns:
            Where it is, and what llama.cpp does in another way.

        Raises:
            UnsupportedError: an architecture or a tokenizer that such a file cannot hold exactly.
            OSError: it cannot be written.
        """
        return save_gguf(self.model, self.exported, path)
