"""Small models of a tokenizer.json, made from the pieces that a configuration cuts texts into.

BPE merges are those of training with a random pair in place of the most frequent one, so every
merge can fire; the vocabularies of the other models are random parts of the pieces. Some models
lack characters, repeat scores or rank merges oddly, since files do.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tokkit.text.formats.byte_alphabet import BYTE_OF_CHAR

Node = dict[str, Any]
BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]
STRANGERS = ("™", "日本", " ", "a b", "ĠĠ™", "é")
"""Tokens that a byte-level vocabulary may hold though its alphabet does not spell them."""


def draw_model(
    rng: random.Random, pieces: Sequence[str], controls: Sequence[str], *, byte_level: bool
) -> Node:
    """A model.

    Args:
        rng: the source of randomness.
        pieces: what the normalizer and the pretokenizer make of texts.
        controls: the control tokens, which many vocabularies begin with.
        byte_level: whether the pieces are written in GPT-2's byte alphabet.
    """
    words = [piece for piece in pieces if piece] or ["a"]
    heads = list(controls) if rng.random() < 0.5 else []
    kind = rng.randrange(20)
    if byte_level and kind <= 17:
        return _bpe(rng, heads, words, list(BYTE_OF_CHAR), byte_level=True)
    alphabet = sorted({char for word in words for char in word})
    if rng.random() < 0.4:  # some characters are unknown
        alphabet = [char for char in alphabet if rng.random() < 0.9] or ["a"]
    if kind <= 8:
        return _bpe(rng, heads, words, alphabet, byte_level=False)
    if kind <= 13:
        return _unigram(rng, heads, words, alphabet)
    if kind <= 17:
        return _wordpiece(rng, heads, words, alphabet)
    return _wordlevel(rng, heads, words)


def _bpe(
    rng: random.Random, heads: list[str], words: list[str], alphabet: list[str], *, byte_level: bool
) -> Node:
    prefix = rng.choice(("##", "@@")) if rng.random() < 0.05 else ""
    suffix = "</w>" if rng.random() < (0.06 if byte_level else 0.1) else ""
    if byte_level and rng.random() < 0.1:
        alphabet = [char for char in alphabet if rng.random() < 0.97]
    units = [mark + char for char in alphabet for mark in dict.fromkeys(("", prefix))]
    units += [unit + suffix for unit in units if suffix]
    cut = [_units(word, prefix, suffix) for word in words]
    merges = _random_merges(rng, cut, set(units), prefix)
    tokens = [*units, *(left + right.removeprefix(prefix) for left, right in merges)]
    if rng.random() < 0.15:
        rng.shuffle(merges)
    fallback = not byte_level and rng.random() < 0.5
    if rng.random() < 0.1:
        tokens += rng.sample(STRANGERS, 2)
    if fallback:
        tokens[:0] = [byte for byte in BYTE_TOKENS if rng.random() > 0.01 or rng.random() < 0.9]
    unk = "<unk>" if fallback or rng.random() < (0.1 if byte_level else 0.7) else None
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unk,
        "continuing_subword_prefix": prefix or None,
        "end_of_word_suffix": suffix or None,
        "fuse_unk": rng.random() < 0.4,
        "byte_fallback": fallback,
        "ignore_merges": rng.random() < 0.25,
        "vocab": _numbered(rng, tokens, [*([unk] if unk else []), *heads]),
        "merges": [list(merge) for merge in merges],
    }


def _units(word: str, prefix: str, suffix: str) -> list[str]:
    units = [char if i == 0 else prefix + char for i, char in enumerate(word)]
    return [*units[:-1], units[-1] + suffix]


def _random_merges(
    rng: random.Random, words: list[list[str]], known: set[str], prefix: str
) -> list[tuple[str, str]]:
    merges: list[tuple[str, str]] = []
    for _ in range(rng.choice((0, 5, 20, 40, 60))):
        mergeable = [word for word in words if len(word) > 1]
        if not mergeable:
            break
        word = rng.choice(mergeable)
        at = rng.randrange(len(word) - 1)
        left, right = word[at : at + 2]
        if not {left, right} <= known or (left, right) in merges:
            continue
        merges.append((left, right))
        known.add(left + right.removeprefix(prefix))
        words = [_merged(word, left, right, prefix) for word in words]
    return merges


def _merged(word: list[str], left: str, right: str, prefix: str) -> list[str]:
    found: list[str] = []
    for unit in word:
        if found and found[-1] == left and unit == right:
            found[-1] = left + right.removeprefix(prefix)
        else:
            found.append(unit)
    return found


def _numbered(rng: random.Random, tokens: list[str], heads: list[str]) -> dict[str, int]:
    distinct = [token for token in dict.fromkeys(tokens) if token not in heads]
    if rng.random() < 0.15:
        rng.shuffle(distinct)
    return {token: i for i, token in enumerate(dict.fromkeys([*heads, *distinct]))}


def _parts(rng: random.Random, words: list[str], count: int) -> list[str]:
    """Random parts of the words, the beginnings more often than others."""
    parts: list[str] = []
    for _ in range(count):
        word = rng.choice(words)
        start = 0 if rng.random() < 0.5 else rng.randrange(len(word))
        parts.append(word[start : start + rng.choice((1, 2, 3, 4, 8))])
    return parts


def _unigram(rng: random.Random, heads: list[str], words: list[str], alphabet: list[str]) -> Node:
    fallback = rng.random() < 0.4
    digits = rng.choice((0, 1, 6))  # few digits: ties between paths
    heads = ["<unk>", *heads]
    pieces = dict.fromkeys([*heads, *alphabet, *_parts(rng, words, rng.choice((5, 30, 60)))])
    vocab: list[list[Any]] = [
        [piece, 0.0 if piece in heads else round(rng.uniform(-12, -1), digits)] for piece in pieces
    ]
    if fallback:
        vocab += [[token, 0.0] for token in BYTE_TOKENS]
    return {
        "type": "Unigram",
        "unk_id": None if rng.random() < 0.05 else 0,
        "vocab": vocab,
        "byte_fallback": fallback,
    }


def _wordpiece(rng: random.Random, heads: list[str], words: list[str], alphabet: list[str]) -> Node:
    # A word of the text that begins so becomes a continuing token to the library, not to tokkit.
    prefix = "##" if rng.random() < 0.9 else "@@"
    tokens = [*alphabet, *_parts(rng, words, rng.choice((5, 30, 60)))]
    tokens += [prefix + token for token in tokens if len(token) == 1 or rng.random() < 0.5]
    return {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": prefix,
        "max_input_chars_per_word": 100 if rng.random() < 0.8 else rng.randint(3, 10),
        "vocab": _numbered(rng, tokens, ["[UNK]", *heads]),
    }


def _wordlevel(rng: random.Random, heads: list[str], words: list[str]) -> Node:
    tokens = [word for word in words if rng.random() < 0.9]
    return {
        "type": "WordLevel",
        "unk_token": "<unk>",
        "vocab": _numbered(rng, tokens, ["<unk>", *heads]),
    }
