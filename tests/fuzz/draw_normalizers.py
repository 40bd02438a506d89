"""Normalizers of a tokenizer.json, at random: each kind, and the chains of well-known files."""

from __future__ import annotations

import base64
import importlib
import io
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

Node = dict[str, Any]

PREPEND_MARK: Node = {"type": "Prepend", "prepend": "▁"}
MARK_SPACES: Node = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}

STRING_REPLACEMENTS = (
    *(("``", '"'), ("''", '"'), ("a", "b"), ("e", ""), ("  ", " "), ("▁", " "), ("▁", "_")),
    *((" ", "_"), ("\n", " "), ("ab", "▁"), ("é", "e"), ("x", "ab")),
)
REGEX_REPLACEMENTS = (
    *((r" {2,}", "▁"), (r" {2,}", " "), (r"\s+", " "), (r"[0-9]+", "0"), (r"(\r\n|\r|\n)", "\n")),
    *((r"^\s+", ""), (r"\s+$", ""), (r"[^\p{L}\s]", ""), (r"\p{Mn}", "")),
)
# Rules of a charsmap as SentencePiece's trainer reads them: code points, a tab, code points.
CHARSMAP_RULES = (
    *("9\t20", "A\t20", "D\t", "AD\t", "200B\t", "FEFF\t", "3000\t20", "A0\t20", "2581\t20"),
    *("FB01\t66 69", "2122\t54 4D", "BD\t31 2044 32", "2167\t56 49 49 49", "FF46\t66", "FF4C\t6C"),
    *("65 301\tE9", "61 30A\tE5", "45 301\tC9", "65 308 301\t65", "1100 1161 11A8\tAC01"),
    *("41\t61", "130\t69 307", "1E9E\t73 73", "2026\t2E 2E 2E"),
)


def draw_normalizer(rng: random.Random) -> Node | None:
    """A normalizer, or None: some as well-known files have them, some as nobody would."""
    kind = rng.randrange(20)
    if kind <= 6:
        return None
    if kind <= 8:
        return {"type": rng.choice(("NFC", "NFC", "NFKC"))}
    if kind <= 10:
        return _sequence(rng.choice(([PREPEND_MARK, MARK_SPACES], [MARK_SPACES])))
    if kind == 11:
        return _bert(rng)
    if kind == 12:
        return _sequence([_precompiled(rng), _replace_regex(rng.choice(REGEX_REPLACEMENTS[:2]))])
    if kind == 13:
        quotes = [_replace(old, new) for old, new in STRING_REPLACEMENTS[:2]]
        return _sequence([*quotes, *map(_of_type, ("NFKD", "StripAccents", "Lowercase"))])
    if kind == 14:
        return _sequence([_of_type(rng.choice(("NFC", "NFKC", "Nmt"))), PREPEND_MARK, MARK_SPACES])
    if kind <= 16:
        return draw_one_normalizer(rng)
    return _sequence([draw_one_normalizer(rng) for _ in range(rng.randint(1, 3))])


def draw_one_normalizer(rng: random.Random) -> Node:
    """One normalizer of any kind but Sequence."""
    kind = rng.randrange(12)
    if kind <= 4:
        names = ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Lowercase", "StripAccents", "Nmt")
        return _of_type(rng.choice(names))
    if kind == 5:
        left, right = rng.choice(((True, True), (True, False), (False, True)))
        return {"type": "Strip", "strip_left": left, "strip_right": right}
    if kind == 6:
        return _bert(rng)
    if kind == 7:
        return _replace(*rng.choice((*STRING_REPLACEMENTS, (" ", "▁"))))
    if kind == 8:
        return _replace_regex(rng.choice(REGEX_REPLACEMENTS))
    if kind == 9:
        return {"type": "Prepend", "prepend": rng.choice(("▁", "▁", "x", " ", "ab"))}
    if kind == 10:
        return _precompiled(rng)
    return _of_type("ByteLevel")


def _of_type(name: str) -> Node:
    return {"type": name}


def _sequence(nodes: list[Node]) -> Node:
    return {"type": "Sequence", "normalizers": nodes}


def _replace(old: str, new: str) -> Node:
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def _replace_regex(rule: tuple[str, str]) -> Node:
    return {"type": "Replace", "pattern": {"Regex": rule[0]}, "content": rule[1]}


def _bert(rng: random.Random) -> Node:
    return {
        "type": "BertNormalizer",
        "clean_text": rng.random() < 0.8,
        "handle_chinese_chars": rng.random() < 0.8,
        "strip_accents": rng.choice((None, None, True, False)),
        "lowercase": rng.random() < 0.6,
    }


def _precompiled(rng: random.Random) -> Node:
    rules = tuple(sorted(rng.sample(CHARSMAP_RULES, 14)))
    return {"type": "Precompiled", "precompiled_charsmap": charsmap(rules)}


@cache
def charsmap(rules: tuple[str, ...]) -> str:
    """A charsmap in base64, compiled by SentencePiece's own trainer."""
    import sentencepiece

    protobuf: Any = importlib.import_module("sentencepiece.sentencepiece_model_pb2")

    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.tsv"
        path.write_text("\n".join(rules) + "\n", encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c ab"] * 5),
            model_writer=model,
            model_type="char",
            vocab_size=8,
            hard_vocab_limit=False,
            normalization_rule_tsv=str(path),
            minloglevel=2,
        )
    message = protobuf.ModelProto.FromString(model.getvalue())
    return base64.b64encode(message.normalizer_spec.precompiled_charsmap).decode()
