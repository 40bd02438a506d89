"""What is audited: a tokenizer, and its file if it came from one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False)
class Subject:
    """A tokenizer to audit.

    Attributes:
        tokenizer: of any modality.
        path: the file that it was read from, if there is one; references read it again.
    """

    tokenizer: Tokenizer[Any]
    path: Path | None = None

    @property
    def text(self) -> TextTokenizer | None:
        """The tokenizer, if it is one of text."""
        return self.tokenizer if isinstance(self.tokenizer, TextTokenizer) else None
