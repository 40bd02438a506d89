"""Small tokenizers of every family and file format, made on the spot with fixed settings."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from scripts.recorded_outputs.inputs import SHARES, TOYS, drawn_text, is_missing
from scripts.recorded_outputs.recording import Recording

END = "<|endoftext|>"
FIM = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<repo_name>")
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Toy:
    """One small tokenizer.

    Attributes:
        path: of its file or folder, from the folder of the inputs.
        options: of `tokkit.load_tokenizer`.
    """

    path: Path
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


_HF = ("bpe", "bpe like llama3", "bpe with marks", "wordpiece", "unigram", "words", "mixture")
_SENTENCEPIECE: dict[str, dict[str, Any]] = {
    "sentencepiece bpe": {
        "model_type": "bpe", "vocab_size": 800, "byte_fallback": True,
        "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "user_defined_symbols": ["<tool>"], "split_digits": True,
    },
    "sentencepiece unigram": {
        "model_type": "unigram", "vocab_size": 700, "byte_fallback": True,
        "normalization_rule_name": "nmt_nfkc",
    },
    "sentencepiece unigram without bytes": {
        "model_type": "unigram", "vocab_size": 700,
    },
}  # fmt: skip

TOY_SOURCES: dict[str, Toy] = {
    **{name: Toy(TOYS / name / "tokenizer.json") for name in _HF},
    **{name: Toy(TOYS / name / "toy.model") for name in _SENTENCEPIECE},
    "ranks": Toy(
        TOYS / "ranks/toy.tiktoken",
        {"format": "tiktoken", "pattern": LLAMA3, "special_tokens": {END: 700}},
    ),
    "ranks as cl100k": Toy(TOYS / "ranks/toy.tiktoken", {"format": "tiktoken:cl100k_base"}),
    "tekken": Toy(TOYS / "tekken/tekken.json"),
    "GPT-2 files": Toy(TOYS / "GPT-2 files"),
    "BERT vocabulary": Toy(TOYS / "BERT vocabulary/vocab.txt"),
    "RWKV": Toy(TOYS / "RWKV/rwkv_vocab_v1.txt"),
    "GGUF": Toy(TOYS / "GGUF/toy.gguf"),
}


def write_toys(folder: Path, corpus: Sequence[str], recording: Recording) -> None:
    """Make all of them below `folder`; those of packages that are missing are skipped."""
    makers: dict[str, Callable[[Path], None]] = {
        "bpe": lambda path: _byte_level(path, corpus),
        "bpe like llama3": lambda path: _like_llama3(path, corpus),
        "bpe with marks": lambda path: _with_marks(path, corpus),
        "wordpiece": lambda path: _wordpiece(path, corpus),
        "unigram": _unigram,
        "words": lambda path: _words(path, corpus),
        "mixture": _of_mixture,
    }
    for name, make in makers.items():
        (folder / name).mkdir(parents=True)
        make(folder / name / "tokenizer.json")
    _derived_files(folder, with_gguf=not is_missing(recording, "tokenizers/toys/GGUF", "gguf"))
    for name, options in _SENTENCEPIECE.items():
        if is_missing(recording, f"tokenizers/toys/{name}", "sentencepiece"):
            continue
        (folder / name).mkdir()
        _sentencepiece(folder / name / "toy.model", corpus, options)


# -- tokenizer.json --------------------------------------------------------------------------------


def _save(path: Path, tokenizer: Any) -> None:
    text: str = tokenizer.to_str(pretty=True)
    path.write_text(text, encoding="utf-8")


def _byte_level(path: Path, corpus: Sequence[str]) -> None:
    """As GPT-2, composed first, with control tokens of a model that fills in the middle."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=640,
        show_progress=False,
        special_tokens=[END, *FIM],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus, trainer)
    _save(path, tokenizer)


