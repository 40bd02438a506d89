"""Tokenizers to transfer to, of 16,384 tokens by default, trained here; of three families.

Byte-level BPE (`tokenizers`), BPE and Unigram with byte fallback (`sentencepiece`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from benchmarks.shared.byte_level_bpe import train_bpe
from benchmarks.transfer.texts import python_texts

N_TOKENS = 16_384

PYTHON_PIECES = (
    r"\n[ \t]*"  # a line break with the indent after it
    r"| ?\.?[A-Za-z_][A-Za-z0-9_]*\(?"  # an identifier, an attribute, a call
    r"| ?[0-9]+| ?[^\sA-Za-z0-9_]+|\s+"
)
"""Identifiers, calls and newline-plus-indent stay whole, as far as the merges go."""


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
    return train_bpe(python_texts(), pieces=PYTHON_PIECES, n_tokens=N_TOKENS)


def save_target(made: Any, folder: Path) -> Path:
    """Write what one of the functions above made to a file that `load_tokenizer` takes."""
    if isinstance(made, bytes):
        path = folder / "target.model"
        path.write_bytes(made)
    else:
        path = folder / "tokenizer.json"
        made.save(str(path))
    return path
