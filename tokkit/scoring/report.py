"""`ScoreReport`: texts under models, and the ways to write it down."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from tokkit.report.json_data import json_text
from tokkit.report.page.notebook import notebook_html
from tokkit.report.wording import plural
from tokkit.scoring.figures import TextScore
from tokkit.scoring.intervals import Interval
from tokkit.scoring.page import render_score_page
from tokkit.scoring.scores import Scores


class ScoreReport(Scores):
    """Texts under models; it can be written as JSON, as CSV and as a page."""

    def __repr__(self) -> str:
        figures = ", ".join(f"{name!r}: {bits:.4f}" for name, bits in self.bits_per_byte.items())
        texts = plural(len(self.documents), "document")
        return f"ScoreReport({texts}, {plural(self.n_bytes, 'byte')}; bits per byte {figures})"

    def _repr_html_(self) -> str:
        return notebook_html(self.to_html(), "scores of texts")

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for JSON; figures that are infinite or not defined are None."""
        intervals = self.intervals
        best, *others = self.ranking
        return {
            "n_bytes": self.n_bytes,
            "window": self.window,
            "stride": self.stride,
            "models": [
                {"model": name, **score_dict(score), "interval": _ends(intervals[name])}
                for name, score in self.totals.items()
            ],
            "differences": [
                {"model": name, "less": best, **_difference_dict(self, name, best)}
                for name in others
            ],
            "documents": [
                {
                    "name": document.name,
                    "n_bytes": document.n_bytes,
                    "models": [
                        {"model": name, **score_dict(score)}
                        for name, score in document.scores.items()
                    ],
                }
                for document in self.documents
            ],
        }

    def to_json(self) -> str:
        """As JSON; equal reports give equal texts."""
        return json_text(self.to_dict())

    def to_csv(self) -> str:
        """A line for each document under each model."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("document", "n_bytes", "model", *_CSV))
        for document in self.documents:
            for name, score in document.scores.items():
                row = (document.name, document.n_bytes, name)
                writer.writerow((*row, *(getattr(score, figure) for figure in _CSV)))
        return stream.getvalue()

    def to_html(self, name: str = "") -> str:
        """As one page that needs nothing else, with a heat map of `surprises`, for UTF-8.

        Args:
            name: of the texts; by default that of the first document.
        """
        return render_score_page(self, name)


_CSV = ("bits", "bits_per_byte", "tokenization_bits_per_byte", "impossible")


def score_dict(score: TextScore) -> dict[str, Any]:
    """Log-probabilities in nats, and bits per byte, by the names that JSON has for them."""
    exact = score.highest_logprob is None
    figures = {
        "exact_logprob" if exact else "logprob": score.logprob,
        "exact_bits_per_byte" if exact else "bits_per_byte": score.bits_per_byte,
        **({} if exact else {"highest_logprob": score.highest_logprob}),
        **({} if exact else {"least_bits_per_byte": score.least_bits_per_byte}),
        "tokenization_logprob": score.tokenization_logprob,
        "tokenization_bits_per_byte": score.tokenization_bits_per_byte,
    }
    return {
        **{k: v if v is not None and math.isfinite(v) else None for k, v in figures.items()},
        "impossible": score.impossible,
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _difference_dict(report: ScoreReport, name: str, best: str) -> dict[str, Any]:
    bits = report.bits_per_byte
    apart = bits[name] - bits[best]
    return {
        "bits_per_byte": apart if math.isfinite(apart) else None,
        "interval": _ends(report.difference(name, best)),
    }
