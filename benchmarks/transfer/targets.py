"""Tokenizers to transfer to, of 16,384 tokens by default, trained here; of three families.

Byte-level BPE (`tokenizers`), BPE and Unigram with byte fallback (`sentencepiece`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from benchmarks.transfer.texts import python_texts

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


def train_sentencepiece(
    lines: Iterable[str], *, kind: Literal["bpe", "unigram"], n_tokens: int = N_TOKENS
) -> bytes:
    """A SentencePiece model with byte fallback that leaves text as it is, as a `.model` file."""
    import sentencepiece

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(  # pyright: ignore[reportAttributeAccessIssue]
        sentence_iterator=iter(lines),
        model_writer=made,
        model_type=kind,
        vocab_size=n_tokens,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        num_threads=1,
        minloglevel=2,
    )
    return made.getvalue()


def python_tokenizer() -> Any:
    """The code tokenizer of the tables."""
    return train_bpe(python_texts(), pieces=PYTHON_PIECES)


def save_target(made: Any, folder: Path) -> Path:
    """Write what one of the functions above made to a file that `load_tokenizer` takes."""
    if isinstance(made, bytes):
        path = folder / "target.model"
        path.write_bytes(made)
    else:
        path = folder / "tokenizer.json"
        made.save(str(path))
    return path
