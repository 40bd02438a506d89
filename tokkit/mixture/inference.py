"""`infer_mixture`: from a tokenizer and samples of categories to the shares of its training data.

Source: Hayase et al., "Data Mixture Inference: What do BPE Tokenizers Reveal about their Training
Data?", NeurIPS 2024. The samples are split as the tokenizer splits, its merges are replayed over
their words, and an estimator (`tokkit.mixture.estimation.estimator`, or the paper's linear program)
finds the shares under which those merges would have been chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import (
    check_choice,
    check_functions,
    check_kind,
    check_real,
    check_whole,
    refuse_single_text,
    say_nothing,
)
from tokkit.errors import ArgumentError
from tokkit.mixture.estimation.evidence import SNAPSHOTS, Evidence, gather_evidence
from tokkit.mixture.estimation.share_limits import share_limits
from tokkit.mixture.estimation.solving import Solution, solve
from tokkit.mixture.judging.caveats import outcome_warnings, unsupported
from tokkit.mixture.judging.diagnostics import diagnose
from tokkit.mixture.merges.inheritance import Inheritance, find_inheritance
from tokkit.mixture.merges.merge_list import MergeList, merge_list
from tokkit.mixture.merges.reach import told
from tokkit.mixture.result import MixtureResult
from tokkit.mixture.samples.checking import sample_warnings
from tokkit.mixture.samples.counting import count_categories, require_joblib
from tokkit.mixture.samples.shard_text import ReadOptions
from tokkit.mixture.samples.sources import Source
from tokkit.mixture.samples.word_counts import WordTable, make_table
from tokkit.mixture.samples.words import WordSplitter
from tokkit.text.of_text import load_text_tokenizer
from tokkit.text.tokenizer import TextTokenizer

Method = Literal["default", "linear-program"]
DEFAULT_MERGES: dict[str, int] = {"default": 30_000, "linear-program": 3_000}

_MAX_JOBS = 1 << 16


@dataclass(frozen=True)
class CountingOptions:
    """How samples are read and counted.

    Attributes:
        n_jobs: files that are counted at a time, as joblib has it (-1: one a core); None: as the
            surrounding `joblib.parallel_config` says, one at a time without it.
        cache: a folder that keeps the counts of every finished file, so that an interrupted run
            goes on where it stopped; None: nothing is kept.
        read: how files are read.
    """

    n_jobs: int | None = None
    cache: str | PathLike[str] | None = None
    read: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        """Check the number of jobs.

        Raises:
            ArgumentError: zero jobs.
            MissingExtraError: several, and joblib is not installed.
        """
        if self.n_jobs is not None:
            check_whole("n_jobs", self.n_jobs, -_MAX_JOBS, _MAX_JOBS)
        check_kind(self.cache, (str, PathLike, type(None)), "cache")
        check_kind(self.read, ReadOptions, "read")
        if self.n_jobs == 0:
            raise ArgumentError("n_jobs is 0; expected 1 or more, or -1 for one a core")
        require_joblib(self.n_jobs)


def infer_mixture(
    tokenizer: Any,
    corpora: Mapping[str, Source],
    *,
    method: Method = "default",
    max_merges: int | None = None,
    level: float = 0.9,
    inherits: Sequence[Any] = (),
    counting: CountingOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> MixtureResult:
    """Infer the shares of categories in the training data of a BPE tokenizer.

    Args:
        tokenizer: a BPE tokenizer: what `tokkit.load_tokenizer` takes.
        corpora: category -> a sample of it: bytes, a path, a glob or URL, an iterable of paths or
            of texts (see `tokkit.mixture.samples.sources`). At least two categories; 1 MB each is
            plenty.
        method: `"default"`, or `"linear-program"` for the program of the paper, which has no
            intervals and takes minutes.
        max_merges: how many merges to use, the first ones after what was inherited; None: 30,000,
            or 3,000 for the linear program.
        level: nominal coverage of the intervals.
        inherits: tokenizers, likewise, whose merges this one may have taken over. If its list
            begins with those of one of them, only what comes after is used.
        counting: parallelism, cache, and how files are read.
        progress: called with what is being done, how much is done, and how much there is.

    Returns:
        Shares of *bytes*, with `warnings` that belong to them.

    Raises:
        ArgumentError: not a BPE tokenizer, fewer than two categories, an empty one, an option out
            of range, or nothing left after what was inherited.
        EncodingError: a sample that is not UTF-8.
        FormatError: a file that is missing or damaged.
        MissingExtraError: a file, URL or option that needs a package which is not installed.
    """
    hint = "tokkit.mixture.samples.sources.find_categories makes one of a folder"
    check_kind(corpora, Mapping, "corpora", hint)
    refuse_single_text(inherits, "inherits")
    check_kind(counting, (CountingOptions, type(None)), "counting")
    check_functions(progress=progress)
    _check_options(method, max_merges, level, corpora)
    tokenizer = load_text_tokenizer(tokenizer)
    inherits = [load_text_tokenizer(other) for other in inherits]
    counting, say = counting or CountingOptions(), progress or say_nothing
    used, inherited, warnings = _used_merges(tokenizer, inherits, method, max_merges)
    counts = count_categories(
        WordSplitter.of(tokenizer),
        corpora,
        options=counting.read,
        n_jobs=counting.n_jobs,
        cache=None if counting.cache is None else Path(counting.cache),
        progress=progress,
    )
    for name, sample in counts.items():
        warnings += sample_warnings(name, sample, used)
    table = make_table([sample.words for sample in counts.values()])
    evidence = _replayed(table, used, inherited.n_merges if inherited else 0, say)
    untold = _untold(evidence, list(counts))
    solution = solve(method, table, used, evidence, level=level, say=say)
    limits = share_limits(evidence, solution.weights)
    warnings += _doubts(evidence, solution, limits, list(counts), method)
    return MixtureResult(
        tokenizer=tokenizer.name,
        method=method,
        proportions=dict(zip(counts, solution.weights.tolist(), strict=True)),
        intervals=_intervals(solution, counts),
        level=level,
        status=solution.status,
        objective=solution.objective,
        unexplained=solution.unexplained,
        unsupported=unsupported(evidence),
        limits=dict(zip(counts, limits.tolist(), strict=True)),
        covariance=solution.covariance,
        n_merges=len(evidence.merged),
        inherited=inherited,
        sample_bytes={name: sample.words.n_bytes for name, sample in counts.items()},
        warnings=tuple(warnings),
        diagnosis=diagnose(evidence, used, solution.weights),
        untold=tuple(untold),
        missing=solution.missing,
    )


def _check_options(
    method: str, max_merges: int | None, level: float, corpora: Mapping[str, Source]
) -> None:
    check_choice("method", method, get_args(Method))
    if max_merges is not None:
        check_whole("max_merges", max_merges, 1)
    if not 0 < check_real("level", level) < 1:
        raise ArgumentError(f"level must lie between 0 and 1; got {level}")
    check_corpora(corpora)


def check_corpora(corpora: Mapping[str, Source]) -> None:
    """Refuse samples between which no shares can be inferred.

    Raises:
        ArgumentError: fewer than two categories.
    """
    if len(corpora) < 2:
        raise ArgumentError(
            f"got samples of {len(corpora)} categories; shares can only be inferred between two or "
            "more (the share of one is 100%, whatever the merges say)"
        )


def _find_inherited(
    merges: MergeList, inherits: Sequence[TextTokenizer]
) -> tuple[Inheritance | None, list[str]]:
    if not inherits:
        return None, []
    found = find_inheritance(merges, [(other.name, merge_list(other)) for other in inherits])
    if found is None:
        names = ", ".join(other.name for other in inherits)
        return None, [f"the merge list does not begin with that of {names}; all of it was used"]
    if found.n_merges == len(merges):
        note = (
            f"all {len(merges):,} merges stand in the list of {found.source} too, in the same "
            "order: it is the same tokenizer or builds upon this one; all of them were used"
        )
        return None, [note]
    left = len(merges) - found.n_merges
    note = (
        f"the first {found.n_merges:,} merges come from {found.source} ({found.agreement:.1%} in "
        f"the same order); only the {left:,} after them speak of this tokenizer's training data"
    )
    return found, [note]


def _used_merges(
    tokenizer: TextTokenizer,
    inherits: Sequence[TextTokenizer],
    method: Method,
    max_merges: int | None,
) -> tuple[MergeList, Inheritance | None, list[str]]:
    """The first merges, so many after those that were inherited; and what is to be said of these.

    Raises:
        ArgumentError: not a BPE tokenizer, or inherited merges for the linear program.
    """
    merges = merge_list(tokenizer)
    inherited, warnings = _find_inherited(merges, inherits)
    first = inherited.n_merges if inherited else 0
    if inherited and first and method == "linear-program":
        raise ArgumentError(
            f"{tokenizer.name} begins with {first} merges of {inherited.source}, and the linear "
            "program cannot leave them out; use the default method"
        )
    used = merges.beginning(first + (max_merges or DEFAULT_MERGES[method]))
    return used, inherited, warnings


def _replayed(
    table: WordTable, used: MergeList, first: int, say: Callable[[str, int, int], None]
) -> Evidence:
    """What the merges tell, the first of which are inherited."""
    snapshots = {first + step for step in SNAPSHOTS if first + step < len(used)} | {len(used)}
    replayed = partial(say, "replaying merges")
    return gather_evidence(table, used, first=first, snapshots=sorted(snapshots), progress=replayed)


def _untold(evidence: Evidence, names: Sequence[str]) -> list[str]:
    """Categories that the merges say nothing of.

    Raises:
        ArgumentError: they speak of fewer than two.
    """
    heard = told(evidence).tolist()
    untold = [name for name, each in zip(names, heard, strict=True) if not each]
    if sum(heard) < 2:
        raise ArgumentError(
            f"after {evidence.first:,} inherited merges the other {len(evidence.merged):,} join "
            f"pairs of {sum(heard)} of the {len(names)} categories, so that they tell nothing of "
            "shares; add samples of what they are made of"
        )
    return untold


def _doubts(
    evidence: Evidence,
    solution: Solution,
    limits: NDArray[np.float64],
    names: list[str],
    method: Method,
) -> list[str]:
    """Warnings about the shares that were found."""
    doubts = outcome_warnings(
        evidence,
        solution.weights,
        limits,
        names=names,
        unexplained=solution.unexplained,
        missing=solution.missing,
    )
    if solution.status in ("not converged", "rounds"):
        doubts.append("the estimator stopped before it had settled")
    if method == "default" and solution.intervals is None:
        doubts.append(
            "the merges fit no mixture of these categories, so that no intervals can be given; add "
            "what is missing among the categories"
        )
    return doubts


def _intervals(solution: Solution, names: Iterable[str]) -> dict[str, tuple[float, float]] | None:
    if solution.intervals is None:
        return None
    ends = zip(names, solution.intervals.tolist(), strict=True)
    return {name: (low, high) for name, (low, high) in ends}
