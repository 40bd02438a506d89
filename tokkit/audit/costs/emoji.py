"""What emoji cost: single ones, and those that are sequences (skin tones, families, flags)."""

from __future__ import annotations

import unicodedata

from tokkit.audit.expressible import ids_or_none
from tokkit.report.section import Fact, Scalar, Table, columns
from tokkit.text.tokenizer import TextTokenizer

_EMOJI = (
    "😀", "😂", "😍", "😭", "🙏", "👍", "🔥", "🎉", "❤️", "✨", "🤔", "🙃", "🥺", "🫠",
    "🐈", "🌍", "🍕", "🚀", "✅", "☕", "👍🏽", "👩🏿‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣",
)  # fmt: skip
_COLUMNS = (
    *columns("text", emoji="Emoji", name="Name of its first character"),
    *columns("number", code_points="Code points", tokens="Tokens"),
)


def emoji_counts(tokenizer: TextTokenizer) -> list[tuple[str, int | None]]:
    """Emoji, and how many tokens each takes; None: it has no encoding. The dearest first."""
    found = [(emoji, ids_or_none(tokenizer, emoji)) for emoji in _EMOJI]
    counts = [(emoji, None if ids is None else len(ids)) for emoji, ids in found]
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
