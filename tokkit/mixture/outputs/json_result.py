"""An inferred mixture as JSON."""

from __future__ import annotations

from typing import Any

from tokkit.mixture.estimation.missing import MissingTest
from tokkit.mixture.inferred import InferredMixture
from tokkit.mixture.judging.diagnostics import Disagreement
from tokkit.mixture.judging.trust import trust_sentences
from tokkit.report.wording import visible


def result_dict(mixture: InferredMixture) -> dict[str, Any]:
    """Everything as plain data."""
    names = mixture.categories
    return {
        "tokenizer": mixture.tokenizer,
        "method": mixture.method,
        "unit": "bytes",
        "categories": [
            {
                "name": name,
                "proportion": mixture.proportions[name],
                "interval": None if mixture.intervals is None else list(mixture.intervals[name]),
                "sample_bytes": mixture.sample_bytes[name],
                "limit": mixture.limits[name],
            }
            for name in names
        ],
        "groups": [
            {
                "name": name,
                "proportion": group.share,
                "interval": None if group.interval is None else list(group.interval),
                "categories": list(group.categories),
            }
            for name, group in mixture.groups.items()
        ],
        "ruled_out": list(mixture.ruled_out),
        "untold": list(mixture.untold),
        "fits": mixture.fits,
        "level": mixture.level,
        "status": mixture.status,
        "objective": mixture.objective,
        "unexplained": mixture.unexplained,
        "unsupported": mixture.unsupported,
        "missing": _test(mixture.missing),
        "misfit": mixture.misfit,
        "n_merges": mixture.n_merges,
        "inherited": mixture.inherited and vars(mixture.inherited).copy(),
        "warnings": list(mixture.warnings),
        "trust": trust_sentences(mixture),
        "residuals": [vars(each).copy() for each in mixture.residual_bins()],
        "disagreements": {
            "too_rare_in_samples": _listed(mixture.diagnosis.too_rare, names),
            "too_frequent_in_samples": _listed(mixture.diagnosis.too_frequent, names),
            "never_merged": _listed(mixture.diagnosis.never_merged, names),
        },
    }


def _test(missing: MissingTest | None) -> dict[str, Any] | None:
    if missing is None:
        return None
    return {
        "p_value": missing.p_value,
        "rejected": missing.is_rejected,
        "n_tested": missing.n_tested,
        "n_lacking": missing.n_lacking,
    }


def _listed(pairs: tuple[Disagreement, ...], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "step": each.step,
            "left": _spelt(each.left),
            "right": _spelt(each.right),
            "factor": each.factor,
            "category": None if each.category is None else names[each.category],
        }
        for each in pairs
    ]


def _spelt(data: bytes) -> str:
    return visible(data).replace(" ", "␣")
