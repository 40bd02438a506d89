"""SentencePiece models to compare by: trained on a little text, or put together piece by piece."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from tests.fuzz.draw_texts import draw_texts
from tests.text.format_samples import CORPUS

# Neither the trainer, which takes options by name, nor the messages are typed for this.
TRAINER: Any = sentencepiece.SentencePieceTrainer
PROTO: Any = sentencepiece_model_pb2

TYPES = {"unigram": 1, "bpe": 2, "word": 3, "char": 4}
RULES = ("nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", *["identity"] * 4)
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
SYMBOLS = (
    *("sea", "the sea", "shells", "he", "▁the", "▁", "▁▁", "é", "e", "ﬁ", "Ⅷ", "\n", "\t", "a  b"),
    *("  ", " s", "s ", "<x>", "100%", "日本", "本語", "'s", "ab▁", "🎉", "\u0301", "TH"),
)
ALPHABET = ("a", "b", "▁", "é", " ", "日")


class UnloadableError(Exception):
    """The library does not train or load such a model."""


@dataclass(frozen=True)
class Case:
    """A model and what to encode.

    Attributes:
        options: what it was drawn with, for reports.
        model: the bytes of the file.
        texts: to encode.
    """

    options: dict[str, Any]
    model: bytes
    texts: tuple[str, ...]


def draw_case(seed: int, index: int, *, n_texts: int = 12) -> Case:
    """The same seed and index give the same case.

    Raises:
        UnloadableError: the library refuses to train the model.
    """
    rng = random.Random(f"{seed} {index}")
    options: dict[str, Any] = {"model_type": rng.choice(list(TYPES))}
    options["symbols"] = rng.sample(SYMBOLS, rng.choice([0, 0, 1, 2, 5]))
    for name in ("byte_fallback", "suffix", "unescaped"):
        options[name] = rng.random() < 0.25
    options["byte_fallback"] &= options["model_type"] != "word"  # the trainer knows no such model
    for name in ("add_dummy_prefix", "remove_extra_whitespaces"):
        options[name] = rng.random() < 0.6
    options["rule"] = rng.choice(RULES)
    options["trained"] = rng.random() < 0.5
    model = _trained(rng, options) if options["trained"] else _assembled(rng, options)
    model.normalizer_spec.escape_whitespaces = not options["unescaped"]
    texts = draw_texts(rng, n_texts, options["symbols"])
    texts += ["".join(rng.choices("aabb▁  é日z\u3000\x7f\n", k=rng.randint(1, 12)))]
    return Case(options, model.SerializeToString(), tuple(text.replace("\0", "") for text in texts))


def _trained(rng: random.Random, options: dict[str, Any]) -> Any:
    given = {
        "model_type": options["model_type"],
        "vocab_size": rng.choice([60, 120, 350]) + 256 * options["byte_fallback"],
        "user_defined_symbols": options["symbols"],
        "byte_fallback": options["byte_fallback"],
        "add_dummy_prefix": options["add_dummy_prefix"],
        "remove_extra_whitespaces": options["remove_extra_whitespaces"],
        "treat_whitespace_as_suffix": options["suffix"],
        "normalization_rule_name": options["rule"],
        "split_digits": rng.random() < 0.3,
        "split_by_whitespace": rng.random() < 0.7,
        "split_by_unicode_script": rng.random() < 0.7,
        "allow_whitespace_only_pieces": rng.random() < 0.3,
        "character_coverage": rng.choice([1.0, 0.98]),
    }
    lines = rng.sample(CORPUS, 8)
    writer = io.BytesIO()
    try:
        TRAINER.train(
            sentence_iterator=iter(lines), model_writer=writer, minloglevel=3,
            hard_vocab_limit=False, num_threads=1, **given,
        )  # fmt: skip
    except (RuntimeError, OSError) as error:
        raise UnloadableError(str(error)[:200]) from error
    options |= given
    model = PROTO.ModelProto()
    model.ParseFromString(writer.getvalue())
    return model


@cache
def _charsmap(rule: str) -> bytes:
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e"] * 3), model_writer=writer, minloglevel=3,
        vocab_size=12, hard_vocab_limit=False, normalization_rule_name=rule,
    )  # fmt: skip
    model = PROTO.ModelProto()
    model.ParseFromString(writer.getvalue())
    return model.normalizer_spec.precompiled_charsmap


def _assembled(rng: random.Random, options: dict[str, Any]) -> Any:
    """Pieces of any type, spelling and score, whatever a trainer would have made of them."""
    model = PROTO.ModelProto()
    model.trainer_spec.model_type = TYPES[options["model_type"]]
    model.trainer_spec.byte_fallback = options["byte_fallback"]
    model.trainer_spec.treat_whitespace_as_suffix = options["suffix"]
    model.normalizer_spec.add_dummy_prefix = options["add_dummy_prefix"]
    model.normalizer_spec.remove_extra_whitespaces = options["remove_extra_whitespaces"]
    model.normalizer_spec.precompiled_charsmap = _charsmap(options["rule"])
    scores = (-1.0, -2.0, -3.5, -0.05, rng.uniform(-9, 0), rng.uniform(-9, 0), rng.uniform(-1, 1))
    known: set[str] = set()

    def add(text: str, kind: int) -> None:
        if text not in known:
            known.add(text)
            score = rng.choice(scores) if kind != BYTE else 0.0
            model.pieces.add(piece=text, type=kind, score=score)

    add("<unk>", UNKNOWN)
    add("<s>", CONTROL)
    add("</s>", CONTROL)
    for text in options["symbols"]:
        add(text, USER_DEFINED)
    for char in ALPHABET:
        if rng.random() < 0.95:
            add(char, NORMAL)
    unused = rng.random() < 0.1
    for _ in range(rng.randrange(14)):
        text = "".join(rng.choices(ALPHABET, k=rng.randint(1, 4)))
        if all(char in known for char in text) or rng.random() < 0.1:
            add(text, UNUSED if unused and rng.random() < 0.2 else NORMAL)
    for byte in range(256 * options["byte_fallback"]):
        add(f"<0x{byte:02X}>", BYTE)
    return model
