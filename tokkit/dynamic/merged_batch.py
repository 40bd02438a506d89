"""`MergedBatch`: merged sequences, and what is written of them."""

from __future__ import annotations

from typing import Any

from tokkit.dynamic.merge_report import merge_data, render_merge_page
from tokkit.dynamic.merged_sequences import MergedSequences
from tokkit.report.page.notebook import notebook_html


class MergedBatch(MergedSequences):
    """A batch of merged sequences. Build one with `tokkit.merge_batch`."""

    def _repr_html_(self) -> str:
        return notebook_html(self.to_html(), f"merged batch of {self.tokenizer.name}")

    def to_dict(self) -> dict[str, Any]:
        """For JSON: figures, merges in order with what they spell, and the merged sequences."""
        return merge_data(self)

    def to_html(self, name: str = "") -> str:
        """A page that shows how the batch became shorter, for UTF-8.

        Args:
            name: of the batch; default, the tokenizer's.
        """
        return render_merge_page(self, name or self.tokenizer.name)
