"""What emoji cost: single ones, and those that are sequences (skin tones, families, flags)."""

from __future__ import annotations

import unicodedata

from tokkit.errors import EncodingError
from tokkit.report.section import Column, Fact, Scalar, Table
from tokkit.text.tokenizer import TextTokenizer

_EMOJI = (
    *(
        "😀",
        "😂",
        "😍",
        "😭",
        "🙏",
        "👍",
        "🔥",
        "🎉",
        "❤️",
        "✨",
        "🤔",
        "🙃",
        "🥺",
        "🫠",
        "🐈",
        "🌍",
    ),
    *("🍕", "🚀", "✅", "☕", "👍🏽", "👩🏿‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣"),
)
_COLUMNS = (
    Column("emoji", "Emoji"),
    Column("name", "Name of its first character"),
    Column("code_points", "Code points", "number"),
    Column("tokens", "Tokens", "number"),
)


def emoji_counts(tokenizer: TextTokenizer) -> list[tuple[str, int | None]]:
    """Emoji, and how many tokens each takes; None: it has no encoding. The dearest first."""
    counts: list[tuple[str, int | None]] = []
    for emoji in _EMOJI:
        try:
            counts.append((emoji, tokenizer.count(emoji)))
        except EncodingError:
            counts.append((emoji, None))
    return sorted(counts, key=lambda each: (-(each[1] or 999), each[0]))


def emoji_facts(counts: list[tuple[str, int | None]]) -> list[Fact]:
    """Tokens of an emoji, on average."""
    known = [count for _, count in counts if count is not None]
    if not known:
        return []
    mean = round(sum(known) / len(known), 2)
    return [Fact("tokens_per_emoji", "Emoji", mean, "tokens each, on average")]


def emoji_table(counts: list[tuple[str, int | None]]) -> Table:
    """One row an emoji."""
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
        (emoji, unicodedata.name(emoji[0], "").lower(), len(emoji), count)
        for emoji, count in counts
    )
    return Table("emoji", "Cost of emoji", _COLUMNS, rows)
