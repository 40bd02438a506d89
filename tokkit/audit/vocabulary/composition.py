"""What a vocabulary is made of: scripts and kinds of tokens, their lengths, the longest of them."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from functools import lru_cache

from tokkit.audit.vocabulary.showing import longest_first, token_table
from tokkit.report.section import Chart, Fact, Series, Table, bar_chart, columns
from tokkit.text.tokenizer import TextTokenizer

_N_BARS = 16
_N_ROWS = 20
_BIN_STARTS = (*range(1, 18), 25, 33, 65, 129)
_ALIASES = {"CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana", "HANGUL": "Hangul"}


@lru_cache(maxsize=1 << 16)
def script_of(char: str) -> str | None:
    """The script of a letter, as its Unicode name begins; None for other characters."""
    if not char.isalpha():
        return None
    name = unicodedata.name(char, "")
    word = name.partition(" ")[0].partition("-")[0]
    return _ALIASES.get(word, word.capitalize()) if word else None


def kind_of(data: bytes) -> str:
    """What a token is: the script of its letters (the most frequent one), or what it is instead.

    >>> kind_of(b" the"), kind_of(b"42"), kind_of(b"  "), kind_of(b"},"), kind_of(bytes([228]))
    ('Latin', 'digits', 'white space', 'punctuation and symbols', 'part of a character')
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "part of a character"
    scripts = Counter(script for char in text if (script := script_of(char)) is not None)
    if scripts:
        return max(scripts, key=lambda script: (scripts[script], script))
    if text.isspace():
        return "white space"
    if any(char.isdigit() for char in text):
        return "digits"
    return "punctuation and symbols"


def composition_chart(tokenizer: TextTokenizer) -> Chart:
    """Tokens by script and kind, the most frequent first; what is rare as one bar."""
    counts = Counter(
        kind_of(data) if data else "control or unused" for data in tokenizer.spec.token_bytes
    )
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown_bars, rest = ranked[:_N_BARS], ranked[_N_BARS:]
    if rest:
        shown_bars.append((f"{len(rest)} others", sum(count for _, count in rest)))
    bars = [(label, count, None) for label, count in shown_bars]
    title = "What the tokens are made of"
    return bar_chart("composition", title, "tokens", bars, "tokens", log_scale=True)


def _lengths(tokenizer: TextTokenizer) -> list[int]:
    """Bytes of each token, control tokens and holes left out."""
    return [len(data) for data in tokenizer.spec.token_bytes if data]


def length_facts(tokenizer: TextTokenizer) -> tuple[Fact, ...]:
    """Mean and greatest length; of the tokens in the vocabulary, however often text has them."""
    lengths = _lengths(tokenizer)
    return (
        Fact(
            "mean_token_bytes",
            "Mean length",
            round(sum(lengths) / len(lengths), 2) if lengths else None,
            "bytes a token",
            help="Of the tokens in the vocabulary, each counted once; not of those in a text.",
        ),
        Fact("longest_token_bytes", "Longest token", max(lengths, default=0), "bytes"),
    )


def length_chart(tokenizer: TextTokenizer) -> Chart:
    """Tokens by their length in bytes; bins are wider above 16."""
    lengths = _lengths(tokenizer)
    starts = [start for start in _BIN_STARTS if start <= max(lengths, default=1)]
    counts = Counter(bisect_right(starts, length) - 1 for length in lengths)
    labels = [
        f"{start} or more" if k + 1 == len(_BIN_STARTS)
        else str(start) if _BIN_STARTS[k + 1] == start + 1
        else f"{start}-{_BIN_STARTS[k + 1] - 1}"
        for k, start in enumerate(starts)
    ]  # fmt: skip
    series = Series("tokens", tuple(float(counts[k]) for k in range(len(starts))))
    return Chart(
        "token_bytes", "How long the tokens are", "histogram", tuple(labels), (series,),
        "bytes", "tokens",
    )  # fmt: skip


def longest_table(tokenizer: TextTokenizer) -> Table:
    """The longest tokens, control tokens left out."""
    spec = tokenizer.spec
    tokens = [token for token, data in enumerate(spec.token_bytes) if data]
    shown = longest_first(tokenizer, tokens)[:_N_ROWS]
    return token_table(
        tokenizer, "longest_tokens", "The longest tokens", shown,
        columns("number", bytes="Bytes"), lambda token: (len(spec.token_bytes[token]),),
    )  # fmt: skip
