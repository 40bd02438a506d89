"""`compare_tokenizers`: tokens, bytes a token, cost and speed of any number of tokenizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any

from tokkit.arguments import (
    check_flags,
    check_functions,
    check_kind,
    refuse_single_text,
    say_nothing,
)
from tokkit.audit.comparing.figures import (
    Comparison,
    figures_of,
    file_type_costs,
    language_cost,
    spread,
)
from tokkit.audit.comparing.json_comparison import comparison_dict
from tokkit.audit.comparing.measuring import count, time_encoding
from tokkit.audit.comparing.page import render_comparison_page
from tokkit.audit.comparing.sections import comparison_text
from tokkit.audit.comparing.texts import Data, Texts, read_data
from tokkit.audit.costs.costs import measure
from tokkit.audit.costs.samples import ParallelText, given_parallel_text, shipped_parallel_text
from tokkit.audit.opening import names_apart, open_text
from tokkit.errors import ArgumentError
from tokkit.report.json_data import json_text
from tokkit.report.page.notebook import notebook_html


class ComparisonReport(Comparison):
    """What several tokenizers make of the same texts; as JSON, as a page, and for a terminal.

    All but the speeds is the same again for the same tokenizers and texts.
    """

    def __repr__(self) -> str:
        return f"ComparisonReport({', '.join(map(repr, self.names))}; {self.n_bytes:,} bytes)"

    def _repr_html_(self) -> str:
        return notebook_html(self.to_html(), "Tokenizers side by side")

    def to_dict(self) -> dict[str, Any]:
        """As plain data; see `tokkit.audit.comparing.json_comparison`."""
        return comparison_dict(self)

    def to_json(self) -> str:
        """As JSON."""
        return json_text(comparison_dict(self))

    def to_html(self) -> str:
        """As one page that needs nothing else."""
        return render_comparison_page(self)

    def __str__(self) -> str:
        """One table, for a terminal, without colours."""
        return comparison_text(self)


def compare_tokenizers(
    tokenizers: Sequence[Any],
    data: Data | Iterable[Data] | Texts,
    *,
    names: Sequence[str] | None = None,
    prices: Mapping[str, float] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
    allow_download: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> ComparisonReport:
    """Compare tokenizers on texts of your own.

    Texts are encoded canonically, without control tokens, in parts of at most 4 MiB. Cost by
    language is that of parallel text, which says the same in each.

    Args:
        tokenizers: text tokenizers: what `load_tokenizer` takes. The first is what the others are
            compared with.
        data: a text (`str` or `bytes`), a file or folder (`pathlib.Path`), or a list of them.
        names: what the report calls the tokenizers; by default made of the files' names.
        prices: name of a tokenizer -> price of a million tokens, in any currency.
        texts: language -> texts, parallel, as in `AuditOptions`; None: those that tokkit ships.
        allow_download: whether a hub id may be fetched over the network.
        progress: called with what is being done, how much is done, and how much there is.

    Raises:
        ArgumentError: no tokenizers or none of text, no data, names that are not one for each, or a
            price of a tokenizer that is not there.
        EncodingError: a text that one of the vocabularies cannot express.
        FormatError: a file that is missing or damaged.
        UnsupportedError: a tokenizer that asks for something that tokkit does not do.
    """
    refuse_single_text(tokenizers, "tokenizers")
    check_kind(tokenizers, Sequence, "tokenizers", "pass a list of them")
    check_functions(progress=progress)
    check_flags(allow_download=allow_download)
    if not tokenizers:
        raise ArgumentError("tokenizers is empty; expected one or more")
    read = read_data(data)
    sample = shipped_parallel_text() if texts is None else _parallel(texts)
    opened = [open_text(source, allow_download=allow_download) for source in tokenizers]
    called = _names(names, [(name, path) for _, name, path in opened])
    charged = _prices(prices, called)
    say = progress or say_nothing
    counts = [
        count(tokenizer, name, read, partial(say, f"encoding with {name}"))
        for (tokenizer, _, _), name in zip(opened, called, strict=True)
    ]
    figures = [
        figures_of(
            each,
            counts[0],
            time_encoding(tokenizer, read),
            read,
            (name, tokenizer.vocab_size, charged.get(name)),
        )
        for each, name, (tokenizer, _, _) in zip(counts, called, opened, strict=True)
    ]
    languages = [
        language_cost(code, sample.names[code], [measure(each, lines) for each, _, _ in opened])
        for code, lines in _told(sample.texts, say)
    ]
    return ComparisonReport(
        n_bytes=read.n_bytes,
        n_left_out=read.n_left_out,
        tokenizers=tuple(figures),
        file_types=file_type_costs(counts, read),
        languages=tuple(sorted(languages, key=lambda each: (-spread(each), each.code))),
        language_source=sample.source,
    )


def _told(
    texts: Mapping[str, tuple[str, ...]], say: Callable[[str, int, int], None]
) -> Iterable[tuple[str, tuple[str, ...]]]:
    for done, item in enumerate(texts.items(), 1):
        say("encoding languages", done, len(texts))
        yield item


def _parallel(texts: Mapping[str, Sequence[str]]) -> ParallelText:
    check_kind(texts, Mapping, "texts", "pass a dict: language -> texts")
    for each in texts.values():
        refuse_single_text(each, "each of texts")
        check_kind(each, Sequence, "each of texts")
        for text in each:
            check_kind(text, str, "each text of texts")
    return given_parallel_text(texts)


def _names(given: Sequence[str] | None, found: list[tuple[str, Any]]) -> list[str]:
    if given is None:
        return names_apart(found)
    refuse_single_text(given, "names")
    check_kind(given, Sequence, "names", "pass a list of them")
    names = list(given)
    for name in names:
        check_kind(name, str, "each of names")
    if len(names) != len(found) or len(set(names)) != len(names):
        raise ArgumentError(
            f"names: got {names!r} for {len(found)} tokenizers; expected one for each, all distinct"
        )
    return names


def _prices(given: Mapping[str, float] | None, names: list[str]) -> dict[str, float]:
    if given is None:
        return {}
    check_kind(given, Mapping, "prices", "pass a dict: name -> price of a million tokens")
    for name, price in given.items():
        if name not in names:
            raise ArgumentError(
                f"prices: {name!r} is none of the tokenizers, which are called "
                f"{', '.join(map(repr, names))}"
            )
        check_kind(price, Real, f"prices[{name!r}]")
        if not 0 <= float(price) < float("inf"):
            raise ArgumentError(f"prices[{name!r}] is {price}; expected a finite price, 0 or more")
    return {name: float(price) for name, price in given.items()}
