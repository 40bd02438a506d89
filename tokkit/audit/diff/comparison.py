"""`compare`: everything that is different between two text tokenizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tokkit.arguments import say_nothing
from tokkit.audit.comparing.texts import Data, read_data
from tokkit.audit.costs.bootstrap import ratio
from tokkit.audit.costs.costs import Cost, in_both, measure
from tokkit.audit.costs.samples import (
    ParallelText,
    given_parallel_text,
    shipped_kinds,
    shipped_parallel_text,
)
from tokkit.audit.diff.difference import CostChange, Difference
from tokkit.audit.diff.json_diff import diff_dict
from tokkit.audit.diff.merges import compare_merges
from tokkit.audit.diff.own_texts import measure_own
from tokkit.audit.diff.segmentations import compare_texts
from tokkit.audit.diff.settings import compare_settings
from tokkit.audit.diff.terminal import diff_text
from tokkit.audit.diff.tokens import compare_tokens
from tokkit.audit.opening import names_apart, open_text
from tokkit.audit.page.comparison import render_diff_page
from tokkit.report.json_data import json_text
from tokkit.report.page.notebook import notebook_html
from tokkit.text.tokenizer import TextTokenizer

_EDGES = (" ", "  ", "\n", "\r\n", "\t", "a\n\n b", "don't", "1234567", " 12", "e\u0301", "é", "ﬁ")
"""Texts at which tokenizers often part, besides the samples."""


class TokenizerDiff(Difference):
    """What is different; it can be written as JSON, as a page, and for a terminal."""

    def __repr__(self) -> str:
        return f"TokenizerDiff({self.before!r} -> {self.after!r})"

    def _repr_html_(self) -> str:
        return notebook_html(self.to_html(), f"{self.before} and {self.after}")

    def to_dict(self) -> dict[str, Any]:
        """As plain data; see `tokkit.audit.diff.json_diff`."""
        return diff_dict(self)

    def to_json(self) -> str:
        """As JSON; equal diffs give equal texts."""
        return json_text(diff_dict(self))

    def to_html(self) -> str:
        """As one page that needs nothing else."""
        return render_diff_page(self)

    def __str__(self) -> str:
        """As text for a terminal, without colours."""
        return diff_text(self)


def compare(
    before: Any,
    after: Any,
    *,
    data: Data | Iterable[Data] | None = None,
    names: tuple[str, str] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
    allow_download: bool = False,
    progress: Callable[..., None] | None = None,
) -> TokenizerDiff:
    """Compare two text tokenizers.

    Texts are encoded canonically, without special tokens.

    Args:
        before: a text tokenizer: what `load_tokenizer` takes.
        after: the other one.
        data: texts of your own, as `tokkit.compare_tokenizers` takes them: what they cost, and how
            they are cut.
        names: what the output calls them; by default made of the files' names.
        texts: language -> texts, parallel, as in `AuditOptions`; None: those that tokkit ships.
        allow_download: whether a hub id may be fetched over the network.
        progress: called with what is being done, and of your own texts with how much is done and
            how much there is.

    Raises:
        ArgumentError: one of them is no text tokenizer, `texts` are not parallel, or `data` holds
            no text.
        EncodingError: `data` that one of the vocabularies cannot express.
        FormatError: a file is missing, damaged or hostile.
        UnsupportedError: one asks for something that tokkit does not do.
    """
    say = progress or say_nothing
    sample = shipped_parallel_text() if texts is None else given_parallel_text(texts)
    read = None if data is None else read_data(data)
    say("loading")
    opened = [open_text(each, allow_download=allow_download) for each in (before, after)]
    (old, *_), (new, *_) = opened
    if names is None:
        old_name, new_name = names_apart([(name, path) for _, name, path in opened])
        names = old_name, new_name
    own, lines = None, ()
    if read is not None:
        own, lines = measure_own((old, new), names, read, say)
    say("comparing tokens and merges")
    tokens = compare_tokens(old.spec, new.spec)
    merges = compare_merges(old, new)
    say("comparing texts")
    kinds = shipped_kinds()
    groups = {
        **({"your texts": lines} if lines else {}),
        "edge cases": _EDGES,
        **{sample.names[c]: t for c, t in sample.texts.items()},
        **kinds,
    }
    changed = [token.data for token in (*tokens.added, *tokens.removed) if token.kind != "special"]
    return TokenizerDiff(
        *names,
        tokens=tokens,
        merges=merges,
        settings=compare_settings(old.spec, new.spec),
        texts=compare_texts(old, new, groups, changed),
        costs=tuple(_costs(old, new, sample, kinds)),
        own=own,
    )


def _costs(
    old: TextTokenizer,
    new: TextTokenizer,
    sample: ParallelText,
    kinds: Mapping[str, tuple[str, ...]],
) -> list[CostChange]:
    languages = [
        _cost(code, sample.names[code], measure(old, texts), measure(new, texts))
        for code, texts in sample.texts.items()
    ]
    by_kind = [_cost(k, k, measure(old, texts), measure(new, texts)) for k, texts in kinds.items()]
    return [
        change
        for group in (languages, by_kind)
        for change in sorted(
            (each for each in group if each is not None),
            key=lambda each: (-abs(float(np.log(each.ratio.value or 1))), each.code),
        )
    ]


def _cost(code: str, name: str, old: Cost, new: Cost) -> CostChange | None:
    """None if no text has an encoding in both."""
    before, after = (each.n_tokens for each in in_both(old, new))
    if not sum(before):
        return None
    return CostChange(code, name, sum(before), sum(after), ratio(after, before))
