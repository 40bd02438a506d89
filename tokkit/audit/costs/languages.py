"""What each language costs on parallel text, and its premium against the reference language.

The premium (Petrov et al., "Language Model Tokenizers Introduce Unfairness Between Languages",
NeurIPS 2023) is the tokens of a language over those of English for texts that say the same. UTF-8
itself charges some scripts two or three bytes a character; the byte premium says how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokkit.audit.costs.bootstrap import Estimate, ratio
from tokkit.audit.costs.costs import Cost, in_both, measure
from tokkit.audit.costs.samples import ParallelText
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.text import (
    LANGUAGE_WITHOUT_ENCODING,
    MORE_TOKENS_THAN_CHARACTERS,
    UNEVEN_LANGUAGE_COST,
)
from tokkit.audit.safety.shrinking import shrink
from tokkit.report.section import Chart, Fact, Scalar, Table, bar_chart, columns
from tokkit.report.wording import listed
from tokkit.text.tokenizer import TextTokenizer

HIGH_PREMIUM = 3.0
"""A language whose premium surely exceeds this is reported."""

_MOST_NAMED = 8
_MAX_BARS = 60
_COLUMNS = (
    *columns("text", code="Code", language="Language"),
    *columns("number", bytes_per_token="Bytes a token", tokens_per_char="Tokens a character"),
    *columns("number", tokens_per_word="Tokens a word", premium="Premium", premium_low="from"),
    *columns("number", premium_high="to", byte_premium="Byte premium"),
)


@dataclass(frozen=True, eq=False)
class Language:
    """What one language costs.

    Attributes:
        code: of the language.
        name: what a reader calls it.
        cost: of its texts.
        premium: its tokens over those of the reference language, on the texts that both have;
            None if there is none.
        byte_premium: the same of bytes.
    """

    code: str
    name: str
    cost: Cost
    premium: Estimate | None
    byte_premium: float | None


def measure_languages(tokenizer: TextTokenizer, sample: ParallelText) -> list[Language]:
    """Every language, the most expensive first."""
    costs = {code: measure(tokenizer, texts) for code, texts in sample.texts.items()}
    languages = [_language(code, costs, sample) for code in costs]
    languages.sort(key=lambda each: (-(each.premium.value if each.premium else 1e9), each.code))
    return languages


def _language(code: str, costs: Mapping[str, Cost], sample: ParallelText) -> Language:
    mine, other = in_both(costs[code], costs[sample.reference])
    if not mine.texts:
        return Language(code, sample.names[code], costs[code], None, None)
    premium = ratio(mine.n_tokens, other.n_tokens, 2)
    byte_premium = round(sum(mine.n_bytes) / sum(other.n_bytes), 2)
    return Language(code, sample.names[code], costs[code], premium, byte_premium)


def language_facts(languages: list[Language], reference: str) -> list[Fact]:
    """The reference language's cost, and how much the others differ."""
    facts: list[Fact] = []
    known = [each for each in languages if each.premium and each.code != reference]
    home = next(each for each in languages if each.code == reference)
    if home.cost.texts:
        cost = home.cost.bytes_per_token
        facts.append(Fact(
            "english_bytes_per_token", f"{home.name}", cost.value, "bytes a token", cost.interval,
            "UTF-8 bytes of a text over its tokens. More is cheaper, and a longer context.",
        ))  # fmt: skip
        words = home.cost.tokens_per_word
        if words is not None:
            facts.append(Fact(
                "english_tokens_per_word", f"{home.name} words", words.value, "tokens a word",
                words.interval, "Also called fertility; 1 is the least for words between spaces.",
            ))  # fmt: skip
    if known:
        premiums = sorted(each.premium.value for each in known if each.premium)
        median, worst = premiums[len(premiums) // 2], known[0]
        assert worst.premium is not None
        facts.append(Fact(
            "median_premium", "Median language", median, "times the tokens of English",
            help="Tokens of the same content, over those of English.",
        ))  # fmt: skip
        facts.append(Fact(
            "worst_premium", f"Most expensive language, {worst.name}", worst.premium.value,
            "times the tokens of English", worst.premium.interval,
            "Users of that language pay so much more, and fit so much less into the context.",
        ))  # fmt: skip
    return facts


def language_table(languages: list[Language], source: str) -> Table:
    """All languages, the most expensive first."""
    return Table(
        "languages", "Cost by language", _COLUMNS, tuple(map(_row, languages)),
        f"From {source}. The premium is the tokens over those of English for the same content, "
        "with its 95% interval; the byte premium is what UTF-8 alone makes of it. Scripts without "
        "spaces between words have no tokens a word.",
    )  # fmt: skip


def _row(each: Language) -> tuple[Scalar, ...]:
    if not each.cost.texts:
        return (each.code, each.name, *(None,) * 7)
    words, premium = each.cost.tokens_per_word, each.premium
    return (
        each.code,
        each.name,
        each.cost.bytes_per_token.value,
        each.cost.tokens_per_char.value,
        None if words is None else words.value,
        *((premium.value, premium.low, premium.high) if premium else (None, None, None)),
        each.byte_premium,
    )


def language_chart(languages: list[Language]) -> Chart | None:
    """The premiums as bars."""
    title, unit = "Tokens of the same content, over those of English", "times the tokens of English"
    bars = [each.premium.bar(each.name) for each in languages if each.premium][:_MAX_BARS]
    if not bars:
        return None
    return bar_chart("premiums", title, "premium", bars, unit, table="languages")


def language_findings(languages: list[Language], tokenizer: TextTokenizer) -> list[Finding]:
    """Languages that cost much, that take more tokens than characters, or that have no encoding."""
    findings: list[Finding] = []
    dear = [each for each in languages if each.premium and each.premium.low > HIGH_PREMIUM]
    if dear and dear[0].premium:
        names = listed([each.name for each in dear], _MOST_NAMED)
        findings.append(Finding(
            UNEVEN_LANGUAGE_COST,
            f"{len(dear)} of {len(languages) - 1} languages take more than {HIGH_PREMIUM:g} times "
            f"as many tokens as English for the same content: {names}. The most expensive, "
            f"{dear[0].name}, takes {dear[0].premium.value:g} times as many.",
            len(dear), witnesses=tuple(_shortest(each) for each in dear[:3]),
        ))  # fmt: skip
    spelt = [e for e in languages if e.cost.texts and e.cost.tokens_per_char.low > 1]
    if spelt:
        names = listed([each.name for each in spelt], _MOST_NAMED)
        findings.append(Finding(
            MORE_TOKENS_THAN_CHARACTERS,
            f"{len(spelt)} of {len(languages)} languages take more tokens than the text has "
            f"characters: {names}. Their characters are cut into bytes.",
            len(spelt), witnesses=tuple(_shortest(each) for each in spelt[:3]),
        ))  # fmt: skip
    lost = [each for each in languages if each.cost.lost]
    if lost:
        n = sum(len(each.cost.lost) for each in lost)
        findings.append(Finding(
            LANGUAGE_WITHOUT_ENCODING,
            f"{n} texts in {len(lost)} of {len(languages)} languages cannot be encoded, or lose "
            f"words to the unknown token: {listed([each.name for each in lost], _MOST_NAMED)}.",
            len(lost),
            witnesses=tuple(
                Witness("encode", _smallest_lost(tokenizer, each), note=f"{each.name}: no encoding")
                for each in lost[:3]
            ),
        ))  # fmt: skip
    return findings


def _smallest_lost(tokenizer: TextTokenizer, language: Language) -> bytes:
    """The smallest part of a text of the language that has no encoding."""

    def is_lost(text: str) -> bool:
        return bool(measure(tokenizer, [text]).lost)

    return shrink(min(language.cost.lost, key=len), is_lost).encode()


def _shortest(each: Language) -> Witness:
    k = min(range(len(each.cost.texts)), key=lambda k: (each.cost.n_bytes[k], k))
    ids = each.cost.ids[k]
    note = f"{each.name}: {len(ids)} tokens for {each.cost.n_chars[k]} characters"
    return Witness("encode", each.cost.texts[k].encode(), tuple(ids.tolist()), note=note)
