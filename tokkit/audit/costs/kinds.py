"""What each kind of text costs: prose, code in several languages, markup, data, chat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tokkit.audit.costs.costs import Cost
from tokkit.report.section import Chart, Column, Scalar, Table, bar_chart, columns

_COLUMNS = (
    Column("kind", "Kind"),
    *columns("number", bytes_per_token="Bytes a token", low="from", high="to"),
    *columns("number", tokens_per_word="Tokens a word", one_byte_percent="Tokens of one byte, %"),
    *columns("number", texts_lost="Texts without encoding"),
)


def kind_table(kinds: Mapping[str, Cost], token_sizes: list[int]) -> Table:
    """All kinds, the cheapest first.

    Args:
        kinds: kind -> its cost.
        token_sizes: bytes of each token of the vocabulary.
    """
    ranked = sorted(kinds, key=lambda kind: (-_bytes_per_token(kinds[kind]), kind))
    rows = tuple(_row(kind, kinds[kind], token_sizes) for kind in ranked)
    return Table(
        "kinds", "Cost by kind of text", _COLUMNS, rows,
        "Eight short texts of each kind, in English where they have words, with 95% intervals over "
        "texts.",
    )  # fmt: skip


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
    bars = [cost.bytes_per_token.bar(kind) for kind, cost in kinds.items() if cost.texts]
    bars.sort(key=lambda bar: (-bar[1], bar[0]))
    title, unit = "Bytes a token, by kind of text", "bytes a token"
    return bar_chart("kinds", title, unit, bars, unit, table="kinds") if bars else None
