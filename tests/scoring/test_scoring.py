"""`score`: texts under models, in bits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.bytelm.toy_models import ab_lm
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState
from tokkit.errors import ArgumentError, FormatError
from tokkit.scoring import scoring


@pytest.fixture(scope="module")
def one() -> ByteLM:
    return ab_lm("one", "abab", "aab")


@pytest.fixture(scope="module")
def other() -> ByteLM:
    return ab_lm("other", "bbba")


def test_bits_are_those_of_the_models_and_add_up(one: ByteLM, other: ByteLM) -> None:
    texts = ["abab", b"b", "", "aabba"]
    report = tokkit.score([one, other], texts)
    assert [document.n_bytes for document in report.documents] == [4, 1, 0, 5]
    for lm in (one, other):
        bits = [-lm.logprob(text) / math.log(2) for text in texts]
        assert [document.bits[lm.name] for document in report.documents] == pytest.approx(bits)
        assert report.bits_per_byte[lm.name] == pytest.approx(sum(bits) / 10)
        scores = [document.scores[lm.name] for document in report.documents]
        for score, text in zip(scores, texts, strict=True):
            assert score.tokenization_logprob == pytest.approx(lm.token_logprob(text))
            assert score.highest_logprob is score.impossible is None
        assert scores[0].bits_per_byte == pytest.approx(lm.bits_per_byte(texts[0]))
        assert math.isnan(scores[2].bits_per_byte)


def test_a_string_is_a_text_and_a_path_a_file(
    one: ByteLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ab").write_bytes(b"bab")
    report = tokkit.score(one, ["ab", b"ab", Path("ab"), Path("ab").resolve()])
    names = [document.name for document in report.documents]
    assert names == ["text 1", "text 2", "ab", str(tmp_path.resolve() / "ab")]
    assert [document.n_bytes for document in report.documents] == [2, 2, 3, 3]
    for single, expected in (("ab", 2), (b"ab", 2), (Path("ab"), 3)):
        (document,) = tokkit.score(one, single).documents
        assert document.n_bytes == expected


def test_windows_are_those_of_the_models(one: ByteLM) -> None:
    text = "abba" * 9
    report = tokkit.score(one, text, window=8)
    assert (report.window, report.stride) == (8, 4)
    score = report.documents[0].scores["one"]
    assert score.logprob == pytest.approx(one.logprob(text, window=8))
    assert score.tokenization_logprob == pytest.approx(one.token_logprob(text, window=8))
    narrow = tokkit.score(one, text, window=8, stride=1)
    assert (narrow.window, narrow.stride) == (8, 1)
    assert narrow.bits_per_byte != report.bits_per_byte


def test_all_encodings_have_both_bounds(one: ByteLM) -> None:
    every = ByteLM(one.token_lm, encodings="all", beam=1, name="every")
    score = tokkit.score(every, "abab").documents[0].scores["every"]
    state = every.open("abab")
    assert isinstance(state, AllEncodingsState)
    assert (score.logprob, score.highest_logprob) == pytest.approx(state.logprob_bounds)
    assert score.least_bits_per_byte is not None
    assert score.least_bits_per_byte < score.bits_per_byte
    with pytest.raises(ArgumentError, match="canonical encodings"):
        tokkit.score([one, every], "abab", window=2)


def test_what_has_no_probability_says_why(one: ByteLM) -> None:
    ensemble = tokkit.ByteEnsemble([one], name="together")
    report = tokkit.score([one, ensemble], ["ac", "ab"])
    alone, together = report.documents[0].scores.values()
    assert alone.impossible == "no token holds the byte 0x63, at offset 1"
    assert together.impossible
    assert alone.tokenization_logprob is together.tokenization_logprob is None
    assert (
        set(report.documents[0].bits.values()) == set(report.bits_per_byte.values()) == {math.inf}
    )
    assert [each.impossible for each in report.documents[1].scores.values()] == [None, None]


def test_sources_are_loaded_in_turn_and_go_by_what_was_given(
    one: ByteLM, other: ByteLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []

    def load_lm(source: object) -> ByteLM:
        loaded.append(source)
        return other

    monkeypatch.setattr(scoring, "load_lm", load_lm)
    found = tokkit.score([one, "smollm2", Path("here/model")], "ab").bits_per_byte
    assert list(found) == ["one", "smollm2", str(Path("here/model"))]
    assert loaded == ["smollm2", Path("here/model")]
    named = tokkit.score({"first": one, "second": "smollm2"}, "ab").bits_per_byte
    assert named == {"first": found["one"], "second": found["smollm2"]}
    assert tokkit.score("smollm2", "ab").bits_per_byte == {"smollm2": found["smollm2"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"models": []}, "there is no model"),
        ({"models": ["x", "x"]}, "two models are named 'x'"),
        ({"models": 3}, "models must be"),
        ({"models": [3]}, "the model must be ByteModel"),
        ({"models": {"x": 3}}, "the model must be ByteModel"),
        ({"data": b""}, "the text is empty"),
        ({"data": []}, "the text is empty"),
        ({"data": 3}, "data must be"),
        ({"data": [3]}, "expected bytes or str"),
        ({"data": Path("no such file")}, "cannot read 'no such file'"),
        ({"stride": 3}, "there is no window"),
        ({"window": 1}, "window must be"),
        ({"window": 4, "stride": 5}, "stride must be"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_told_before_anything_is_loaded(
    change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "load_lm", lambda source: pytest.fail("loaded"))
    arguments: dict[str, Any] = {"models": "smollm2", "data": "ab", **change}
    with pytest.raises((ArgumentError, FormatError), match=told):
        tokkit.score(**arguments)
