"""An interrupted run goes on where it was, with the figures of one that was not."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.audit.toy_subjects import byte_tokenizer
from tests.bytelm.toy_models import RandomLM, ab_lm
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.errors import ArgumentError, FormatError, MissingExtraError
from tokkit.files.packaged import find_packaged
from tokkit.scoring import marks, scoring

TEXTS = ["abab" * 30, "b", "", "aabb" * 20, "c"]


@pytest.fixture
def lm() -> ByteLM:
    return ab_lm("a", "abab", "aab")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was scored; each window is recorded."""
    seen: list[bytes] = []
    logprob = ByteLM.logprob

    def counting(self: ByteLM, data: Any, **options: Any) -> float:
        if bytes(data) != marks.PROBE:
            seen.append(bytes(data))
        return logprob(self, data, **options)

    monkeypatch.setattr(ByteLM, "logprob", counting)
    monkeypatch.setattr(scoring, "_SECONDS", -1.0)
    return seen


@pytest.mark.parametrize("window", [None, 16])
def test_what_was_interrupted_goes_on(
    lm: ByteLM, calls: list[bytes], tmp_path: Path, window: int | None
) -> None:
    options: dict[str, Any] = {"window": window}
    expected = tokkit.score(lm, TEXTS, **options)
    n_calls = len(calls)
    records = tmp_path / "none"
    for stop in range(1, n_calls, 2):
        records = tmp_path / f"{stop}.jsonl"
        calls.clear()

        def interrupt(*_: object, last: int = stop) -> None:
            if len(calls) >= last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            tokkit.score(lm, TEXTS, records=records, progress=interrupt, **options)
        done = len(calls)
        with records.open("ab") as stream:
            stream.write(b'{"model": "a", "docu')  # as if the process had been killed
        report = tokkit.score(lm, TEXTS, records=records, **options)
        assert len(calls) - done <= n_calls - done + 1
        assert _same(report, expected)
    calls.clear()
    assert _same(tokkit.score(lm, TEXTS, records=records, **options), expected)
    assert not calls


