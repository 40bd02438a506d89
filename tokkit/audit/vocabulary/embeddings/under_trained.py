"""Under-trained tokens, from a model's embedding matrices: facts, a chart, a table and a finding.

The indicator and where it deviates from its source are described in `training_indicator`. Which
rows are trusted to be untrained follows from the verdicts on reachability, which are of canonical
encodings. Values are not probabilities: they rank the tokens that are worth a look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from tokkit.audit.finding import Finding
from tokkit.audit.rules.vocabulary import UNDER_TRAINED_TOKEN
from tokkit.audit.vocabulary.embeddings.matrix_files import open_embeddings
from tokkit.audit.vocabulary.embeddings.training_indicator import (
    SHARE_OF_MEDIAN,
    Indicator,
    measure_rows,
)
from tokkit.audit.vocabulary.reach.reachability import Status, Verdict
from tokkit.audit.vocabulary.showing import decoded, examples, token_table
from tokkit.errors import FormatError
from tokkit.report.section import Chart, Fact, Series, Table, columns
from tokkit.report.wording import plural
from tokkit.text.tokenizer import TextTokenizer

_N_BINS, _N_ROWS, _N_WITNESSES = 40, 100, 5
_SPARE_ROWS = 4096
_REACHED = (Status.REACHABLE, Status.CONTEXT_ONLY)
_NEVER = (Status.UNREACHABLE, Status.UNUSED, Status.SPECIAL)
_NAMES = {
    "norm": "length of the input embedding",
    "distance": "cosine distance to unused tokens",
}


@dataclass(frozen=True)
class TrainingReport:
    """What the embeddings show; empty where they were not given."""

    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    findings: tuple[Finding, ...] = ()


def examine_embeddings(
    tokenizer: TextTokenizer, verdicts: Sequence[Verdict], path: str | PathLike[str] | None
) -> TrainingReport:
    """Look for under-trained tokens.

    Args:
        tokenizer: whose ids are the matrices' rows.
        verdicts: on each id.
        path: see `open_embeddings`; None: nothing is said.

    Raises:
        FormatError: the files are damaged, or the matrix has too few or far too many rows.
        UnsupportedError: see `open_embeddings`.
    """
    if path is None:
        return TrainingReport()
    embeddings = open_embeddings(path)
    n_rows = embeddings.inputs.shape[0]
    statuses = [verdict.status for verdict in verdicts]
    _check_rows(path, n_rows, statuses)
    never = [token for token, status in enumerate(statuses) if status in _NEVER and token < n_rows]
    padding = range(len(statuses), n_rows)
    indicator = measure_rows(embeddings, np.array([*never, *padding], dtype=np.int64))
    size = Fact("embedding_rows", "Rows of the embedding matrix", n_rows)
    tied = Fact(
        "embeddings_tied", "Input and output embeddings are the same", embeddings.outputs is None
    )
    reached = np.array([t for t, status in enumerate(statuses) if status in _REACHED], np.int64)
    if indicator is None or not reached.size:
        unknown = Fact(
            "under_trained_tokens", "Under-trained", None, "tokens",
            help="Not measured: too few rows of this tied matrix are surely untrained and alike.",
        )  # fmt: skip
        return TrainingReport(facts=(size, tied, unknown))
    return _report(tokenizer, statuses, indicator, reached, (size, tied))


def _check_rows(path: str | PathLike[str], n_rows: int, statuses: Sequence[Status]) -> None:
    """Control tokens and holes may lack a row, and matrices are padded to round sizes."""
    n_ids = len(statuses)
    absent = (Status.SPECIAL, Status.UNUSED)
    needed = max((t + 1 for t, status in enumerate(statuses) if status not in absent), default=0)
    most = n_ids + max(_SPARE_ROWS, n_ids // 8)
    if not needed <= n_rows <= most:
        raise FormatError(
            f"{path}: the embedding matrix has {n_rows:,} rows, expected {needed:,} to {most:,} "
            f"for this vocabulary of {n_ids:,}; give the weights of a model that uses it"
        )


def _report(
    tokenizer: TextTokenizer,
    statuses: Sequence[Status],
    indicator: Indicator,
    reached: NDArray[np.int64],
    facts: tuple[Fact, ...],
) -> TrainingReport:
    values = indicator.values
    median = float(np.median(values[reached]))
    limit = SHARE_OF_MEDIAN * median
    below = reached[values[reached] <= limit]
    below = below[np.lexsort((below, np.round(values[below], 3)))]
    name = _NAMES[indicator.kind]
    second = float(np.percentile(values[reached], 2))
    facts += (
        Fact("under_trained_tokens", "Under-trained", len(below), "tokens",
             help=f"Reachable tokens whose {name} is at most a quarter of the median."),
        Fact("training_indicator_median", f"Median {name}", round(median, 3),
             help="Of the tokens that text produces."),
        Fact("training_indicator_percentile_2", f"Second percentile of the {name}",
             round(second, 3), help="Below it lie the candidates of Land and Bartolo (2024)."),
    )  # fmt: skip
    if indicator.references:
        about = "Nearly equal rows of ids that no text produces; of at most 2,048 candidates."
        n_rows = len(indicator.references)
        facts += (Fact("training_reference_rows", "Rows taken as untrained", n_rows, help=about),)
    return TrainingReport(
        facts,
        (_table(tokenizer, statuses, indicator, reached),),
        (_chart(statuses, indicator),),
        _findings(tokenizer, indicator, below, median),
    )


def _findings(
    tokenizer: TextTokenizer, indicator: Indicator, below: NDArray[np.int64], median: float
) -> tuple[Finding, ...]:
    if not below.size:
        return ()
    tokens, name = below.tolist(), _NAMES[indicator.kind]
    message = (
        f"{plural(len(tokens), 'token')} that text produces, with a {name} of at most a quarter of "
        f"the median, {median:.3f}; the most extreme: {examples(tokenizer, tokens, 3)}."
    )
    witnesses = decoded(
        tokenizer, tokens[:_N_WITNESSES], lambda token: f"{name} {indicator.values[token]:.3f}"
    )
    return (Finding.of(UNDER_TRAINED_TOKEN, message, tokens, witnesses),)


def _table(
    tokenizer: TextTokenizer,
    statuses: Sequence[Status],
    indicator: Indicator,
    reached: NDArray[np.int64],
) -> Table:
    """The tokens that text produces with the smallest values."""
    rounded = np.round(indicator.values, 3)
    order = reached[np.lexsort((reached, rounded[reached]))][:_N_ROWS]
    name = _NAMES[indicator.kind].capitalize()
    return token_table(
        tokenizer, "under_trained", "Tokens that look least trained", order.tolist(),
        (*columns("number", indicator=name), *columns("text", status="Status")),
        lambda token: (float(rounded[token]), str(statuses[token])),
        "Tokens that some text produces, the smallest values first; see the chart for how far "
        "they are from the others.", spelling="Bytes",
    )  # fmt: skip


def _chart(statuses: Sequence[Status], indicator: Indicator) -> Chart:
    """The distribution, of tokens that text produces and of those that it does not."""
    n_ids = min(len(statuses), len(indicator.values))
    values = np.round(indicator.values[:n_ids], 3)
    edges = np.linspace(0, max(float(values.max()), 0.001), _N_BINS + 1)
    groups = {"some text produces": _REACHED, "no text produces": _NEVER}
    series: list[Series] = []
    for name, wanted in groups.items():
        chosen = np.array([status in wanted for status in statuses[:n_ids]], dtype=bool)
        counts, _ = np.histogram(values[chosen], edges)
        series.append(Series(name, tuple(float(count) for count in counts)))
    bins, below = tuple(f"{edge:.3f}" for edge in edges[:-1]), _NAMES[indicator.kind]
    return Chart(
        "training_indicator", "How much the tokens' embeddings look untrained", "histogram",
        bins, tuple(series), f"{below}, lower end of the bin", "tokens", log_scale=True,
    )  # fmt: skip
