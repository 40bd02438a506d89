"""The training section: the mixture that a BPE tokenizer's merges speak for, given samples.

The figures are those of `tokkit.infer_mixture`: shares of bytes, with intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tokkit.audit.part import Part
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError
from tokkit.mixture.inferred import percent
from tokkit.mixture.result import MixtureResult
from tokkit.mixture.samples.sources import Source
from tokkit.report.section import Column, Fact, Section, Table, bar_chart, columns
from tokkit.text.tokenizer import TextTokenizer

_COLUMNS = (
    Column("category", "Category"),
    *columns("number", share="Share of bytes, %", low="from", high="to"),
    *columns("number", sample_bytes="Bytes of the sample"),
)


def check(tokenizer: TextTokenizer, corpora: Mapping[str, Source]) -> None:
    """Refuse what `examine` cannot examine, at once.

    Raises:
        ArgumentError: not a BPE tokenizer, or fewer than two categories.
    """
    from tokkit.mixture.inference import check_corpora

    if tokenizer.merges is None:
        raise ArgumentError(
            "corpora: the training mixture is inferred from merges, which only BPE tokenizers "
            "have; leave corpora out"
        )
    check_corpora(corpora)


def examine(
    subject: Subject,
    *,
    corpora: Mapping[str, Source],
    inherits: Sequence[TextTokenizer | str] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Part:
    """Infer the training mixture.

    Args:
        subject: a BPE tokenizer.
        corpora: category -> a sample of it, as `tokkit.infer_mixture` takes them.
        inherits: tokenizers whose merges this one may have taken over.
        progress: as in `infer_mixture`.

    Raises:
        ArgumentError: not a BPE tokenizer, or samples that do not serve.
        FormatError: a file that is missing or damaged.
    """
    from tokkit.mixture.inference import infer_mixture

    if subject.text is None:
        raise ArgumentError("the training mixture is inferred for text tokenizers only")
    check(subject.text, corpora)
    result = infer_mixture(subject.text, corpora, inherits=inherits, progress=progress)
    return Part(_section(result))


def _section(result: MixtureResult) -> Section:
    bars = result.bars(result.ranked())
    rows = tuple(
        (name, share, *(interval or (None, None)), result.sample_bytes[name])
        for name, share, interval in bars
    )
    facts = (
        Fact("merges_used", "Merges used", result.n_merges),
        Fact("misfit", "Typical misfit", round(result.misfit, 2), "times",
             help="Half of the merges are off by this factor or more; 1 is a perfect fit."),
        Fact("merges_without_support_percent", "Merges without support",
             percent(result.unsupported), "%", help="Merges whose pair stands in no sample."),
        Fact("unexplained_percent", "Unexplained, roughly",
             None if result.unexplained is None else percent(result.unexplained), "%",
             help="Training data that no category explains."),
        Fact("missing_p_value", "A category missing, p",
             None if result.missing is None else float(f"{result.missing.p_value:.2g}"),
             help="How probable so many unlike merges are if no category is missing."),
    )  # fmt: skip
    table = Table(
        "mixture", "Shares of the training data", _COLUMNS, rows, " ".join(result.trust())
    )
    title = "Shares of the training data, by bytes"
    chart = bar_chart("mixture", title, "share", bars, "% of bytes", table="mixture")
    top = bars[0][0]
    summary = (
        f"The merges speak for {top} as the largest category, {result.proportions[top]:.0%} of the "
        f"bytes. {' '.join(f'Warning: {warning}.' for warning in result.warnings)}"
    )
    return Section("training", "Training data", summary.strip(), facts, (table,), (chart,))
