"""Texts on which tokenizers go wrong: hand-picked ones, and random mixtures of their parts."""

from __future__ import annotations

import random

PARTS: tuple[str, ...] = (
    "a", "B", "hello", " ", "  ", "    ", "\t", "\n", "\n\n", "\r\n", "\r", "\0", "\x07", "\x1b[0m",
    "\x7f", "\x85", "\xa0", "\xad", "\u2028", "\u200b", "\u200d", "\u202e", "\ufeff", "\ufffd",
    "\uffff", "\ue000", "\U000e0041", "\u2581", "\u0120", "##", "é", "e\u0301", "ﬁ", "²", "ǅ", "İ",
    "ß", "Å", "A\u030a", "한", "\u1112\u1161\u11ab", "日本", "ｆｕｌｌ", "مرحبا", "नमस्ते",
    "👩\u200d💻", "🇩🇪", "0", "123", "1234567", "½", "'s", "'LL", "...", "--", "!", ". ", " .", "(",
    "<s>", "</s>", "<unk>", "[CLS]", "<|endoftext|>", "<0x41>", "don't", "x_1", "a.b",
)  # fmt: skip
"""Words, white space, controls, marks, formatting characters, and what looks like a token."""

N_RANDOM = 240
_SEED = 5


def probe_texts() -> list[str]:
    """Every part alone, between letters and at an end, then seeded mixtures; always the same."""
    texts = [*PARTS, *(f"a{part}b" for part in PARTS), *(f"{part}a" for part in PARTS)]
    texts += [f"a{part}" for part in PARTS]
    chooser = random.Random(_SEED)
    for _ in range(N_RANDOM):
        texts.append("".join(chooser.choices(PARTS, k=chooser.randint(2, 12))))
    return list(dict.fromkeys(texts))


def as_text(data: bytes) -> str:
    """Bytes as text, those that are no UTF-8 as surrogate escapes; `as_bytes` undoes it."""
    return data.decode(errors="surrogateescape")


def as_bytes(text: str) -> bytes:
    """What `as_text` was made of."""
    return text.encode(errors="surrogateescape")
