"""`trust_sentences`: how far to trust an inferred mixture, in plain words.

Rules of thumb, not a measurement: each doubt is a threshold on something that `InferredMixture`
tells as a number, too.
"""

from __future__ import annotations

from tokkit.mixture.inferred import InferredMixture
from tokkit.mixture.judging.caveats import LONG_PREFIX, SMALL_SAMPLE

_SPAN = (
    "Shares are of bytes, and are forced to sum to 100% over the categories given: what is missing "
    "among them is booked under those that resemble it most."
)


def trust_sentences(result: InferredMixture) -> list[str]:
    """A verdict with its reasons, what the intervals cover, and what shares are forced to."""
    doubts = _doubts(result)
    if not doubts:
        verdict = "Nothing in the merges speaks against these shares."
    elif not result.fits:
        verdict = f"Do not use these shares: {'; '.join(doubts)}."
    else:
        grave = len(doubts) >= 3 or _is_grave(result)
        start = "Take these shares as a rough guess" if grave else "Take these shares with care"
        verdict = f"{start}: {'; '.join(doubts)}."
    return [verdict, _of_intervals(result), _SPAN]


def _doubts(result: InferredMixture) -> list[str]:
    """What speaks against the shares."""
    refuted, inherited = _refuted(result), _n_inherited(result)
    unexplained = result.unexplained or 0.0
    small = sum(
        share
        for name, share in result.proportions.items()
        if result.sample_bytes[name] < SMALL_SAMPLE
    )
    possible = {
        f"they are shares of what the merges tell of, and these tell nothing of "
        f"{len(result.untold)} of the {len(result.proportions)} categories, which may have any "
        "share": bool(result.untold),
        f"frequent pairs that were never merged rule out {refuted:.1%} of them (see the warnings)":
            refuted > 0.01,
        f"a category is missing, or samples are of another kind than the training text "
        f"({result.missing})": result.seems_incomplete,
        f"{result.unsupported:.1%} of the merges join pairs that no sample holds":
            result.unsupported > 0.05,
        f"about {unexplained:.0%} of the training data looks like none of the categories":
            unexplained > 0.05,
        f"half of the merges are off by a factor of {result.misfit:.1f} or more":
            result.misfit > 1.3,
        "the estimator did not settle": result.status in ("not converged", "rounds"),
        "some samples are small": small > 0.02,
        f"only rare pairs are left after {inherited:,} inherited merges": inherited >= LONG_PREFIX,
        "few merges could be used": result.n_merges < 1000,
    }  # fmt: skip
    return [doubt for doubt, holds in possible.items() if holds]


def _is_grave(result: InferredMixture) -> bool:
    """Whether one doubt alone makes the shares a guess."""
    return (
        _refuted(result) > 0.05
        or bool(result.untold)
        or result.seems_incomplete
        or _n_inherited(result) >= LONG_PREFIX
        or result.unsupported > 0.2
        or result.misfit > 2
        or (result.unexplained or 0.0) > 0.2
    )


def _refuted(result: InferredMixture) -> float:
    """The share of all that pairs which were never merged rule out."""
    return sum(result.proportions[name] for name in result.ruled_out)


def _n_inherited(result: InferredMixture) -> int:
    return result.inherited.n_merges if result.inherited is not None else 0


def _of_intervals(result: InferredMixture) -> str:
    """What the intervals allow for."""
    if result.intervals is not None:
        return (
            f"The {result.level:.0%} intervals allow for chance within the samples and the merges, "
            "not for samples of another kind than the training text (other sources, other years, "
            "other topics), which may cost several points more."
        )
    if result.method == "linear-program":
        return "The linear program gives no intervals."
    return "The merges fit no mixture of these categories: no intervals can be given."
