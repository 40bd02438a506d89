"""A comparison as sections, which the page shows, and as one table for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tokkit.audit.comparing.figures import Comparison, Figure, FileTypeCost, TokenizerFigures
from tokkit.report.layout import BOLD, PLAIN, Layout, wrapped
from tokkit.report.section import Chart, Column, Scalar, Section, Series, Table, columns
from tokkit.report.terminal import table_lines
from tokkit.report.wording import number, plural, size, visible

_INTERVALS = "Intervals hold 95%, by a bootstrap over blocks of the text."


def comparison_sections(found: Comparison) -> list[Section]:
    """All texts, types of files, languages, and speed."""
    parts = [_whole(found), _file_types(found), _languages(found), _speed(found)]
    return [part for part in parts if part is not None]


def comparison_text(found: Comparison, layout: Layout = PLAIN) -> str:
    """One table, and a line on the language in which the tokenizers are furthest apart."""
    n_tokenizers = plural(len(found.tokenizers), "tokenizer")
    title = ", ".join([n_tokenizers, f"{size(found.n_bytes)} of text", *left_out(found)])
    lines = [layout.styled(title, BOLD), *table_lines(_brief_table(found), layout)]
    return "\n".join([*lines, *wrapped(visible(_languages_summary(found)), 2, layout)]) + "\n"


def left_out(found: Comparison) -> list[str]:
    """What was not read, if anything."""
    n = found.n_left_out
    return [f"{plural(n, 'file')} left out that {'is' if n == 1 else 'are'} no text"] if n else []


def verdict(found: Comparison) -> str:
    """Which takes the fewest tokens, and how far the others are from it."""
    best = found.fewest()
    if len(found.tokenizers) == 1:
        return f"{best.name} takes {plural(best.n_tokens, 'token')} for {size(found.n_bytes)}."
    worst = max(found.tokenizers, key=lambda each: each.n_tokens)
    if worst.n_tokens == best.n_tokens:
        return "All take as many tokens for these texts."
    more = worst.n_tokens / best.n_tokens - 1 if best.n_tokens else 0.0
    return (
        f"{best.name} takes the fewest tokens for these texts, {best.n_tokens:,}; {worst.name} "
        f"takes {more:.1%} more." + _cheapest(found)
    )


def _cheapest(found: Comparison) -> str:
    priced = [(each.cost, each.name) for each in found.tokenizers if each.cost is not None]
    if len(priced) < 2:
        return ""
    cost, name = min(priced)
    return f" At the prices given, {name} is the cheapest: {_money(cost)}."


def _money(value: float) -> str:
    return f"{value:.4g}"


def _brief_table(found: Comparison) -> Table:
    """The table for a terminal: intervals in the cells, and only the columns that say something."""
    whole = whole_table(found)
    kept = [
        k
        for k, column in enumerate(whole.columns)
        if column.key not in ("vocab_size", "low", "high", "change_low", "change_high")
    ]
    rate = next(k for k, column in enumerate(whole.columns) if column.key == "bytes_per_token")
    rows: list[tuple[Scalar, ...]] = []
    for row in whole.rows:
        low, high = row[rate + 1 : rate + 3]
        between = "" if low is None else f" ({number(low)} to {number(high)})"
        cells = [*row[:rate], f"{number(row[rate])}{between}", *row[rate + 1 :]]
        rows.append(tuple(cells[k] for k in kept))
    return Table(
        whole.key, whole.title, tuple(whole.columns[k] for k in kept), tuple(rows), whole.note
    )


# -- all texts -------------------------------------------------------------------------------


def whole_table(found: Comparison) -> Table:
    """A row for each tokenizer."""
    first = found.names[0]
    has_prices = any(each.price is not None for each in found.tokenizers)
    has_unknown = any(each.n_unknown for each in found.tokenizers)
    heads = (
        Column("name", "Tokenizer"),
        *columns("number", vocab_size="Ids", n_tokens="Tokens"),
        *columns("number", bytes_per_token="Bytes a token", low="from", high="to"),
        *columns("number", change_percent="Tokens, %", change_low="from", change_high="to"),
        *(columns("number", n_unknown="Unknown") if has_unknown else ()),
        *(columns("number", cost="Cost", per_megabyte="a MB") if has_prices else ()),
        *columns("number", speed="MB/s"),
    )
    rows = tuple(_row(each, has_unknown, has_prices) for each in found.tokenizers)
    notes = (
        f"“Tokens, %” is the change against {first}.",
        _INTERVALS,
        "Unknown tokens stand for text that the vocabulary lacks; it is lost." * has_unknown,
        "“a MB”: the price of a million bytes of such text." * has_prices,
        "Speed: one thread, this machine.",
    )
    return Table("tokenizers", "On these texts", heads, rows, " ".join(filter(None, notes)))


def _row(each: TokenizerFigures, has_unknown: bool, has_prices: bool) -> tuple[Scalar, ...]:
    per_megabyte = None if each.cost_per_megabyte is None else each.cost_per_megabyte.value
    cost = None if each.cost is None else float(f"{each.cost:.4g}")
    return (
        each.name,
        each.vocab_size,
        each.n_tokens,
        each.bytes_per_token.value,
        *_ends(each.bytes_per_token),
        _percent(each.ratio.value),
        *(None if end is None else _percent(end) for end in _ends(each.ratio)),
        *((each.n_unknown,) if has_unknown else ()),
        *((cost, per_megabyte) if has_prices else ()),
        round(each.bytes_per_second.value / 1e6, 2),
    )


def _ends(figure: Figure) -> tuple[float | None, float | None]:
    return figure.interval or (None, None)


def _percent(ratio: float) -> float:
    return round(100 * (ratio - 1), 1)


def _series(name: str, figures: list[Figure | None]) -> Series:
    """Values with their intervals, if all have one."""
    intervals = [each.interval for each in figures if each is not None and each.interval]
    values = tuple(math.nan if each is None else each.value for each in figures)
    return Series(name, values, tuple(intervals) if len(intervals) == len(figures) else ())


def _whole(found: Comparison) -> Section:
    labels = tuple(found.names)
    rates: list[Figure | None] = [each.bytes_per_token for each in found.tokenizers]
    charts = [
        Chart("bytes_per_token", "Bytes a token: more is cheaper", "bars", labels,
              (_series("bytes a token", rates),), "bytes a token", table="tokenizers"),
    ]  # fmt: skip
    money = [each.cost_per_megabyte for each in found.tokenizers]
    if any(each is not None for each in money):
        priced = [k for k, each in enumerate(money) if each is not None]
        charts.append(
            Chart("money", "What a million bytes of such text cost", "bars",
                  tuple(labels[k] for k in priced),
                  (_series("cost", [money[k] for k in priced]),), "in the currency of the prices")
        )  # fmt: skip
    summary = (
        f"{size(found.n_bytes)} of text, encoded canonically, without control tokens. Fewer tokens "
        "are cheaper and leave more room in the context; how well a model works with them is "
        "another question."
    )
    return Section("texts", "These texts", summary, (), (whole_table(found),), tuple(charts))


# -- types of files, languages, speed --------------------------------------------------------


def _file_types(found: Comparison) -> Section | None:
    if len(found.file_types) < 2:
        return None
    table, chart = file_type_parts(found.names, found.file_types)
    summary = "Types are the ends of the files' names, the one with the most bytes first."
    return Section("file_types", "By type of file", summary, (), (table,), (chart,))


def file_type_parts(names: Sequence[str], costs: Sequence[FileTypeCost]) -> tuple[Table, Chart]:
    """The cost by type of file with each of some tokenizers, as a table and as a chart."""
    heads = (
        Column("type", "Type"),
        Column("n_bytes", "Bytes", "number"),
        *(
            column
            for k, name in enumerate(names)
            for column in (
                Column(f"tokens_{k}", f"Tokens, {name}", "number"),
                Column(f"rate_{k}", "bytes a token", "number"),
            )
        ),
    )
    rows = tuple(
        (each.name, each.n_bytes,
         *(cell for n, rate in zip(each.n_tokens, each.bytes_per_token, strict=True)
           for cell in (n, rate.value)))
        for each in costs
    )  # fmt: skip
    series = tuple(
        _series(name, [each.bytes_per_token[k] for each in costs]) for k, name in enumerate(names)
    )
    labels = tuple(each.name for each in costs)
    chart = Chart(
        "file_types", "Bytes a token, by type of file", "bars", labels, series, "bytes a token",
        table="file_types",
    )  # fmt: skip
    return Table("file_types", "By type of file", heads, rows, _INTERVALS), chart


def _languages_summary(found: Comparison) -> str:
    first = found.names[0]
    if len(found.names) == 1 or not found.languages:
        return f"By language: see the page. Of {found.language_source}."
    told = found.languages[0]
    ratios = [
        f"{name} takes {ratio.value:g} times"
        for name, ratio in zip(found.names[1:], told.ratios[1:], strict=True)
        if ratio is not None
    ]
    if not ratios or all(ratio is not None and ratio.value == 1 for ratio in told.ratios):
        return "Every language takes as many tokens with each of them."
    return (
        f"By language they are furthest apart in {told.name}, where {ratios[0]}"
        f"{''.join(f', {each}' for each in ratios[1:])} the tokens of {first}."
    )


def _languages(found: Comparison) -> Section | None:
    if not found.languages:
        return None
    others = range(1, len(found.names))
    heads = (
        *columns("text", code="Code", name="Language"),
        *(Column(f"tokens_{k}", f"Tokens, {n}", "number") for k, n in enumerate(found.names)),
        *(
            column
            for k in others
            for column in (
                Column(f"ratio_{k}", f"Times, {found.names[k]}", "number"),
                Column(f"low_{k}", "from", "number"),
                Column(f"high_{k}", "to", "number"),
            )
        ),
    )
    rows = tuple(
        (each.code, each.name, *each.n_tokens,
         *(cell for ratio in each.ratios[1:] for cell in (
             (None, None, None) if ratio is None else (ratio.value, *ratio.interval))))
        for each in found.languages
    )  # fmt: skip
    note = (
        f"Of {found.language_source}. “Times” is over the tokens of {found.names[0]}. A dash: the "
        "vocabulary cannot express the language. "
        "Intervals hold 95%, by a bootstrap over the texts."
    )
    table = Table("languages", "Cost by language", heads, rows, note)
    return Section(
        "languages", "By language", _languages_summary(found), (), (table,),
        _language_charts(found),
    )  # fmt: skip


def _language_charts(found: Comparison) -> tuple[Chart, ...]:
    """Tokens over those of the first tokenizer, of the languages that all can express."""
    known = [each for each in found.languages if None not in each.ratios]
    if len(found.names) < 2 or not known:
        return ()
    series = tuple(
        Series(
            found.names[k],
            tuple(ratio.value for each in known if (ratio := each.ratios[k])),
            tuple(ratio.interval for each in known if (ratio := each.ratios[k])),
        )
        for k in range(len(found.names))
    )
    title = f"Tokens of the same content, over those of {found.names[0]}"
    labels = tuple(each.name for each in known)
    unit = f"times the tokens of {found.names[0]}"
    return (Chart("languages", title, "bars", labels, series, unit, table="languages"),)


def _speed(found: Comparison) -> Section:
    figures = [each.bytes_per_second for each in found.tokenizers]
    scaled: list[Figure | None] = [
        Figure(
            round(each.value / 1e6, 3),
            each.interval and (round(each.interval[0] / 1e6, 3), round(each.interval[1] / 1e6, 3)),
        )
        for each in figures
    ]
    chart = Chart("speed", "Encoding, millions of bytes a second", "bars", tuple(found.names),
                  (_series("MB/s", scaled),), "MB/s")  # fmt: skip
    fastest = max(found.tokenizers, key=lambda each: each.bytes_per_second.value)
    summary = (
        f"tokkit's own encoder, one thread, on this machine: {fastest.name} is the fastest, "
        f"{number(round(fastest.bytes_per_second.value / 1e6, 2))} MB/s. Measured anew each time."
    )
    return Section("speed", "Speed", summary, charts=(chart,))
