"""Laws of the verdict on growth, with made-up engines whose cost is known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.toy_subjects import byte_tokenizer
from tokkit.audit.safety.adversarial import TextFamily, text_families
from tokkit.audit.safety.growth import (
    GrowthCurve,
    growth_findings,
    growth_table,
    measure,
    slope,
    time_growth,
)
from tokkit.errors import SandboxError

FAMILY = TextFamily("one letter", lambda size: "a" * size)
SPEEDS = st.floats(1e-9, 1e-5)


def engine(cost):
    return lambda text, repeats: cost(len(text))


@given(SPEEDS, st.floats(0, 1e-3))
def test_linear_cost_is_linear_whatever_the_speed(per_byte, overhead):
    curve = measure(FAMILY, "x", engine(lambda n: overhead + per_byte * n))
    assert curve.verdict == "linear"


@given(SPEEDS)
def test_n_log_n_is_linear(per_byte):
    curve = measure(FAMILY, "x", engine(lambda n: per_byte * n * n.bit_length()))
    assert curve.verdict == "linear"


@given(SPEEDS, st.integers(10, 18), st.floats(1, 3))
def test_a_cache_that_is_outgrown_once_is_no_growth(per_byte, knee, factor):
    cost = engine(lambda n: per_byte * n * (factor if n > 1 << knee else 1))
    assert measure(FAMILY, "x", cost).verdict == "linear"


@given(st.floats(1e-10, 1e-7), st.floats(0, 1e-7))
def test_quadratic_cost_is_superlinear(per_square, per_byte):
    curve = measure(FAMILY, "x", engine(lambda n: per_byte * n + per_square * n * n))
    assert curve.verdict == "superlinear"


def test_exponential_cost_is_superlinear_though_there_are_few_sizes():
    assert measure(FAMILY, "x", engine(lambda n: 1e-9 * 2.0**n)).verdict == "superlinear"


@pytest.mark.parametrize(
    ("reason", "verdict", "failure"),
    [
        ("timed out", "timed out", ""),
        ("panicked", "failed", "panicked"),
        ("died", "failed", "died"),
        ("refused", "not encodable", ""),
    ],
)
def test_an_engine_that_stops_is_told_with_its_size(reason, verdict, failure):
    def seconds_of(text, repeats):
        if len(text) >= 1024:
            raise SandboxError("stopped", reason)
        return 1e-7 * len(text)

    curve = measure(FAMILY, "lib", seconds_of)
    assert (curve.verdict, curve.failure) == (verdict, failure)
    assert curve.failed_size == (0 if verdict == "not encodable" else 1024)
    assert curve.n_bytes[-1] == 512


def test_what_fails_only_at_a_megabyte_is_found_where_it_is_tried():
    def seconds_of(text, repeats):
        if len(text) >= 1 << 20:
            raise SandboxError("boom", "panicked")
        return 1e-8 * len(text)

    assert measure(FAMILY, "lib", seconds_of).verdict == "linear"
    assert measure(FAMILY, "lib", seconds_of, survives=True).failed_size == 1 << 20


@settings(max_examples=50)
@given(st.floats(0.5, 3), st.floats(1e-6, 1))
def test_the_slope_of_a_power_is_its_exponent(exponent, factor):
    sizes = [1 << k for k in range(4, 12)]
    seconds = [factor * n**exponent for n in sizes]
    assert slope(sizes, seconds) == pytest.approx(exponent, abs=1e-6)


def test_a_polynomial_of_the_library_is_a_warning_and_of_ours_an_error():
    curves = tuple(
        GrowthCurve("one letter", name, (16,), (1.0,), "superlinear") for name in ("tokkit", "lib")
    )
    found = list(growth_findings(byte_tokenizer(), curves))
    assert [str(finding.severity) for finding in found] == ["error", "warning"]


def test_no_time_is_in_the_table_or_the_findings():
    tokenizer = byte_tokenizer()
    curves = (GrowthCurve("one letter", "tokkit", (16, 32), (0.125, 7.25), "superlinear"),)
    shown = repr(growth_table(curves)) + repr(list(growth_findings(tokenizer, curves)))
    assert "7.25" not in shown and "0.125" not in shown


def test_our_engine_is_linear_on_every_family():
    curves = time_growth(byte_tokenizer())
    assert [curve.family for curve in curves] == [
        family.name for family in text_families(byte_tokenizer().spec)
    ]
    assert {curve.verdict for curve in curves} == {"linear"}
