"""`infer_mixture`: from a tokenizer and samples of categories to the shares of its training data.

Source: Hayase et al., "Data Mixture Inference: What do BPE Tokenizers Reveal about their Training
Data?", NeurIPS 2024. The samples are split as the tokenizer splits, its merges are replayed over
their words, and an estimator (`tokkit.mixture.estimation.estimator`, or the paper's linear program)
finds the shares under which those merges would have been chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import (
    check_functions,
    check_kind,
    check_real,
    check_whole,
    refuse_single_text,
    say_nothing,
)
from tokkit.errors import ArgumentError, EncodingError
from tokkit.mixture.estimation.estimator import Estimate, estimate
from tokkit.mixture.estimation.evidence import SNAPSHOTS, Evidence, gather_evidence
from tokkit.mixture.estimation.intervals import INFLATION, intervals
from tokkit.mixture.estimation.linear_program import LinearProgramSolution, solve_linear_program
from tokkit.mixture.estimation.missing import MissingTest
from tokkit.mixture.estimation.share_limits import share_limits
from tokkit.mixture.judging.caveats import SMALL_SAMPLE, fits, outcome_warnings, unsupported
from tokkit.mixture.judging.diagnostics import diagnose
from tokkit.mixture.merges.inheritance import Inheritance, find_inheritance
from tokkit.mixture.merges.merge_list import UNKNOWN, MergeList, merge_list
from tokkit.mixture.merges.reach import told
from tokkit.mixture.result import MixtureResult
from tokkit.mixture.samples.counting import SampleCounts, count_categories, require_joblib
from tokkit.mixture.samples.shard_text import ReadOptions
from tokkit.mixture.samples.sources import Source
from tokkit.mixture.samples.word_counts import WordCounts, WordTable, make_table
from tokkit.mixture.samples.words import WordSplitter
from tokkit.text.of_text import load_text_tokenizer
from tokkit.text.tokenizer import TextTokenizer

Method = Literal["default", "linear-program"]
DEFAULT_MERGES: dict[str, int] = {"default": 30_000, "linear-program": 3_000}

_MAX_JOBS = 1 << 16
WRONG_ENCODING = 0.005
"""Share of bytes that are no UTF-8, or zero, from which a sample is refused."""


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
    counting = counting or CountingOptions()
    say = progress or say_nothing
    merges = merge_list(tokenizer)
    inherited, warnings = _find_inherited(merges, inherits)
    first = inherited.n_merges if inherited else 0
    if first and method == "linear-program":
        raise ArgumentError(
            f"{tokenizer.name} begins with {first} merges of {inherited and inherited.source}, and "
            "the linear program cannot leave them out; use the default method"
        )
    used = merges.beginning(first + (max_merges or DEFAULT_MERGES[method]))
    counts = count_categories(
        WordSplitter.of(tokenizer),
        corpora,
        options=counting.read,
        n_jobs=counting.n_jobs,
        cache=None if counting.cache is None else Path(counting.cache),
        progress=progress,
    )
    for name, sample in counts.items():
        warnings += _check_sample(name, sample, used)
    table = make_table([sample.words for sample in counts.values()])
    names = list(counts)
    snapshots = {first + step for step in SNAPSHOTS if first + step < len(used)} | {len(used)}
    replayed = partial(say, "replaying merges")
    evidence = gather_evidence(
        table, used, first=first, snapshots=sorted(snapshots), progress=replayed
    )
    heard = told(evidence)
    untold = [name for name, each in zip(names, heard.tolist(), strict=True) if not each]
    if heard.sum() < 2:
        raise ArgumentError(
            f"after {first:,} inherited merges the other {len(evidence.merged):,} join pairs of "
            f"{len(names) - len(untold)} of the {len(names)} categories, so that they tell nothing "
            "of shares; add samples of what they are made of"
        )
    solution = _solve(method, table, used, evidence, heard, level, say)
    limits = share_limits(evidence, solution.weights)
    warnings += outcome_warnings(
        evidence,
        solution.weights,
        limits,
        names=names,
        unexplained=solution.unexplained,
        missing=solution.missing,
    )
    if solution.status in ("not converged", "rounds"):
        warnings.append("the estimator stopped before it had settled")
    if method == "default" and solution.intervals is None:
        warnings.append(
            "the merges fit no mixture of these categories, so that no intervals can be given; add "
            "what is missing among the categories"
        )
    intervals = None
    if solution.intervals is not None:
        ends = zip(names, solution.intervals.tolist(), strict=True)
        intervals = {name: (low, high) for name, (low, high) in ends}
    return MixtureResult(
        tokenizer=tokenizer.name,
        method=method,
        proportions=dict(zip(names, solution.weights.tolist(), strict=True)),
        intervals=intervals,
        level=level,
        status=solution.status,
        objective=solution.objective,
        unexplained=solution.unexplained,
        unsupported=unsupported(evidence),
        limits=dict(zip(names, limits.tolist(), strict=True)),
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
    if method not in get_args(Method):
        raise ArgumentError(f"method is {method!r}; expected one of {', '.join(get_args(Method))}")
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


# -- merges ----------------------------------------------------------------------------------


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


# -- samples ---------------------------------------------------------------------------------


def _check_sample(name: str, sample: SampleCounts, merges: MergeList) -> list[str]:
    """Warnings about a sample.

    Raises:
        ArgumentError: it is empty.
        EncodingError: it is not UTF-8.
    """
    words = sample.words
    if not words.n_bytes:
        raise ArgumentError(f"category {name!r} is empty; give it a sample, or leave it out")
    nul, invalid = sample.n_nul / words.n_bytes, sample.n_invalid / words.n_bytes
    if nul > WRONG_ENCODING:
        raise EncodingError(
            f"category {name!r}: {nul:.1%} of its bytes are zero, so it is UTF-16, UTF-32 or not "
            "text at all; convert it to UTF-8"
        )
    if invalid > WRONG_ENCODING:
        raise EncodingError(
            f"category {name!r}: {invalid:.1%} of its bytes are not valid UTF-8; it is in another "
            "encoding, or damaged; convert it to UTF-8"
        )
    if not _has_pair(words, merges):
        raise ArgumentError(
            f"category {name!r} ({words.n_bytes:,} bytes) holds no two symbols of the tokenizer "
            "side by side, so its merges say nothing about it; is it the right text?"
        )
    warnings: list[str] = []
    if sample.n_invalid:
        warnings.append(
            f"category {name!r}: {invalid:.3%} of its bytes are not valid UTF-8 (they were counted "
            "as they are)"
        )
    if words.n_bytes < SMALL_SAMPLE:
        warnings.append(
            f"category {name!r}: a sample of {words.n_bytes:,} bytes is small; its share is "
            "uncertain beyond what the interval says (1 MB is plenty)"
        )
    return warnings


def _has_pair(words: WordCounts, merges: MergeList) -> bool:
    if not len(words):
        return False
    symbols, starts = merges.symbols_of(words.text, words.starts)
    known = symbols != UNKNOWN
    follows = np.ones(len(symbols), dtype=np.bool_)
    follows[starts[:-1][starts[:-1] < len(symbols)]] = False
    return bool((known[1:] & known[:-1] & follows[1:]).any())


# -- estimators ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Solution:
    weights: NDArray[np.float64]
    intervals: NDArray[np.float64] | None
    covariance: NDArray[np.float64] | None
    status: str
    objective: float
    unexplained: float | None
    missing: MissingTest | None


def _solve(
    method: Method,
    table: WordTable,
    merges: MergeList,
    evidence: Evidence,
    heard: NDArray[np.bool_],
    level: float,
    say: Callable[[str, int, int], None],
) -> _Solution:
    if not evidence.merged.any():
        raise ArgumentError(
            "no sample holds the pair of any merge; the samples have nothing in common with the "
            "training data, or are split in another way"
        )
    if method == "linear-program":
        solved = partial(say, "solving, rows so far")
        return _from_program(solve_linear_program(table, merges, progress=solved), evidence)
    say("estimating", 0, 1)
    spoken_of = evidence if heard.all() else evidence.only(heard)
    found = estimate(spoken_of)
    solution = _from_estimate(found, intervals(spoken_of, found, level=level))
    return solution if heard.all() else _among_all(solution, heard)


def _among_all(part: _Solution, heard: NDArray[np.bool_]) -> _Solution:
    """With the categories that nothing was told of: 0, but anything up to 1 for all that is known.

    Whatever they have is taken from the others, whose lower ends are therefore 0.
    """
    n = len(heard)
    weights = np.zeros(n)
    weights[heard] = part.weights
    bounds = covariance = None
    if part.intervals is not None and part.covariance is not None:
        bounds = np.tile([0.0, 1.0], (n, 1))
        bounds[heard, 1] = part.intervals[:, 1]
        covariance = np.zeros((n, n))
        covariance[np.ix_(heard, heard)] = part.covariance
    return replace(part, weights=weights, intervals=bounds, covariance=covariance)


def _from_program(found: LinearProgramSolution, evidence: Evidence) -> _Solution:
    weights = evidence.bytes_from_pairs(found.weights)
    return _Solution(weights, None, None, found.status, found.objective, None, None)


def _from_estimate(found: Estimate, bounds: NDArray[np.float64]) -> _Solution:
    known = found.residuals[~np.isnan(found.residuals)]
    fitting = fits(unsupported=found.unsupported, unexplained=found.unexplained)
    return _Solution(
        weights=found.weights,
        intervals=bounds if fitting else None,
        covariance=found.covariance * INFLATION**2 if fitting else None,
        status="converged" if found.converged else "not converged",
        objective=float(np.mean(known**2)) if len(known) else 0.0,
        unexplained=found.unexplained,
        missing=found.missing,
    )
