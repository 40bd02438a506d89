"""What each kind of text costs: prose, code in several languages, markup, data, chat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tokkit.audit.costs.costs import Cost
from tokkit.report.section import Chart, Column, Scalar, Series, Table

_COLUMNS = (
    Column("kind", "Kind"),
    Column("bytes_per_token", "Bytes a token", "number"),
    Column("low", "from", "number"),
    Column("high", "to", "number"),
    Column("tokens_per_word", "Tokens a word", "number"),
    Column("one_byte_percent", "Tokens of one byte, %", "number"),
    Column("texts_lost", "Texts without encoding", "number"),
)


def kind_table(kinds: Mapping[str, Cost], token_sizes: list[int]) -> Table:
    """All kinds, the cheapest first.

    Args:
        kinds: kind -> its cost.
        token_sizes: bytes of each token of the vocabulary.
    """
    ranked = sorted(kinds, key=lambda kind: (-_bytes_per_token(kinds[kind]), kind))
    return Table(
        "kinds",
        "Cost by kind of text",
        _COLUMNS,
        tuple(_row(kind, kinds[kind], token_sizes) for kind in ranked),
        "Eight short texts of each kind, in English where they have words, with 95% intervals over "
        "texts.",
    )


def _bytes_per_token(cost: Cost) -> float:
    return cost.bytes_per_token.value if cost.texts else 0.0


def _row(kind: str, cost: Cost, token_sizes: list[int]) -> tuple[Scalar, ...]:
    if not cost.texts:
        return (kind, None, None, None, None, None, len(cost.lost))
    rate, words = cost.bytes_per_token, cost.tokens_per_word
    sizes = np.asarray(token_sizes)[np.concatenate(cost.ids)]
    one_byte = round(100 * float((sizes == 1).mean()), 1) if len(sizes) else 0.0
    per_word = None if words is None else words.value
    return (kind, rate.value, rate.low, rate.high, per_word, one_byte, len(cost.lost))


def kind_chart(kinds: Mapping[str, Cost]) -> Chart | None:
    """Bytes a token by kind."""
    known = sorted((kind for kind in kinds if kinds[kind].texts), key=lambda kind: kind)
    rates = {kind: kinds[kind].bytes_per_token for kind in known}
    known.sort(key=lambda kind: -rates[kind].value)
    if not known:
        return None
    series = Series(
        "bytes a token",
        tuple(rates[kind].value for kind in known),
        tuple(rates[kind].interval for kind in known),
    )
    return Chart(
        "kinds", "Bytes a token, by kind of text", "bars", tuple(known), (series,), "bytes a token"
    )
