"""Small tokenizers of each family, from files and objects of the libraries that make them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from tests.text.format_samples import CORPUS
from tokkit.text.formats.byte_alphabet import bytes_of
from tokkit.text.formats.patterns import CL100K

END, HOLE_AFTER = "<|endoftext|>", 3
CONTROLS = {END: 0, "<|fim_prefix|>": 4, "<|fim_suffix|>": 5}
"""Control tokens of a rank file, counted from its end: with a hole behind the first."""
POSSESSIVE = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
"""The pattern of tiktoken's `cl100k_base`, which Oniguruma would read in another way."""


def byte_level_bpe(folder: Path, *, size: int = 400) -> Any:
    """A tokenizer of `tokenizers`."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END, "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    return made


def ranks(size: int = 400) -> dict[bytes, int]:
    """Token -> rank: single bytes, then merges in the order of training."""
    document = json.loads(byte_level_bpe(Path(), size=size).to_str())
    vocab: dict[str, int] = document["model"]["vocab"]
    spelled = {bytes_of(text): token for text, token in vocab.items() if not text.startswith("<|")}
    ordered = sorted(spelled, key=spelled.__getitem__)
    assert None not in spelled
    return {data: rank for rank, data in enumerate(ordered) if data is not None}


def tiktoken_encoding(folder: Path, *, controls: bool = True, pattern: str = CL100K) -> Any:
    import tiktoken

    tokens = ranks()
    specials = {text: len(tokens) + place for text, place in CONTROLS.items()} if controls else {}
    return tiktoken.Encoding(
        "toy", pat_str=pattern, mergeable_ranks=tokens, special_tokens=specials
    )


def tekken(folder: Path) -> Path:
    tokens = ranks()
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(data).decode(), "token_str": None}
        for data, rank in tokens.items()
    ]
    config = {
        "pattern": CL100K, "default_vocab_size": len(tokens) + 20, "default_num_special_tokens": 20,
    }  # fmt: skip
    path = folder / "tekken.json"
    path.write_text(json.dumps({"config": config, "vocab": vocab}))
    return path


def sentencepiece(folder: Path, **options: Any) -> Path:
    import sentencepiece as library

    model = io.BytesIO()
    given = {
        "model_type": "bpe", "vocab_size": 450, "byte_fallback": True,
        "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "hard_vocab_limit": False, "minloglevel": 2,
    }  # fmt: skip
    trainer: Any = library.SentencePieceTrainer
    trainer.Train(sentence_iterator=iter(CORPUS), model_writer=model, **(given | options))
    path = folder / "tokenizer.model"
    path.write_bytes(model.getvalue())
    return path


def unigram(folder: Path) -> Path:
    signs = "<>/|[]_0x14EUNKunks"
    return sentencepiece(
        folder, model_type="unigram", vocab_size=150, byte_fallback=False, required_chars=signs
    )


def unigram_without_signs(folder: Path) -> Path:
    """Characters of `<s>` are unknown to it."""
    return sentencepiece(folder, model_type="unigram", vocab_size=150, byte_fallback=False)


def squeezing(folder: Path) -> Path:
    return sentencepiece(folder, remove_extra_whitespaces=True)


def like_gemma(folder: Path) -> Path:
    return sentencepiece(
        folder, add_dummy_prefix=False, user_defined_symbols=["\n\n", "▁▁", "<mask>"]
    )


def bert_vocabulary(folder: Path) -> Path:
    made = tokenizers.BertWordPieceTokenizer()
    made.train_from_iterator(CORPUS, vocab_size=200, show_progress=False)
    vocab = made.get_vocab()
    path = folder / "vocab.txt"
    path.write_text("\n".join(sorted(vocab, key=vocab.__getitem__)) + "\n")
    return path


FAMILIES: dict[str, Callable[[Path], Any]] = {
    "byte-level BPE": byte_level_bpe,
    "tiktoken": tiktoken_encoding,
    "tiktoken without control tokens": lambda folder: tiktoken_encoding(folder, controls=False),
    "tiktoken with a pattern of Rust": lambda folder: tiktoken_encoding(folder, pattern=POSSESSIVE),
    "tekken": tekken,
    "SentencePiece BPE": sentencepiece,
    "SentencePiece BPE that squeezes spaces": squeezing,
    "SentencePiece BPE with symbols": like_gemma,
    "SentencePiece Unigram": unigram,
    "WordPiece": bert_vocabulary,
}
"""By name: writes or makes a tokenizer, given a folder, and returns what names it."""