def _like_llama3(path: Path, corpus: Sequence[str]) -> None:
    """Digits in threes, whole pieces first, a token before each text, all kinds of added tokens."""
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        pre_tokenizers,
        processors,
        trainers,
    )

    tokenizer: Any = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        show_progress=False,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens(
        [
            AddedToken("<tool>", lstrip=True, rstrip=True),
            AddedToken("the", single_word=True, normalized=False),
            AddedToken("\n\n", normalized=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    _save(path, tokenizer)


def _of_few_characters(corpus: Sequence[str], size: int) -> list[str]:
    """The texts with a space for all but the most frequent characters.

    A trainer's own `limit_alphabet` breaks ties in another order on every run.
    """
    kept = {char for char, _ in _ranked(Counter("".join(corpus)), size)}
    return ["".join(char if char in kept else " " for char in text) for text in corpus]


def _with_marks(path: Path, corpus: Sequence[str]) -> None:
    """Characters with a mark for spaces, and bytes for what the alphabet lacks."""
    from tokenizers import Tokenizer, decoders, models, normalizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=520,
        show_progress=False,
        max_token_length=12,
        special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
    )
    words = [" ".join(text.split()) for text in _of_few_characters(corpus, 70)]
    tokenizer.train_from_iterator([word for text in words for word in text.split(" ")], trainer)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    document = json.loads(tokenizer.to_str())
    document["model"].update(unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    document["added_tokens"] = document["added_tokens"][:3]
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _wordpiece(path: Path, corpus: Sequence[str]) -> None:
    """As BERT, cased; of frequent words and ends of words, for its trainer has no fixed order."""
    from tokenizers import BertWordPieceTokenizer, pre_tokenizers

    splitter: Any = pre_tokenizers.BertPreTokenizer()
    words = Counter(word for text in corpus for word, _ in splitter.pre_tokenize_str(text))
    ends = Counter(f"##{word[-n:]}" for word in words for n in (2, 3, 4) if len(word) > n)
    characters = [char for char, _ in _ranked(Counter("".join(words)), 200)]
    spellings = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    spellings += [f"##{char}" for char in characters]
    spellings += [text for text, _ in [*_ranked(words, 120), *_ranked(ends, 80)]]
    ids = {text: k for k, text in enumerate(dict.fromkeys(spellings))}
    tokenizer: Any = BertWordPieceTokenizer(vocab=ids, lowercase=False)
    _save(path, tokenizer)


def _ranked(counts: Counter[str], size: int) -> list[tuple[str, int]]:
    """The most frequent ones, ties by their text."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:size]


def _unigram(path: Path) -> None:
    """Scores as they are given, since training them need not give the same twice."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = ("the", "capital", "of", "is", "it's", "not", "un", "able", "ing", "er", "s", "th")
    letters = [*"▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;'\n\té日本"]
    spellings = dict.fromkeys([*letters, *words, *(f"▁{word}" for word in words)])
    scores = [("<unk>", 0.0)]
    scores += [(text, -2.0 - k / 16 - 3 / len(text)) for k, text in enumerate(spellings)]
    tokenizer: Any = Tokenizer(models.Unigram(scores, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["<unk>", "</s>"])
    _save(path, tokenizer)


def _words(path: Path, corpus: Sequence[str]) -> None:
    """Whole words and punctuation, and one token for all others."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    splitter: Any = pre_tokenizers.Whitespace()
    words = [word for text in corpus for word, _ in splitter.pre_tokenize_str(text)]
    ids = {word: k for k, word in enumerate(dict.fromkeys(["[UNK]", *words]))}
    tokenizer: Any = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = splitter
    _save(path, tokenizer)


def _of_mixture(path: Path) -> None:
    """Trained on a known mix of invented languages."""
    from tokenizers import ByteLevelBPETokenizer

    training = [drawn_text(name, int(share * 60_000), seed=1) for name, share in SHARES.items()]
    tokenizer: Any = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(training, vocab_size=1200, show_progress=False)
    _save(path, tokenizer)


# -- other formats, from the byte-level one --------------------------------------------------------


def _derived_files(folder: Path, *, with_gguf: bool) -> None:
    """The same merges as ranks, as tekken, as GPT-2's files and in a GGUF file; two word lists."""
    document = json.loads((folder / "bpe/tokenizer.json").read_text(encoding="utf-8"))
    model = cast("dict[str, Any]", document["model"])
    spelled = _bytes_of_characters()
    tokens = [
        bytes(spelled[char] for char in text)
        for text, _ in sorted(cast("dict[str, int]", model["vocab"]).items(), key=lambda e: e[1])
        if text not in (END, *FIM)
    ]
    for name in ("ranks", "tekken", "GPT-2 files", "BERT vocabulary", "RWKV", "GGUF"):
        (folder / name).mkdir()
    lines = [base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens)]
    (folder / "ranks/toy.tiktoken").write_bytes(b"".join(lines))
    _tekken(folder / "tekken/tekken.json", tokens)
    merges = [" ".join(pair) for pair in cast("list[list[str]]", model["merges"])]
    gpt2 = folder / "GPT-2 files"
    (gpt2 / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    vocab = cast("dict[str, int]", model["vocab"])
    (gpt2 / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    if with_gguf:
        _gguf(folder / "GGUF/toy.gguf", vocab, merges)
    _rwkv(folder / "RWKV/rwkv_vocab_v1.txt", tokens)
    wordpiece = json.loads((folder / "wordpiece/tokenizer.json").read_text(encoding="utf-8"))
    words = sorted(wordpiece["model"]["vocab"], key=wordpiece["model"]["vocab"].__getitem__)
    (folder / "BERT vocabulary/vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


def _bytes_of_characters() -> dict[str, int]:
    """The alphabet in which GPT-2's files write bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {
        chr(256 + k): byte for k, byte in enumerate(hidden)
    }


def _tekken(path: Path, tokens: Sequence[bytes]) -> None:
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(tokens)
    ]
    config = {
        "pattern": GPT2, "default_vocab_size": len(vocab) + 10, "default_num_special_tokens": 10,
        "num_vocab_tokens": len(vocab), "version": "v3",
    }  # fmt: skip
    path.write_text(json.dumps({"config": config, "vocab": vocab}), encoding="utf-8")


def _rwkv(path: Path, tokens: Sequence[bytes]) -> None:
    lines: list[str] = []
    for number, token in enumerate(tokens, start=1):
        try:
            literal = repr(token.decode())
        except UnicodeDecodeError:
            literal = repr(token)
        lines.append(f"{number} {literal} {len(token)}\n")
    path.write_text("".join(lines), encoding="utf-8")


def _gguf(path: Path, vocab: Mapping[str, int], merges: Sequence[str]) -> None:
    import gguf

    writer: Any = gguf.GGUFWriter(path, "llama")
    tokens = sorted(vocab, key=vocab.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in (END, *FIM) else 1 for token in tokens])
    writer.add_token_merges(list(merges))
    writer.add_eos_token_id(vocab[END])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def _sentencepiece(path: Path, corpus: Sequence[str], options: Mapping[str, Any]) -> None:
    import sentencepiece

    model = io.BytesIO()
    lines = [
        line for text in corpus for line in text.splitlines() if max(line, default="") < "\u0530"
    ]
    trainer: Any = sentencepiece.SentencePieceTrainer
    trainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        minloglevel=2,
        hard_vocab_limit=False,
        num_threads=1,
        **options,
    )
    path.write_bytes(model.getvalue())
