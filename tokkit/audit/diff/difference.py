"""`Difference`: all that is different between two tokenizers, as data."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.audit.costs.bootstrap import Estimate
from tokkit.audit.diff.merges import MergeChanges
from tokkit.audit.diff.own_texts import OwnTexts
from tokkit.audit.diff.segmentations import SegmentationChanges
from tokkit.audit.diff.settings import Setting
from tokkit.audit.diff.tokens import TokenChanges


@dataclass(frozen=True)
class CostChange:
    """What a language or kind of text costs.

    Attributes:
        code: of the language, or the kind.
        name: what a reader calls it.
        before: tokens of the texts.
        after: the same with the other tokenizer.
        ratio: `after` over `before`, with its interval over texts.
    """

    code: str
    name: str
    before: int
    after: int
    ratio: Estimate


@dataclass(frozen=True, eq=False)
class Difference:
    """What is different between two tokenizers. Equal pairs give equal outputs.

    Attributes:
        before: name of the one.
        after: name of the other.
        tokens: added, removed, moved.
        merges: added, removed, reordered; None if neither has merges.
        settings: those that are different.
        texts: sample texts that are cut differently, and the smallest such text.
        costs: by language, then by kind; the largest change first.
        own: what the user's texts cost, if some were given.
    """

    before: str
    after: str
    tokens: TokenChanges
    merges: MergeChanges | None
    settings: tuple[Setting, ...]
    texts: SegmentationChanges
    costs: tuple[CostChange, ...]
    own: OwnTexts | None = None

    def totals(self) -> tuple[int, int]:
        """Tokens of all sample texts, before and after."""
        return sum(each.before for each in self.costs), sum(each.after for each in self.costs)

    @property
    def is_same(self) -> bool:
        """Whether nothing is different: equal tokens, ids, merges and settings."""
        merges = self.merges
        return not (
            self.tokens.added
            or self.tokens.removed
            or self.tokens.moved
            or self.settings
            or self.texts.smallest
            or (merges and (merges.added or merges.removed or merges.reordered))
        )
