"""Texts that hit what a configuration looks at: added tokens, spaces, accents, other scripts."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence

from tests.real.fuzz_texts import BLOCKS, DIGITS, SPACES

WORDS = (
    *("a", "b", "ab", "aab", "abc", "ba", "the", "The", "THE", "sea", "shells", "x", "I", "un"),
    *("it's", "we'll", "don't", "I'VE", "foo_bar", "e.g.", "naïve", "café", "CAFÉ", "Größe"),
    *("straße", "éa", "Éb", "İstanbul", "ﬁne", "Ⅷ", "ｆｕｌｌ", "ǅ", "ς", "Ω", "K", "å", "™"),
    *("½", "ſt", "привет", "Мир", "日本", "語", "中文字", "ひらがな", "カタカナー", "한국어"),
    *("각", "עִברית", "العربية", "หนี่ง", "हिन्दी", "क्षि", "𝒳y", "𐐀", "𠀀"),
)  # fmt: skip
EMOJI = ("🎉", "👩‍👩‍👧", "🏳️‍🌈", "👍🏽", "🇩🇪", "❤️", "#️⃣", "☃")
PUNCTUATION = (
    *"!?.,;:-_'\"()[]{}<>/\\|@#$%&*+=~^`",
    *("...", "!!", "``", "''", "«", "»", "…", "。", "、", "！", "¿", "’", "“", "–", "€", "±", "₁"),
)
CONTROLS = ("\0", "\x01", "\x08", "\x1b", "\x7f", "\x80", "\x85", "\xad", "\u200b", "\u200c",
            "\u200d", "\u200e", "\u2060", "\ufeff", "\ufffd", "\ue000", "\U000f0000")  # fmt: skip
MARKS = ("\u0301", "\u0338", "\u0327", "\u0308\u0301", "\u0489", "\u20e3", "\ufe0f", "\u3099")
MARK = "\u2581"


def draw_texts(rng: random.Random, count: int, contents: Sequence[str]) -> list[str]:
    """`count` texts.

    Args:
        rng: the source of randomness.
        count: how many.
        contents: of the added tokens, which should occur, whole and in part.
    """
    texts = ["", rng.choice(WORDS)]
    if contents:
        texts += [rng.choice(contents), f" {rng.choice(contents)} "]
    while len(texts) < count:
        texts.append("".join(_part(rng, contents) for _ in range(rng.randint(1, 6))))
    return texts


def draw_bytes(rng: random.Random, texts: Sequence[str]) -> list[bytes]:
    """Texts with bytes removed or changed, and noise: mostly no UTF-8."""
    found = [rng.randbytes(rng.randint(1, 8))]
    for text in rng.sample(texts, min(3, len(texts))):
        data = bytearray(text.encode())
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
        found.append(bytes(data))
    return found


def _part(rng: random.Random, contents: Sequence[str]) -> str:
    kind = rng.randrange(20)
    if kind <= 4 and contents:
        return _near(rng, rng.choice(contents))
    if kind <= 9:
        return rng.choice(("", " ")) + " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
    if kind <= 11:
        return rng.choice(SPACES) if rng.random() < 0.6 else " " * rng.choice((1, 2, 3, 7))
    if kind == 12:
        return rng.choice((MARK, MARK, MARK * 2, f"a{MARK}b", f" {MARK}", f"{MARK} "))
    if kind == 13:
        return rng.choice(PUNCTUATION)
    if kind == 14:
        return unicodedata.normalize("NFD", rng.choice(WORDS)) + rng.choice(("", *MARKS))
    if kind == 15:
        return rng.choice(MARKS) if rng.random() < 0.5 else rng.choice(EMOJI)
    if kind == 16:
        return rng.choice(CONTROLS)
    if kind == 17:
        return "".join(rng.choices(DIGITS, k=rng.randint(1, 5)))
    if kind == 18:
        low, high = rng.choice(BLOCKS)
        return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 3)))
    unit = rng.choice((*"ab \n1!", "é", "e\u0301", "ab", "日", MARK))
    return unit * rng.choice((2, 3, 9, 33, 120))


def _near(rng: random.Random, content: str) -> str:
    """An added token, mostly whole, or something that nearly is one."""
    kind = rng.randrange(12)
    if kind == 0:
        return content[:-1]
    if kind == 1:
        return content[1:]
    if kind == 2:
        return rng.choice((content.upper(), content.lower(), content.title()))
    if kind == 3:
        return unicodedata.normalize(rng.choice(("NFC", "NFD")), content)
    if kind == 4:
        return rng.choice((content.replace(" ", MARK), content.replace(MARK, " ")))
    if kind == 5:
        return content * 2
    before, after = ("", "", " ", "  ", "a", "\t"), ("", "", " ", "  ", "b", "\n")
    return rng.choice(before) + content + rng.choice(after)
