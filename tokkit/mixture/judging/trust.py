"""`trust_sentences`: how far to trust an inferred mixture, in plain words.

Rules of thumb, not a measurement: each doubt is a threshold on something that `InferredMixture`
    tells
as a number too.
"""

from __future__ import annotations

from tokkit.mixture.inferred import InferredMixture
from tokkit.mixture.judging.caveats import LONG_PREFIX, SMALL_SAMPLE


def trust_sentences(result: InferredMixture) -> list[str]:
    """A verdict with its reasons, what the intervals cover, and what shares are forced to."""
    refuted = sum(result.proportions[name] for name in result.ruled_out)
    small = sum(
        share
        for name, share in result.proportions.items()
        if result.sample_bytes[name] < SMALL_SAMPLE
    )
    inherited = result.inherited.n_merges if result.inherited is not None else 0
    unexplained = result.unexplained or 0.0
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
    doubts = [doubt for doubt, holds in possible.items() if holds]
    grave = (
        refuted > 0.05
        or bool(result.untold)
        or result.seems_incomplete
        or inherited >= LONG_PREFIX
        or result.unsupported > 0.2
        or result.misfit > 2
        or unexplained > 0.2
        or len(doubts) >= 3
    )
    if not doubts:
        verdict = "Nothing in the merges speaks against these shares."
    elif not result.fits:
        verdict = f"Do not use these shares: {'; '.join(doubts)}."
    else:
        start = "Take these shares as a rough guess" if grave else "Take these shares with care"
        verdict = f"{start}: {'; '.join(doubts)}."
    if result.intervals is None and result.method == "linear-program":
        error = "The linear program gives no intervals."
    elif result.intervals is None:
        error = "The merges fit no mixture of these categories: no intervals can be given."
    else:
        error = (
            f"The {result.level:.0%} intervals allow for chance within the samples and the merges, "
            "not for samples of another kind than the training text (other sources, other years, "
            "other topics), which may cost several points more."
        )
    span = (
        "Shares are of bytes, and are forced to sum to 100% over the categories given: what is "
        "missing among them is booked under those that resemble it most."
    )
    return [verdict, error, span]
