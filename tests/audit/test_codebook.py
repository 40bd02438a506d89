"""Laws of the codebook section, on a quantizer whose rate and distortion are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import tokkit
from tests.audit.known import assert_figures_known
from tests.audit.toy_subjects import Unsaved
from tokkit.audit import codebook
from tokkit.audit.codebook.probe import probe
from tokkit.audit.codebook.spectra import log_spectra, log_spectral_distance, spectra_shape
from tokkit.audit.options import AuditOptions
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError
from tokkit.tokenizer import Modality, PrefixAxis, refuse_budget


class HalvingQuantizer(Unsaved):
    """A number in [0, 1) as its first binary digits: of flexible length, coarse to fine."""

    n_digits = 8

    @property
    def modality(self) -> Modality:
        return "speech"

    @property
    def vocab_size(self) -> int:
        return 2

    @property
    def prefix_axis(self) -> PrefixAxis:
        return "sequence"

    def encode(
        self, x: float, /, *, budget: int | None = None, context: None = None
    ) -> Sequence[int]:
        return [int(x * 2**k) % 2 for k in range(1, min(self.n_digits, budget or 99) + 1)]

    def decode(self, ids: Any, *, seed: int | None = None) -> float:
        return sum(digit / 2 ** (k + 1) for k, digit in enumerate(ids)) + 0.5 / 2 ** len(ids)


class StackedQuantizer(Unsaved):
    """Numbers of a signal as two digits each, in base 4: two streams, of which the last may go."""

    @property
    def modality(self) -> Modality:
        return "graph"

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        return (4, 4)

    @property
    def prefix_axis(self) -> PrefixAxis:
        return "depth"

    def encode(self, x: Any, /, *, budget: int | None = None, context: Any = None) -> Any:
        assert context == "edges"
        values = np.asarray(x)[:, 0]
        digits = np.stack([values * 4 // 1 % 4, values * 16 // 1 % 4], 1).astype(np.int64)
        return digits[:, :budget]

    def decode(self, ids: Any, *, seed: int | None = None) -> Any:
        digits = np.asarray(ids).reshape(len(ids), -1)
        places = 4.0 ** -np.arange(1, digits.shape[1] + 1)
        return ((digits * places).sum(1) + places[-1] / 2)[:, None]


class FixedQuantizer(HalvingQuantizer):
    """The same number as one code of 16, of which it uses every other one."""

    @property
    def vocab_size(self) -> int:
        return 16

    @property
    def prefix_axis(self) -> PrefixAxis:
        return "none"

    def encode(
        self, x: float, /, *, budget: int | None = None, context: None = None
    ) -> Sequence[int]:
        refuse_budget(self, budget)
        return [2 * int(8 * x)]

    def decode(self, ids: Any, *, seed: int | None = None) -> float:
        return (ids[0] + 1) / 16


SIGNALS = [float(value) for value in np.linspace(0, 1, 1000, endpoint=False)]


def mean_distance(one: Any, two: Any) -> float:
    return float(np.abs(one - two).mean())


def distance(one: float, two: float) -> float:
    return abs(one - two)


def test_distortion_halves_with_each_digit() -> None:
    part = codebook.examine(Subject(HalvingQuantizer()), signals=SIGNALS, distortion=distance)
    rows = part.section.tables[0].rows
    assert [row[0] for row in rows] == [1, 2, 4, 6, 8]
    last = 0.0, 0.0
    for ids, bits, distortion, gain in rows:
        assert bits == ids
        expected = 0.25 / 2 ** float(ids or 0)
        assert float(distortion or 0) == pytest.approx(expected, rel=0.02)
        if gain is not None:
            assert float(gain) == pytest.approx(
                (last[1] - expected) / (float(ids or 0) - last[0]), rel=0.05
            )
        last = float(ids or 0), expected
    assert part.findings == ()
    assert_figures_known([part.section])
    assert [chart.key for chart in part.section.charts] == [
        "usage",
        "positions",
        "rate_distortion",
    ]


def test_a_fixed_length_gives_one_point() -> None:
    part = codebook.examine(Subject(FixedQuantizer()), signals=SIGNALS, distortion=distance)
    assert len(part.section.tables[0].rows) == 1
    (finding,) = part.findings
    assert finding.rule == "unused-codes"
    assert finding.tokens == tuple(range(1, 16, 2))
    facts = {fact.key: fact.value for fact in part.section.facts}
    assert facts["codes_used_percent"] == 50
    assert facts["perplexity"] == pytest.approx(8)


def test_each_stream_is_told_of_and_codes_tell_labels() -> None:
    values = np.linspace(0, 1, 400, endpoint=False).reshape(2, 200, 1).transpose(1, 0, 2)
    signals = [values.reshape(-1, 1), values[::-1].reshape(-1, 1)]
    labels = [(signal[:, 0] >= 0.5).astype(int) for signal in signals]
    options = AuditOptions(
        signals=signals, contexts=["edges", "edges"], labels=labels, distortion=mean_distance
    )
    report = tokkit.audit_tokenizer(StackedQuantizer(), options=options)
    (section,) = report.sections
    curve, streams = section.tables
    assert [row[0] for row in curve.rows] == [400, 800]
    assert [row[1] for row in curve.rows] == [800, 1600]
    assert [round(float(row[2] or 0), 3) for row in curve.rows] == [0.062, 0.016]
    assert [row[:4] for row in streams.rows] == [(1, 800, 4, 0), (2, 800, 4, 0)]
    facts = {fact.key: fact.value for fact in section.facts}
    assert facts["probe_accuracy_percent"] == 100
    assert facts["probe_most_frequent_percent"] == pytest.approx(50, abs=5)
    assert facts["bits_per_unit"] == 4
    assert float(facts["bits_per_id_bias"] or 0) == pytest.approx(3 / 1600 / np.log(2), abs=0.01)
    assert_figures_known(report.sections)
    assert "probe" in report.to_json()
    assert "Codes of each stream" in report.to_html()


def test_codes_that_tell_nothing_leave_the_most_frequent_label() -> None:
    ids = [np.zeros((1, 1), np.int64)] * 30
    found = probe(ids, [1, 1, 0] * 10, (4,), positions=False)
    assert found is not None
    assert found.accuracy == found.most_frequent == pytest.approx(2 / 3, abs=0.15)
    unknown = probe(ids, [1, -1, -1] * 10, (4,), positions=False)
    assert unknown is not None and (unknown.n_learned, unknown.n_asked) == (5, 5)


def test_labels_of_which_hardly_one_is_known_tell_nothing_and_refuse_nothing() -> None:
    ids = [np.zeros((1, 1), np.int64)] * 30
    assert probe(ids, [-1] * 30, (4,), positions=False) is None
    labels = [1, *[-1] * (len(SIGNALS) - 1)]
    part = codebook.examine(
        Subject(HalvingQuantizer()), signals=SIGNALS, distortion=distance, labels=labels
    )
    assert not any(fact.key.startswith("probe") for fact in part.section.facts)


def test_signals_and_labels_may_be_arrays() -> None:
    labels = np.arange(len(SIGNALS)) % 2
    given: Any = {"signals": np.array(SIGNALS), "labels": labels}
    options = AuditOptions(**given, distortion=distance)
    listed = AuditOptions(signals=SIGNALS, labels=labels.tolist(), distortion=distance)
    reports = [tokkit.audit_tokenizer(HalvingQuantizer(), options=o) for o in (options, listed)]
    assert reports[0].to_json() == reports[1].to_json()
    for wrong in (np.array(1.0), "signals", 3):
        given = {"signals": wrong}
        with pytest.raises(ArgumentError, match="signals must be"):
            AuditOptions(**given)


def test_a_tokenizer_that_loses_signals_is_told_of() -> None:
    class Forgetful(HalvingQuantizer):
        def decode_many(self, ids: Any, *, seeds: Any = None) -> Any:
            return super().decode_many(ids[1:], seeds=seeds)

    with pytest.raises(ArgumentError, match="broken: decode_many gave 999 signals for 1000"):
        codebook.examine(Subject(Forgetful()), signals=SIGNALS, distortion=distance)


@pytest.mark.parametrize("rate", [None, 8000, 44100])
@pytest.mark.parametrize("n", [1, 255, 256, 257, 383, 384, 5000])
def test_how_many_spectra_there_are_is_known_before(n: int, rate: int | None) -> None:
    assert log_spectra(np.zeros(n), rate).shape == spectra_shape(n, rate)


def test_the_spectra_of_speech_are_compared_and_silence_weighs_no_more_than_sound() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 8000)
    silence = np.zeros(8000)
    assert log_spectral_distance(sound, sound, 8000) == 0
    assert log_spectral_distance(sound, -sound, 8000) == 0  # phases are not heard
    assert log_spectral_distance(sound, sound / 10, 8000) == pytest.approx(20, abs=0.5)
    assert log_spectral_distance(silence, silence + 1e-5, 8000) < 0.1
    assert log_spectral_distance(silence, sound, 8000) < 60
    assert log_spectral_distance(sound[:1], sound[:1], None) == 0


def test_positions_tell_apart_what_codes_alone_do_not() -> None:
    ids = [np.array([[k % 2], [1 - k % 2]]) for k in range(40)]
    labels = [k % 2 for k in range(40)]
    ids = [each for each, _ in sorted(zip(ids, labels, strict=True), key=lambda pair: pair[1])]
    labels = sorted(labels)
    apart, alike = (probe(ids, labels, (2,), positions=each) for each in (True, False))
    assert apart is not None and alike is not None
    assert apart.accuracy == 1 and alike.accuracy < 0.8


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
    for wrong in (float("nan"), None, "near"):
        bad: dict[str, Any] = {"distortion": lambda a, b, wrong=wrong: wrong}
        with pytest.raises(ArgumentError, match="must be a finite number"):
            codebook.examine(subject, signals=SIGNALS, **bad)
    for name in ("contexts", "labels"):
        given: dict[str, Any] = {name: [1]}
        with pytest.raises(ArgumentError, match=f"{name} is about signals"):
            AuditOptions(**given)
        with pytest.raises(ArgumentError, match="1000 signals and 1"):
            codebook.examine(subject, signals=SIGNALS, distortion=distance, **given)
    with pytest.raises(ArgumentError, match="texts is for text"):
        tokkit.audit_tokenizer(HalvingQuantizer(), options=AuditOptions(texts={"eng": ["a"]}))
