"""Which figures a report may have, so that a misspelt bound is told before the audit.

A report has fewer: those of its parts, and of what was found. `tokkit.audit.gates.figures` looks
them up once it is there. Rows of tables depend on the texts, and are not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tokkit.arguments import refuse_unknown

FACTS: Mapping[str, tuple[str, ...]] = {
    "vocabulary": (
        "vocab_size", "reachable_tokens", "context_only_tokens", "unreachable_tokens",
        "unreachable_percent", "unreachable_alphabet_tokens", "unreachable_bytes_tokens",
        "unreachable_shadowed_tokens", "unreachable_merges_tokens",
        "unreachable_pretokenizer_tokens", "unreachable_normalizer_tokens", "undetermined_tokens",
        "special_tokens", "unused_ids", "verified_tokens", "refuted_tokens", "unverified_tokens",
        "mean_token_bytes", "longest_token_bytes", "under_trained_tokens", "embeddings_tied",
    ),
    "text": (
        "english_bytes_per_token", "english_tokens_per_word", "median_premium", "worst_premium",
        "renyi_efficiency", "vocabulary_used_percent", "number_scheme", "indentation_tokens",
        "crlf_premium", "upper_premium", "title_premium", "nfc_nfd_same_ids", "worst_nfd_premium",
        "tokens_per_emoji",
    ),
    "safety": (
        "probe_texts_back", "characters_not_encodable", "bytes_not_encodable", "control_tokens",
        "control_tokens_from_text", "control_text_becomes", "reference", "slow_texts_tokkit",
        "slow_texts_reference", "chat_templates",
    ),
    "training": (
        "merges_used", "misfit", "merges_without_support_percent", "unexplained_percent",
    ),
    "codebook": (
        "codes", "codes_used_percent", "perplexity", "bits_per_id", "ids_per_signal", "distortion",
    ),
}  # fmt: skip
"""Section -> its facts."""

TABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "vocabulary": {
        "unreachable": ("spelling", "reason", "becomes"),
        "provenance": ("spelling", "sign", "bytes"),
        "longest_tokens": ("spelling", "bytes"),
        "under_trained": ("spelling", "indicator", "status"),
    },
    "text": {
        "languages": (
            "language", "bytes_per_token", "tokens_per_char", "tokens_per_word", "premium",
            "premium_low", "premium_high", "byte_premium",
        ),
        "kinds": (
            "bytes_per_token", "low", "high", "tokens_per_word", "one_byte_percent", "texts_lost",
        ),
        "numbers": ("tokens", "cuts", "common", "share_percent", "example"),
        "letter_case": ("language", "upper_premium", "upper_low", "upper_high", "title_premium"),
        "normal_forms": ("language", "nfd_premium", "low", "high", "same_ids_percent"),
        "edits": ("swap", "drop", "case", "space"),
        "emoji": ("name", "code_points", "tokens"),
    },
    "safety": {
        "normalization": ("n",),
        "unusual_input": ("bytes", "n_tokens", "round_trip", "reference"),
        "growth": ("time_tokkit", "time_tokenizers", "time_sentencepiece", "time_tiktoken"),
        "chat_templates": ("n_characters", "n_control_tokens", "variables"),
    },
    "training": {"mixture": ("share", "low", "high", "sample_bytes")},
    "codebook": {"rate_distortion": ("bits", "distortion")},
}  # fmt: skip
"""Section -> its tables -> their columns behind the first, which names the row."""


def check_figure(name: str) -> None:
    """Refuse the name of a figure that no report has; see `tokkit.audit.gates.figures`.

    Raises:
        ArgumentError: there is no such fact, table or column.
    """
    parts = name.split(".")
    pattern = ".".join([*parts[:-2], "ROW", parts[-1]]) if len(parts) > 2 else name
    known = list(_known(full=True)) + list(_known(full=False))
    for table, columns in _tables():
        # A row may hold dots: all between the table and the column.
        for begin in (table, table.partition(".")[2]):
            if name.startswith(f"{begin}.") and parts[-1] in columns and name.count(".") > 1:
                return
    if name not in known:
        refuse_unknown([pattern], known, what="figure")


def _tables() -> Iterator[tuple[str, tuple[str, ...]]]:
    for section, tables in TABLES.items():
        for table, columns in tables.items():
            yield f"{section}.{table}", columns


def _known(*, full: bool) -> Iterator[str]:
    for section, facts in FACTS.items():
        yield from (f"{section}.{fact}" if full else fact for fact in facts)
    for table, columns in _tables():
        begin = table if full else table.partition(".")[2]
        yield from (f"{begin}.ROW.{column}" for column in columns)
