"""What white space costs: indentation by spaces and tabs, blank lines, and CRLF line ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokkit.audit.costs.bootstrap import Estimate
from tokkit.audit.costs.costs import measure, premium_of
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.text import COSTLY_INDENTATION
from tokkit.report.section import Chart, Fact, Series
from tokkit.text.tokenizer import TextTokenizer

WIDTHS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40)
DEEP = 16
MAX_DEEP_TOKENS = 4
"""More tokens than this for 16 spaces of indentation are reported."""

_UNITS = {"spaces": " ", "tabs": "\t", "blank lines": "\n"}
_BEFORE, _AFTER = "{\n", "return"


@dataclass(frozen=True, eq=False)
class WhiteSpace:
    """What white space costs.

    Attributes:
        tokens: unit -> for each of `WIDTHS`, tokens that so many of them add; None where such a
            text has no encoding.
        crlf: tokens of code with CRLF line ends over those with LF.
    """

    tokens: dict[str, tuple[int, ...] | None]
    crlf: Estimate | None


def measure_white_space(tokenizer: TextTokenizer, code: Sequence[str]) -> WhiteSpace:
    """Measure on a line of code, and CRLF on `code`."""
    tokens: dict[str, tuple[int, ...] | None] = {}
    for unit, char in _UNITS.items():
        cost = measure(tokenizer, [_BEFORE + char * width + _AFTER for width in WIDTHS])
        added = tuple(count - cost.n_tokens[0] for count in cost.n_tokens)
        tokens[unit] = None if cost.lost else added
    lines = measure(tokenizer, [text for text in code if "\n" in text])
    crlf = premium_of(tokenizer, lines, lambda text: text.replace("\n", "\r\n"))
    return WhiteSpace(tokens, crlf)


def white_space_facts(space: WhiteSpace) -> list[Fact]:
    """A deep indentation, and CRLF."""
    facts: list[Fact] = []
    spaces = space.tokens["spaces"]
    if spaces is not None:
        facts.append(Fact(
            "indentation_tokens", f"Indentation by {DEEP} spaces",
            spaces[WIDTHS.index(DEEP)], "token" if spaces[WIDTHS.index(DEEP)] == 1 else "tokens",
            help="What it adds to a line of code.",
        ))  # fmt: skip
    if space.crlf is not None:
        facts.append(Fact(
            "crlf_premium", "Code with CRLF line ends", space.crlf.value, "times the tokens",
            space.crlf.interval, "Of the same code with LF line ends.",
        ))  # fmt: skip
    return facts


def white_space_chart(space: WhiteSpace) -> Chart | None:
    """Tokens over the width of the white space."""
    series = tuple(
        Series(unit, tuple(map(float, counts)))
        for unit, counts in space.tokens.items()
        if counts is not None
    )
    if not series:
        return None
    return Chart(
        "white_space", "Tokens that white space adds to a line", "lines",
        tuple(map(str, WIDTHS)), series, "characters of white space", "tokens",
    )  # fmt: skip


def white_space_findings(space: WhiteSpace, tokenizer: TextTokenizer) -> list[Finding]:
    """Indentation that costs a token every few spaces."""
    spaces = space.tokens["spaces"]
    if spaces is None or spaces[WIDTHS.index(DEEP)] <= MAX_DEEP_TOKENS:
        return []
    count = spaces[WIDTHS.index(DEEP)]
    text = _BEFORE + " " * DEEP + _AFTER
    message = f"{DEEP} spaces of indentation add {count} tokens to a line of code."
    witness = Witness("encode", text.encode(), tuple(tokenizer.encode(text)))
    return [Finding(COSTLY_INDENTATION, message, count, witnesses=(witness,))]
