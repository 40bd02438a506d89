"""How a transfer went, for people: sections for pages and terminals, and a page of them."""

from __future__ import annotations

from tokkit.hypernets.telling.figures import BitsPerByte, Spread, TransferFigures
from tokkit.models.training.telling.curve import TrainingCurve
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Chart, Column, Fact, Section, Series, Table, bar_chart, columns
from tokkit.report.wording import plural, size

_DIGITS = 3
"""Of bits a byte."""
_FIGURES = 3
"""Of norms, which are of any size."""


def transfer_sections(figures: TransferFigures) -> list[Section]:
    """What it cost, how it trained, where the rows come from and lie, figures of the method."""
    sections = [_cost(figures.bits_per_byte)]
    if figures.training is not None:
        sections.append(training_section(figures.training))
    sections += [_origins(figures), _spread(figures)]
    return [*sections, _notes(figures)] if figures.notes else sections


def render_transfer_page(figures: TransferFigures) -> str:
    """A page as a string, for UTF-8; equal figures give equal strings."""
    tied = "input and output rows are one matrix" if figures.tied else "output rows of their own"
    return render(
        Page(
            brand="transfer",
            kicker="Another tokenizer",
            name=f"{figures.source} → {figures.target}",
            description=f"{plural(figures.n_tokens, 'token')} · method {figures.method} · {tied}",
            verdict=verdict(figures),
            headline=_headline(figures),
            sections=transfer_sections(figures),
            note="Bits a byte are those of one text; another kind of text has others.",
            warnings=figures.remarks,
        )
    )


def verdict(figures: TransferFigures) -> str:
    """What matters most, in a sentence or two."""
    bits = figures.bits_per_byte
    if bits is None:
        copied = plural(figures.n_copied, "row is", "rows are")
        made = f"{figures.n_combined:,} made from parts"
        if figures.n_predicted:
            made += f", {figures.n_predicted:,} predicted"
        return f"{copied} copied, {made}. Nothing was measured."
    parts = (bits.control - bits.before, bits.after - bits.control)
    segmentation, rows = (f"{part:+.{_DIGITS}f}".replace("-", "−") for part in parts)
    return (
        f"The new model needs {bits.after:.{_DIGITS}f} bits a byte, the old one "
        f"{bits.before:.{_DIGITS}f}. Of the difference, {segmentation} is the new segmentation, "
        f"and {rows} the new rows."
    )


def _headline(figures: TransferFigures) -> list[Fact]:
    facts = [
        Fact("copied", "Tokens copied", _percent(figures.n_copied, figures), "%",
             help="They are tokens of the old vocabulary, too, and keep their rows."),
    ]  # fmt: skip
    bits = figures.bits_per_byte
    if bits is None:
        return facts
    return [
        Fact("before", "Before", _rounded(bits.before), "bits a byte",
             help="The old model with its own tokenizer."),
        Fact("control", "Control", _rounded(bits.control), "bits a byte",
             help="The old model, where the new tokenizer cuts: the cost of the segmentation."),
        Fact("after", "After", _rounded(bits.after), "bits a byte"),
        Fact("bytes_per_token_before", "Token length before",
             round(bits.bytes_per_token_before, 2), "bytes a token"),
        Fact("bytes_per_token_after", "Token length after",
             round(bits.bytes_per_token_after, 2), "bytes a token"),
        *facts,
    ]  # fmt: skip


def _cost(bits: BitsPerByte | None) -> Section:
    title = "Cost on a text"
    if bits is None:
        return Section(
            "cost", title,
            "Not measured: that takes a text, and a model that predicts next or masked tokens.",
        )  # fmt: skip
    heads = (Column("what", ""), *columns("number", bits="Bits a byte", length="Bytes a token"))
    rows = (
        ("before", _rounded(bits.before), round(bits.bytes_per_token_before, 2)),
        ("control", _rounded(bits.control), None),
        ("after", _rounded(bits.after), round(bits.bytes_per_token_after, 2)),
    )
    note = (
        "Before: the old model with its own tokenizer. Control: the old model on the text cut "
        "where the new tokenizer cuts, each piece spelled with old tokens; what it costs more is "
        "the segmentation, and the rest is the new rows."
    )
    if bits.masked:
        note += (
            " The model fills in masks: each token is told from all others of its window. Before, "
            "these are those of the old tokenizer, of which a word may have more; so that figure "
            "is no measure for the others, and the control is."
        )
    summary = f"Over {size(bits.n_bytes)} that nothing was fitted to."
    return Section(
        "cost", title, summary,
        tables=(Table("cost", "Bits a byte", heads, rows, note),),
        charts=(_cost_chart(bits),),
    )  # fmt: skip


def _cost_chart(bits: BitsPerByte) -> Chart:
    values = {"before": bits.before, "control": bits.control, "after": bits.after}
    bars = [(name, _rounded(value), None) for name, value in values.items()]
    return bar_chart("bits", "Bits a byte; fewer are better", "bits a byte", bars, "bits a byte")


