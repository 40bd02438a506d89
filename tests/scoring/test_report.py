"""Figures of several texts, their intervals, and every way to write them down."""

from __future__ import annotations

import csv
import io
import json
import math
import re

import numpy as np
import pytest

import tokkit
from tests.bytelm.toy_models import ab_lm
from tokkit.errors import ArgumentError
from tokkit.scoring import intervals
from tokkit.scoring.intervals import ratio_interval

TEXTS = ["abab", "b" * 9, "", "aabba", "ba" * 7, "aaa", "bbab"]


@pytest.fixture(scope="module")
def report() -> tokkit.ScoreReport:
    models = [ab_lm("one", "abab", "aab"), ab_lm("other", "bbba")]
    return tokkit.score(models, TEXTS, surprises=20)


def test_intervals_hold_the_middle_of_the_draws(report: tokkit.ScoreReport) -> None:
    for model, interval in report.intervals.items():
        assert interval is not None
        assert interval.value == pytest.approx(report.bits_per_byte[model])
        bits = np.array([d.bits[model] for d in report.documents if d.n_bytes])
        sizes = np.array([d.n_bytes for d in report.documents if d.n_bytes])
        rng = np.random.default_rng(7)
        draws = rng.integers(len(sizes), size=(20_000, len(sizes)))
        ratios = bits[draws].sum(axis=1) / sizes[draws].sum(axis=1)
        low, high = np.quantile(ratios, [0.025, 0.975])
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.1)


def test_differences_are_paired(report: tokkit.ScoreReport) -> None:
    apart = report.difference("one", "other")
    assert apart is not None
    bits = report.bits_per_byte
    assert apart.value == pytest.approx(bits["one"] - bits["other"])
    same = report.difference("one", "one")
    assert same is not None
    assert (same.low, same.high) == (0.0, 0.0)
    with pytest.raises(ArgumentError, match="no model 'two'"):
        report.difference("one", "two")


def test_a_few_documents_have_no_interval() -> None:
    assert ratio_interval([1.0] * 4, [1] * 4) is None
    assert ratio_interval([math.inf] * 9, [1] * 9) is None


def test_many_documents_are_drawn_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    bits, sizes = rng.gamma(2.0, size=4000), rng.integers(1, 9, size=4000)
    whole = ratio_interval(bits.tolist(), sizes.tolist())
    monkeypatch.setattr(intervals, "_MOST_GROUPS", 400)
    grouped = ratio_interval(bits.tolist(), sizes.tolist())
    assert whole is not None
    assert grouped is not None
    assert grouped.value == pytest.approx(whole.value)
    assert grouped.high - grouped.low == pytest.approx(whole.high - whole.low, rel=0.2)


def test_json_and_csv_tell_every_document(report: tokkit.ScoreReport) -> None:
    found = json.loads(report.to_json())
    assert [d["n_bytes"] for d in found["documents"]] == [len(text) for text in TEXTS]
    assert found["models"][0]["exact_bits_per_byte"] == pytest.approx(report.bits_per_byte["one"])
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert len(rows) == 2 * len(TEXTS)
    assert float(rows[0]["bits"]) == pytest.approx(report.documents[0].bits["one"])


def test_what_is_impossible_is_told_in_every_output() -> None:
    report = tokkit.score(ab_lm("a", "abab"), ["ab", "c"])
    assert report.totals["a"].impossible == "text 2: no token holds the byte 0x63, at offset 0"
    assert json.loads(report.to_json())["models"][0]["exact_bits_per_byte"] is None
    assert "None of the models" in report.to_html()


def test_surprises_are_the_bits_of_bytes_and_of_tokens(report: tokkit.ScoreReport) -> None:
    lm = ab_lm("one", "abab", "aab")
    first = report.surprises[0]
    assert (first.model, first.document, first.text) == ("one", "text 1", b"abab")
    assert first.byte_bits.sum() == pytest.approx(report.documents[0].bits["one"], abs=0.03)
    assert first.token_bits is not None
    bits = -lm.token_logprob("abab") / math.log(2)
    assert first.token_bits.sum() == pytest.approx(bits, abs=0.03)
    assert sum(len(each.text) for each in report.surprises if each.model == "one") == 20


def test_surprises_in_windows_are_those_of_the_windows() -> None:
    lm = ab_lm("one", "abab", "aab")
    report = tokkit.score(lm, "abba" * 9, window=8, surprises=100)
    (found,) = report.surprises
    assert found.byte_bits.sum() == pytest.approx(report.documents[0].bits["one"], abs=0.2)
    tokens = report.documents[0].scores["one"].tokenization_logprob
    assert found.token_bits is not None
    assert tokens is not None
    assert found.token_bits.sum() == pytest.approx(-tokens / math.log(2), abs=0.2)


def test_the_heat_map_spells_the_texts(report: tokkit.ScoreReport) -> None:
    page = report.to_html("<texts>")
    assert "&lt;texts&gt;" in page
    assert "<texts>" not in page
    maps = re.findall(r'<div class="bytes">(.*?)</div><div class="tokens">(.*?)</div>', page)
    assert len(maps) == len(report.surprises)
    spelled = ["".join(re.findall(r">([^<>]*)</span>", each)) for pair in maps for each in pair]
    assert spelled[0] == spelled[1] == "abab"
    assert "style=" not in page.partition("<main")[2]  # which the page's policy forbids


def test_equal_reports_are_equal_pages(report: tokkit.ScoreReport) -> None:
    again = tokkit.score([ab_lm("one", "abab", "aab"), ab_lm("other", "bbba")], TEXTS, surprises=20)
    assert again.to_html() == report.to_html()
    assert repr(report).startswith("ScoreReport(7 documents, 39 bytes; bits per byte 'one': ")
