"""Tokenizers to transfer to: byte-level BPE of 16,384 tokens, trained here on code or German."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.shared.held_out import held_out, python_sources

N_TOKENS = 16_384

PYTHON_PIECES = (
    r"\n[ \t]*"  # a line break with the indent after it
    r"| ?\.?[A-Za-z_][A-Za-z0-9_]*\(?"  # an identifier, an attribute, a call
    r"| ?[0-9]+| ?[^\sA-Za-z0-9_]+|\s+"
)
"""Identifiers, calls and newline-plus-indent stay whole, as far as the merges go."""

WORD_PIECES = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""Words, digits one by one, punctuation and white space, as in GPT-2."""


def train_bpe(texts: Iterable[str], *, pieces: str, n_tokens: int = N_TOKENS) -> Any:
    """A byte-level BPE of the `tokenizers` library, all 256 bytes and one end-of-text token."""
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
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def python_texts() -> list[str]:
    """The standard library's modules that are not held out."""
    return [_read(path) for path in python_sources() if not held_out(path)]


def python_tokenizer() -> Any:
    """The code tokenizer of the tables."""
    return train_bpe(python_texts(), pieces=PYTHON_PIECES)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
