"""How numbers are cut: all numbers of one to three digits, and 400 of each length up to eight.

A *cut* is the digits of each token, as 3+1 for `123|4`. Numbers of one length that are cut in
different ways make a model learn the same sum many times; groups that are counted from the left do
not line up with the value of their digits (Singh and Strouse, "Tokenization counts: the impact of
tokenization on arithmetic in frontier LLMs", 2024).
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.text import DIGITS_GROUPED_FROM_LEFT, NUMBER_SPLITTING
from tokkit.errors import EncodingError
from tokkit.report.section import Column, Fact, Table, columns
from tokkit.text.tokenizer import TextTokenizer

MAX_DIGITS = 8
NO_DIGITS = "not at all: digits cannot be encoded"
N_SAMPLED = 400
_ALL_UP_TO = 3
_GROUP = 3
_COLUMNS = (
    *columns("number", digits="Digits", tokens="Tokens, on average", cuts="Different cuts"),
    Column("common", "Most common cut", "code"),
    Column("share_percent", "of the numbers, %", "number"),
    Column("example", "Example", "code"),
)

Cut = tuple[int, ...]


@dataclass(frozen=True)
class Length:
    """The numbers of one length.

    Attributes:
        n_digits: that length.
        cuts: cut -> how many numbers are cut so, the most common first.
        examples: cut -> the first number that is cut so.
        ids: cut -> the ids of that number.
    """

    n_digits: int
    cuts: dict[Cut, int]
    examples: dict[Cut, str]
    ids: dict[Cut, tuple[int, ...]]

    @property
    def common(self) -> Cut:
        """The most common cut."""
        return next(iter(self.cuts))

    @property
    def n_tokens(self) -> float:
        """On average."""
        total = sum(self.cuts.values())
        return sum(len(cut) * count for cut, count in self.cuts.items()) / total


def measure_numbers(tokenizer: TextTokenizer) -> list[Length]:
    """The cuts for each length; a length of which no number can be encoded is left out."""
    lengths: list[Length] = []
    for n_digits in range(1, MAX_DIGITS + 1):
        counts: Counter[Cut] = Counter()
        examples: dict[Cut, str] = {}
        ids: dict[Cut, tuple[int, ...]] = {}
        for number in _numbers(n_digits):
            found = _cut(tokenizer, number)
            if found is None:
                continue
            cut, tokens = found
            counts[cut] += 1
            if cut not in examples:
                examples[cut], ids[cut] = number, tokens
        if counts:
            ranked = sorted(counts, key=lambda cut: (-counts[cut], cut))
            lengths.append(Length(n_digits, {c: counts[c] for c in ranked}, examples, ids))
    return lengths


def _numbers(n_digits: int) -> list[str]:
    low, high = (0 if n_digits == 1 else 10 ** (n_digits - 1)), 10**n_digits
    if n_digits <= _ALL_UP_TO:
        return [str(number) for number in range(low, high)]
    generator = random.Random(n_digits)
    return [str(number) for number in sorted(generator.sample(range(low, high), N_SAMPLED))]


def _cut(tokenizer: TextTokenizer, number: str) -> tuple[Cut, tuple[int, ...]] | None:
    """How many digits each token holds; a space before the number is not counted."""
    try:
        encoding = tokenizer.encode_with_offsets(number)
    except EncodingError:
        return None
    ends = encoding.ends.tolist()
    extra = (ends[-1] if ends else 0) - len(number)
    if extra not in (0, 1):
        return None  # the normaliser rewrites digits
    ends = [max(0, end - extra) for end in ends]
    sizes = [end - start for start, end in pairwise([0, *ends])]
    return tuple(size for size in sizes if size), tuple(encoding.ids.tolist())


def scheme(lengths: list[Length]) -> str:
    """How numbers are cut, in a few words."""
    if not lengths:
        return NO_DIGITS
    if any(len(each.cuts) > 1 for each in lengths):
        return "irregular"
    cuts = {each.n_digits: each.common for each in lengths}
    if all(cut == (1,) * n for n, cut in cuts.items()):
        return "digit by digit"
    if all(cut == (n,) for n, cut in cuts.items()):
        return "whole numbers"
    if all(cut == _groups(n) for n, cut in cuts.items()):
        return "groups of three from the left"
    if all(cut == _groups(n)[::-1] for n, cut in cuts.items()):
        return "groups of three from the right"
    return "regular"


def _groups(n_digits: int) -> Cut:
    whole, rest = divmod(n_digits, _GROUP)
    return (_GROUP,) * whole + ((rest,) if rest else ())


def number_facts(lengths: list[Length]) -> list[Fact]:
    """The scheme."""
    about = "Digit by digit, or in groups from the right, is easiest to calculate with."
    return [Fact("number_scheme", "Numbers are cut", scheme(lengths), help=about)]


def number_table(lengths: list[Length]) -> Table:
    """One row a length."""
    rows = tuple(
        (
            each.n_digits,
            round(each.n_tokens, 2),
            len(each.cuts),
            "+".join(map(str, each.common)),
            round(100 * each.cuts[each.common] / sum(each.cuts.values()), 1),
            _shown(each, each.common),
        )
        for each in lengths
    )
    return Table(
        "numbers", "How numbers are cut", _COLUMNS, rows,
        f"All numbers of up to three digits, {N_SAMPLED} of each length above.",
    )  # fmt: skip


def number_findings(lengths: list[Length]) -> list[Finding]:
    """Numbers of one length that are cut in different ways, or in groups from the left."""
    mixed = [each for each in lengths if len(each.cuts) > 1]
    if mixed:
        worst = max(mixed, key=lambda each: len(each.cuts))
        ways = ", ".join(_shown(worst, cut) for cut in list(worst.cuts)[:4])
        lengths_text = ", ".join(str(each.n_digits) for each in mixed)
        message = (
            f"Numbers of the same length are cut in different ways (lengths {lengths_text}). "
            f"Those of {worst.n_digits} digits are cut in {len(worst.cuts)} ways: {ways}."
        )
        witnesses = tuple(_witness(mixed[0], cut) for cut in list(mixed[0].cuts)[:3])
        return [Finding(NUMBER_SPLITTING, message, len(mixed), witnesses=witnesses)]
    if scheme(lengths) == "groups of three from the left":
        four = next(each for each in lengths if each.n_digits > _GROUP)
        message = (
            f"Digits are grouped in threes from the left: {_shown(four, four.common)}. The groups "
            "do not line up with thousands."
        )
        witness = _witness(four, four.common)
        return [Finding(DIGITS_GROUPED_FROM_LEFT, message, witnesses=(witness,))]
    return []


def _shown(each: Length, cut: Cut) -> str:
    edges = accumulate(cut, initial=0)
    return "|".join(each.examples[cut][start:end] for start, end in pairwise(edges))


def _witness(each: Length, cut: Cut) -> Witness:
    note = f"cut {_shown(each, cut)}"
    return Witness("encode", each.examples[cut].encode(), each.ids[cut], note=note)
