"""Texts in which it is hard to say where a word ends."""

from __future__ import annotations

from hypothesis import strategies as st

HARD = (
    *("1⁄2", "1⁄x", "1⁄", "can't", "l’été", "o'b'c''d", "3.14", "1,000.5x", "12:30"),
    *("👨‍👩‍👧‍👦", "👍🏽👍", "🇩🇪🇫🇷🇮", "❤️‍🔥", "1️⃣*️⃣", "‼️", "✨🤖🍕"),
    *("\r\n", "\n\r\n\n", "\t\t a", "  b", "   ", " \u3000\u3000 ", "a\xa0b"),
    *("mot\u202f!", "\u202fa", "camelCase", "XMLHttpRequest", "éÉaÉ", "e\u0301B"),
    *("__init__", "snake_case_", "_ _x", "os.path"),
    *('צה"ל', "ג'ורג'", "צה״ל", "(שלום)", "٣٫١٤", "،؟"),
    *("ภาษาไทย กิน", "ខ្មែរ\u200bភាសា", "བོད་སྐད་", "क्षि।", "안녕(가)"),
    *("日本語を食べる。そして", "你好，吗？", "ﾊﾟｰ", ">。", "a。」"),
    *("a!\u0301", " \u0301x", "\u0301a", "x\u200by", "x\u00ady", "\x00\x01a"),
    *("ℹA", "a\u200dℹ", "𝒜𝓁𝑔", "°C", "a°é", "|प"),
    *("“a”.”", "  “x", "«\xa0a\xa0»"),
)
KATAKANA = "カ" * 70
PIECES = (*HARD, *"abAB1 .'_,:\n\réÉЖжאاク", "\u200d", "\ufe0f", "🏽", "🇩", "\u2028", "\u3000")
NO_TEXT = (
    b"\xff",
    b"\x80",
    b"\xc0\xaf",
    b"\xe2\x80",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80",
    b"\xf4\x90",
)

texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
pieces_of_bytes = st.one_of(
    st.sampled_from(PIECES).map(str.encode), st.sampled_from(NO_TEXT), st.binary(max_size=3)
)
byte_strings = st.lists(pieces_of_bytes, max_size=6).map(b"".join)
