"""What a masked model expects around a text, and what it fills in."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.text.tokenizer import TextTokenizer

_MASKS = ("[MASK]", "<mask>")
_BEFORE = ("[CLS]", "<s>")
_AFTER = ("[SEP]", "</s>")


@dataclass(frozen=True)
class MaskedFrame:
    """Ids of control tokens.

    Attributes:
        mask: stands for what is to be told.
        before: precede a text.
        after: end it.
    """

    mask: int
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def n_tokens(self) -> int:
        """Beside those of the text."""
        return len(self.before) + len(self.after)


def frame_of(tokenizer: TextTokenizer) -> MaskedFrame | None:
    """By the names that BERT and RoBERTa gave these tokens; None without a mask."""
    mask, before, after = (
        tuple(tokenizer.special_tokens[name] for name in names if name in tokenizer.special_tokens)
        for names in (_MASKS, _BEFORE, _AFTER)
    )
    return MaskedFrame(mask[0], before[:1], after[:1]) if mask else None
