"""A byte-level BPE that is trained here, of the `tokenizers` library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

WORD_PIECES = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""Words, digits one by one, punctuation and white space, as in GPT-2."""
END_OF_TEXT = ("<|endoftext|>",)


def train_bpe(
    texts: Iterable[str],
    *,
    n_tokens: int,
    pieces: str = WORD_PIECES,
    special_tokens: Sequence[str] = END_OF_TEXT,
) -> Any:
    """A byte-level BPE with all 256 bytes; the special tokens have the first ids.

    Args:
        texts: to learn from.
        n_tokens: at most, special tokens and bytes included.
        pieces: a pattern of what no merge goes beyond.
        special_tokens: their texts.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [
            pre_tokenizers.Split(Regex(pieces), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=n_tokens,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
