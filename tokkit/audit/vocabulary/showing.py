"""Tokens as findings and tables show them: in a sentence, as witnesses, in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tokkit.audit.finding import Witness
from tokkit.report.section import Column, Scalar, Table
from tokkit.report.wording import excerpt
from tokkit.text.tokenizer import TextTokenizer


def examples(tokenizer: TextTokenizer, tokens: Sequence[int], most: int = 1) -> str:
    """The first few tokens, for a sentence."""
    spelling = tokenizer.spec.token_bytes
    return ", ".join(f"'{excerpt(spelling[token], limit=24)}'" for token in tokens[:most])


def longest_first(tokenizer: TextTokenizer, tokens: Iterable[int]) -> list[int]:
    """Tokens by their bytes, the longest first."""
    spelling = tokenizer.spec.token_bytes
    return sorted(tokens, key=lambda token: (-len(spelling[token]), token))


def decoded(
    tokenizer: TextTokenizer, tokens: Iterable[int], note: Callable[[int], str]
) -> tuple[Witness, ...]:
    """Each token on its own, with what there is to say of it."""
    spelling = tokenizer.spec.token_bytes
    return tuple(
        Witness("decode", ids=(token,), result=spelling[token], note=note(token))
        for token in tokens
    )


def token_table(
    tokenizer: TextTokenizer,
    key: str,
    title: str,
    tokens: Iterable[int],
    further: Sequence[Column],
    cells: Callable[[int], tuple[Scalar, ...]],
    note: str = "",
    *,
    spelling: str = "Text",
) -> Table:
    """A row a token: its id, its bytes under the heading `spelling`, and further cells."""
    heads = (Column("id", "Id", "token"), Column("spelling", spelling, "code"), *further)
    rows = ((t, excerpt(tokenizer.spec.token_bytes[t]), *cells(t)) for t in tokens)
    return Table(key, title, heads, tuple(rows), note)