def training_section(curve: TrainingCurve) -> Section:
    """The loss of a training, and what it saves where that is known."""
    times = tuple(f"{seconds:.0f}" for seconds in curve.seconds)
    losses = tuple(_significant(loss) for loss in curve.losses)
    charts = [
        Chart(
            "loss", "Loss of the training", "curve", times, (Series("loss", losses),),
            x_label="seconds", y_label="loss",
        )
    ]  # fmt: skip
    heads = columns("number", seconds="Seconds", bits="Bits a byte")
    rows = tuple(
        (round(seconds), _rounded(bits))
        for seconds, bits in zip(curve.evaluated_at, curve.bits_per_byte, strict=True)
    )
    summary = f"{curve.seconds[-1]:,.0f} seconds of updates."
    if not rows:
        return Section("training", "Training", summary, charts=tuple(charts))
    charts.append(
        Chart(
            "saved", "What the training saves on windows that nothing is trained on", "lines",
            tuple(str(seconds) for seconds, _ in rows),
            (Series("saved", tuple(_rounded(rows[0][1] - bits) for _, bits in rows)),),
            x_label="seconds", y_label="bits a byte",
        )
    )  # fmt: skip
    first, last = (f"{bits:.{_DIGITS}f}" for bits in (rows[0][1], rows[-1][1]))
    note = (
        "Seconds are of CPU time, or of wall time on a GPU, spent on updates. These windows are "
        "not those of the figures above."
    )
    table = Table(
        "held_out", "Bits a byte of windows that nothing is trained on", heads, rows, note
    )
    summary += f" On windows that nothing is trained on, bits a byte went from {first} to {last}."
    return Section("training", "Training", summary, tables=(table,), charts=tuple(charts))


def _origins(figures: TransferFigures) -> Section:
    kinds = {
        "copied": figures.n_copied,
        "made of parts": figures.n_combined,
        "predicted": figures.n_predicted,
        "without parts": figures.n_without,
    }
    heads = (Column("kind", "Row"), *columns("number", tokens="Tokens", share="Share, %"))
    rows = tuple((kind, n, _percent(n, figures)) for kind, n in kinds.items())
    note = (
        "Copied: the token is in the old vocabulary, too. Made of parts: it is spelled with "
        "several old tokens. Predicted: its row is made from something else, as a donor's. Without "
        "parts: none spell it, and the mean of all old rows goes in."
    )
    summary = f"{plural(figures.n_tokens, 'token')} in all; method {figures.method}."
    tables = (Table("origins", "New tokens", heads, rows, note),)
    return Section("origins", "Where the rows come from", summary, tables=tables)


def _spread(figures: TransferFigures) -> Section:
    spreads = {"input": figures.inputs}
    if figures.outputs is not None:
        spreads["output"] = figures.outputs
    heads = (Column("rows", "Rows"), *columns("number", norm="Norm", cosine="Cosine"))
    rows = tuple(
        (f"{name}, {kind}", _significant(norm), round(cosine, 2))
        for name, spread in spreads.items()
        for kind, norm, cosine in (
            ("copied", spread.copied_norm, spread.copied_cosine),
            ("made", spread.new_norm, spread.cosine),
        )
    )
    note = "Medians. The cosine is that of a row to the mean of all rows."
    tables = [Table("spread", "Norm and direction", heads, rows, note)]
    tables += [_outliers(name, each) for name, each in spreads.items() if each.outliers]
    summary = (
        "A token whose row lies far from the others may be predicted too often, or never. A mean "
        "of several rows is shorter than they are."
    )
    return Section("spread", "Where the rows lie", summary, tables=tuple(tables))


def _outliers(name: str, spread: Spread) -> Table:
    heads = (
        *columns("number", token="Id"),
        *columns("code", text="Token"),
        *columns("number", off="Off by", norm="Norm", cosine="Cosine"),
    )
    rows = tuple(
        (
            each.token,
            each.text,
            round(each.deviation, 1),
            _significant(each.norm),
            round(each.cosine, 2),
        )
        for each in spread.outliers
    )
    note = (
        "Those that lie furthest from the copied rows, in norm or in cosine: off by so many "
        "standard deviations of these. Of equal rows the first."
    )
    return Table(f"{name}_outliers", f"Outliers among {name} rows", heads, rows, note)


def _notes(figures: TransferFigures) -> Section:
    heads = (Column("figure", "Figure"), *columns("number", value="Value"))
    rows = tuple((name, _significant(value)) for name, value in figures.notes.items())
    note = ""
    if "fold mean" in figures.notes:
        note = (
            "Fold: by which factor a bias counts that is written into the rows. A mean of 1 and a "
            "deviation of 0 are perfect."
        )
    tables = (Table("notes", "Figures of the method", heads, rows, note),)
    return Section("method", "Method", f"What {figures.method} chose and found.", tables=tables)


def _percent(n: int, figures: TransferFigures) -> float:
    return round(100 * n / max(1, figures.n_tokens), 2)


def _rounded(value: float) -> float:
    return round(value, _DIGITS)


def _significant(value: float) -> float:
    """To four digits: rows have norms of any size."""
    return float(f"{value:.{_FIGURES}g}")
