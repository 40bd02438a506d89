"""Pretokenizers of a tokenizer.json, at random: each kind, and the chains of well-known files."""

from __future__ import annotations

import random
from typing import Any

Node = dict[str, Any]

BEHAVIORS = ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous")
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
KIMI = (
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CJK = r"[一-龥぀-ゟ゠-ヿ]+"
WHOLE_PATTERNS = (GPT4, GPT4, O200K, BLOOM, KIMI, DEEPSEEK, CLIP)
SMALL_PATTERNS = (
    *(r"\s+", r"\s", r" ", r" ?\w+", r"\w+|[^\w\s]+", r"\d", r"\p{N}{1,3}", r"[A-Z]?[a-z]+"),
    *(r"(?<=a)b", r"(?<!a)b", r"a(?!b)", r"a(?=bc)", r"\b", r"^\s+", r"\n+", r"$", r"\h+", r"\R"),
    *(r"[[:punct:]]+", r"[[:alpha:]]+", r"\p{Emoji}", r"(?i:the|sea)", r"\p{Lu}", r"[^a-z]"),
    *(r"ab|a|abc", r"(ab)+", r"▁", r"[^▁]+", r"\p{Han}|\p{Hiragana}", r"'(?:s|t)", r".{2}"),
    *(r"\X", r"(?s:.)", r"[[:space:]&&[^ ]]", r"\x{61}", r"a*?b", r"a++", r"(?>a|ab)b", r"x*"),
    *(r"\p{Alphabetic}+", r"\d{1,3}(?=(?:\d{3})*\b)"),
)  # fmt: skip
SMALL_STRINGS = (" ", " ", "▁", "a", "ab", "\n", "é", "1", "-", "  ", "'s")


def draw_pretokenizer(rng: random.Random) -> Node | None:
    """A pretokenizer, or None: some as well-known files have them, some as nobody would."""
    kind = rng.randrange(24)
    if kind <= 2:
        return None
    if kind <= 5:
        return _byte_level(rng)
    if kind <= 12:
        return _sequence(_up_to_byte_level(rng, kind))
    if kind <= 14:
        return draw_one_pretokenizer(rng, "Metaspace")
    if kind == 15:
        return _sequence([{"type": "WhitespaceSplit"}, draw_one_pretokenizer(rng, "Metaspace")])
    if kind == 16:
        string = {"String": rng.choice((" ", "▁"))}
        return {**_split(""), "pattern": string, "behavior": rng.choice(BEHAVIORS)}
    if kind <= 20:
        return draw_one_pretokenizer(rng, "BertPreTokenizer" if kind == 17 else None)
    return _sequence([draw_one_pretokenizer(rng) for _ in range(rng.randint(2, 3))])


def _up_to_byte_level(rng: random.Random, kind: int) -> list[Node]:
    """The stages of SmolLM, Falcon, DeepSeek, CLIP; Llama 3 and its like."""
    byte_level = _byte_level(rng, use_regex=False)
    if kind == 9:
        return [_one_of(rng, "Digits"), _byte_level(rng, use_regex=True)]
    if kind == 10:
        stages = [_one_of(rng, "Punctuation"), _byte_level(rng, use_regex=True)]
        return [*stages, _one_of(rng, "Digits"), _split("[0-9][0-9][0-9]")][: rng.choice((3, 4))]
    if kind == 11:
        return [_split(r"\p{N}{1,3}"), _split(CJK), _split(DEEPSEEK), byte_level]
    if kind == 12:
        return [{**_split(CLIP), "behavior": "Removed", "invert": True}, byte_level]
    return [_split(rng.choice(WHOLE_PATTERNS)), byte_level]


KINDS = (
    *("ByteLevel", "Metaspace", "Whitespace", "WhitespaceSplit", "BertPreTokenizer", "Digits"),
    *("Punctuation", "Split", "Split", "CharDelimiterSplit", "UnicodeScripts", "FixedLength"),
)


def draw_one_pretokenizer(rng: random.Random, kind: str | None = None) -> Node:
    """One pretokenizer, of any kind but Sequence."""
    kind = kind or rng.choice(KINDS)
    if kind == "ByteLevel":
        return _byte_level(rng)
    if kind == "Metaspace":
        return {
            "type": kind,
            "replacement": rng.choice(("▁", "▁", "▁", "▁", "_")),
            "prepend_scheme": rng.choice(("always", "first", "never")),
            "split": rng.random() < 0.7,
        }
    if kind == "Split":
        pattern = {"Regex": rng.choice((*SMALL_PATTERNS, *WHOLE_PATTERNS))}
        if rng.random() < 0.3:
            pattern = {"String": rng.choice(SMALL_STRINGS)}
        split = {"pattern": pattern, "invert": rng.random() < 0.25}
        return {"type": kind, **split, "behavior": rng.choice(BEHAVIORS)}
    return _one_of(rng, kind)


def _one_of(rng: random.Random, kind: str) -> Node:
    options: Node = {
        "Digits": {"individual_digits": rng.random() < 0.5},
        "Punctuation": {"behavior": rng.choice(BEHAVIORS)},
        "CharDelimiterSplit": {"delimiter": rng.choice((" ", "-", "a", "é", "▁"))},
        "FixedLength": {"length": rng.randint(1, 6)},
    }
    return {"type": kind, **options.get(kind, {})}


def _sequence(nodes: list[Node]) -> Node:
    return {"type": "Sequence", "pretokenizers": nodes}


def _split(pattern: str) -> Node:
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }


def _byte_level(rng: random.Random, *, use_regex: bool | None = None) -> Node:
    # After another pretokenizer (which brings the regex, mostly) files do not ask for the space.
    return {
        "type": "ByteLevel",
        "add_prefix_space": rng.random() < (0.25 if use_regex is None else 0.03),
        "trim_offsets": rng.random() < 0.5,
        "use_regex": rng.random() < 0.75 if use_regex is None else use_regex,
    }