def _same(report: tokkit.ScoreReport, expected: tokkit.ScoreReport) -> bool:
    figures = [
        (d.name, d.n_bytes, s.logprob, s.tokenization_logprob, s.impossible)
        for d in report.documents
        for s in d.scores.values()
    ]
    others = [
        (d.name, d.n_bytes, s.logprob, s.tokenization_logprob, s.impossible)
        for d in expected.documents
        for s in d.scores.values()
    ]
    return all(
        a == b or (isinstance(a, float) and isinstance(b, float) and math.isclose(a, b))
        for one, other in zip(figures, others, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_a_text_that_has_changed_is_refused(lm: ByteLM, tmp_path: Path) -> None:
    path, records = tmp_path / "text", tmp_path / "records"
    for window in (None, 16):
        path.write_bytes(b"ab" * 50)
        tokkit.score(lm, path, records=records, window=window)
        path.write_bytes(b"ba" * 50)
        with pytest.raises(ArgumentError, match="has changed since the records"):
            tokkit.score(lm, path, records=records, window=window)
        records.unlink()


def test_a_record_that_ends_within_a_window_is_refused(lm: ByteLM, tmp_path: Path) -> None:
    records = tmp_path / "records"
    tokkit.score(lm, TEXTS, records=records, window=16)
    first, mark, score, *_ = records.read_text().splitlines()
    for end in (0, 5, -5, True):
        changed = json.dumps(json.loads(score) | {"end": end, "is_whole": False})
        records.write_text("".join(f"{line}\n" for line in (first, mark, changed)))
        with pytest.raises((ArgumentError, FormatError), match="changed since|no record"):
            tokkit.score(lm, TEXTS, records=records, window=16)


def test_records_of_another_run_are_refused(lm: ByteLM, tmp_path: Path) -> None:
    records = tmp_path / "records"
    tokkit.score(lm, TEXTS, records=records, window=16)
    with pytest.raises(ArgumentError, match="window was 16, and is 32"):
        tokkit.score(lm, TEXTS, records=records, window=32, stride=8)
    (tmp_path / "other").write_bytes(b"ab")
    with pytest.raises(ArgumentError, match="records are of other texts"):
        tokkit.score(lm, [tmp_path / "other", "b"], records=records, window=16)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"encodings": "all"}, "encodings was 'canonical', and is 'all'"),
        ({"tolerance": 0.01}, "tolerance was 0.0, and is 0.01"),
    ],
)
def test_another_model_of_the_same_name_is_refused(
    lm: ByteLM, tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    records = tmp_path / "records"
    tokkit.score(lm, TEXTS, records=records)
    before = records.read_bytes()
    other = ByteLM(lm.token_lm, name=lm.name, **options)
    with pytest.raises(ArgumentError, match=told):
        tokkit.score(other, TEXTS, records=records)
    assert records.read_bytes() == before


def test_other_weights_under_the_same_name_are_refused(tmp_path: Path) -> None:
    records = tmp_path / "records"
    one, other = (ByteLM(RandomLM(byte_tokenizer(), seed)) for seed in (1, 2))
    tokkit.score({"mine": one}, "At 7", records=records)
    tokkit.score({"mine": one}, "At 7", records=records)
    with pytest.raises(ArgumentError, match=r"it gave 'At 7 he ' .* nats, and gives it"):
        tokkit.score({"mine": other}, "At 7", records=records)
    tokkit.score({"yours": other}, "At 7", records=records)


def test_members_of_ensembles_are_told_apart(lm: ByteLM, tmp_path: Path) -> None:
    records = tmp_path / "records"
    ensembles = [
        tokkit.ByteEnsemble([lm, ByteLM(lm.token_lm, tolerance=tolerance)])
        for tolerance in (0.0, 0.01)
    ]
    tokkit.score({"both": ensembles[0]}, TEXTS, records=records)
    with pytest.raises(ArgumentError, match="members was"):
        tokkit.score({"both": ensembles[1]}, TEXTS, records=records)


def test_records_that_do_not_say_whose_they_are_are_refused(lm: ByteLM, tmp_path: Path) -> None:
    records = tmp_path / "records"
    tokkit.score(lm, TEXTS, records=records)
    first, mark, *rest = records.read_bytes().splitlines(keepends=True)
    assert b"probe" in mark
    records.write_bytes(b"".join([first, *rest]))
    with pytest.raises(ArgumentError, match="do not say which model"):
        tokkit.score(lm, TEXTS, records=records)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a story\n", "not valid JSON"),
        (b"a story", "holds no records of scores"),
        (json.dumps({"format": "other"}).encode() + b"\n", "holds no records of scores"),
    ],
)
def test_other_files_are_never_overwritten(
    lm: ByteLM, tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=told):
        tokkit.score(lm, TEXTS, records=path)
    assert path.read_bytes() == content


def test_damaged_records_are_refused(lm: ByteLM, tmp_path: Path) -> None:
    records = tmp_path / "records"
    tokkit.score(lm, TEXTS, records=records)
    first, mark, second, *rest = records.read_bytes().splitlines(keepends=True)
    bad_mark = mark.replace(b'"probe": ', b'"probe": "x", "was": ')
    bad_score = second.replace(b'"end": 120', b'"end": "x"')
    for wrong in ([b"[]\n"], [bad_mark, second], [mark, bad_score]):
        records.write_bytes(b"".join([first, *wrong, *rest]))
        with pytest.raises(FormatError):
            tokkit.score(lm, TEXTS, records=records)


@pytest.mark.slow
@pytest.mark.real
def test_smollm2_goes_on_with_a_story(tmp_path: Path) -> None:
    try:
        find_packaged("smollm2")
    except MissingExtraError as error:
        pytest.skip(str(error))
    lm = tokkit.load_lm("smollm2")
    path, records = tmp_path / "story.txt", tmp_path / "records"
    path.write_text("Once upon a time, a fox met a crow that held a piece of cheese. " * 8)

    def interrupt(what: str, done: int, total: int) -> None:
        if done > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tokkit.score(lm, path, window=128, records=records, progress=interrupt)
    report = tokkit.score(lm, path, window=128, records=records, surprises=100)
    data = path.read_bytes()
    score = report.documents[0].scores[lm.name]
    assert score.logprob == pytest.approx(lm.logprob(data, window=128), rel=1e-4)
    assert score.tokenization_logprob == pytest.approx(lm.token_logprob(data, window=128), rel=1e-4)
    assert report.surprises[0].text == data[:100]
