"""Laws of the codebook section, on a quantizer whose rate and distortion are known."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import pytest

import tokkit
from tokkit.audit import codebook
from tokkit.audit.options import AuditOptions
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError
from tokkit.tokenizer import Modality, Tokenizer, refuse_budget


class HalvingQuantizer(Tokenizer[float]):
    """A number in [0, 1) as its first binary digits: of flexible length, coarse to fine."""

    n_digits = 8

    @property
    def modality(self) -> Modality:
        return "speech"

    @property
    def vocab_size(self) -> int:
        return 2

    def encode(
        self, x: float, /, *, budget: int | None = None, context: None = None
    ) -> Sequence[int]:
        return [int(x * 2**k) % 2 for k in range(1, min(self.n_digits, budget or 99) + 1)]

    def decode(self, ids: Any, *, seed: int | None = None) -> float:
        return sum(digit / 2 ** (k + 1) for k, digit in enumerate(ids)) + 0.5 / 2 ** len(ids)

    def save(self, directory: str | PathLike[str]) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> Self:
        raise NotImplementedError


class FixedQuantizer(HalvingQuantizer):
    """The same number as one code of 16, of which it uses every other one."""

    @property
    def vocab_size(self) -> int:
        return 16

    def encode(
        self, x: float, /, *, budget: int | None = None, context: None = None
    ) -> Sequence[int]:
        refuse_budget(self, budget)
        return [2 * int(8 * x)]

    def decode(self, ids: Any, *, seed: int | None = None) -> float:
        return (ids[0] + 1) / 16


SIGNALS = [float(value) for value in np.linspace(0, 1, 1000, endpoint=False)]


def distance(one: float, two: float) -> float:
    return abs(one - two)


def test_distortion_halves_with_each_digit() -> None:
    part = codebook.examine(Subject(HalvingQuantizer()), signals=SIGNALS, distortion=distance)
    rows = part.section.tables[0].rows
    assert [row[0] for row in rows] == [1, 2, 4, 6, 8]
    for ids, bits, distortion in rows:
        assert bits == ids
        assert float(distortion or 0) == pytest.approx(0.25 / 2 ** float(ids or 0), rel=0.02)
    assert part.findings == ()
    assert [chart.key for chart in part.section.charts] == ["usage", "rate_distortion"]


def test_a_fixed_length_gives_one_point() -> None:
    part = codebook.examine(Subject(FixedQuantizer()), signals=SIGNALS, distortion=distance)
    assert len(part.section.tables[0].rows) == 1
    (finding,) = part.findings
    assert finding.rule == "unused-codes"
    assert finding.tokens == tuple(range(1, 16, 2))
    facts = {fact.key: fact.value for fact in part.section.facts}
    assert facts["codes_used_percent"] == 50
    assert facts["perplexity"] == pytest.approx(8)


def test_few_signals_prove_no_code_unused() -> None:
    part = codebook.examine(Subject(FixedQuantizer()), signals=SIGNALS[:9], distortion=distance)
    assert part.findings == ()


def test_an_audit_of_another_modality_is_its_codebook() -> None:
    options = AuditOptions(signals=SIGNALS, distortion=distance)
    report = tokkit.audit_tokenizer(HalvingQuantizer(), options=options)
    assert [section.key for section in report.sections] == ["codebook"]
    assert report.name == "HalvingQuantizer"
    bare = tokkit.audit_tokenizer(HalvingQuantizer())
    assert "not known" in bare.sections[0].summary


def test_what_does_not_fit_is_refused() -> None:
    subject = Subject(HalvingQuantizer())
    with pytest.raises(ArgumentError, match="signals is empty"):
        codebook.examine(subject, signals=[], distortion=distance)
    with pytest.raises(ArgumentError, match="not finite"):
        codebook.examine(subject, signals=SIGNALS, distortion=lambda a, b: float("nan"))
    with pytest.raises(ArgumentError, match="texts is for text"):
        tokkit.audit_tokenizer(HalvingQuantizer(), options=AuditOptions(texts={"eng": ["a"]}))
