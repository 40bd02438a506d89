"""Laws of the text part: what it says of tokenizers whose costs are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import BertWordPieceTokenizer

from tests.audit.toy_subjects import byte_tokenizer, toy_report, write_bpe
from tokkit.audit.costs import examine
from tokkit.audit.costs.samples import read_folder, shipped_kinds, shipped_parallel_text
from tokkit.audit.part import Part
from tokkit.audit.rules import RULES
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.report.section import Scalar
from tokkit.text.normalizers import library_normalizer
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer


@pytest.fixture(scope="module")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    return load_tokenizer(write_bpe(tmp_path_factory.mktemp("bpe") / "tokenizer.json"))


@pytest.fixture(scope="module")
def bytes_part() -> Part:
    return examine(Subject(byte_tokenizer()))


def rows(part: Part, key: str) -> list[dict[str, Scalar]]:
    table = next(table for table in part.section.tables if table.key == key)
    names = [column.key for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def facts(part: Part) -> dict[str, Scalar]:
    return {fact.key: fact.value for fact in part.section.facts}


def test_a_byte_tokenizer_costs_what_utf8_costs(bytes_part: Part) -> None:
    for row in rows(bytes_part, "languages"):
        assert row["bytes_per_token"] == 1.0
        assert row["premium"] == row["byte_premium"]
    for row in rows(bytes_part, "kinds"):
        assert row["bytes_per_token"] == 1.0
        assert row["one_byte_percent"] == 100.0
    assert facts(bytes_part)["indentation_tokens"] == 16
    assert facts(bytes_part)["number_scheme"] == "digit by digit"


def test_the_reference_language_has_premium_one(bytes_part: Part) -> None:
    english = next(row for row in rows(bytes_part, "languages") if row["code"] == "eng")
    assert (english["premium"], english["premium_low"], english["premium_high"]) == (1.0, 1.0, 1.0)


def test_languages_stand_dearest_first(bytes_part: Part) -> None:
    premiums = [row["premium"] for row in rows(bytes_part, "languages")]
    assert premiums == sorted(premiums, key=lambda each: -float(each or 0))


def test_two_examinations_are_equal(bpe: TextTokenizer) -> None:
    assert examine(Subject(bpe)) == examine(Subject(bpe))


def test_every_witness_replays(bpe: TextTokenizer, bytes_part: Part) -> None:
    part = examine(Subject(bpe))
    assert part.findings
    for tokenizer, found in ((bpe, part.findings), (byte_tokenizer(), bytes_part.findings)):
        for finding in found:
            assert finding.rule in RULES
            assert finding.witnesses, finding.rule
            for witness in finding.witnesses:
                assert witness.action == "encode"
                assert tokenizer.encode(witness.data) == list(witness.ids)


@pytest.mark.parametrize(("form", "found"), [("NFC", False), ("NFKC", False), (None, True)])
def test_a_normaliser_makes_both_forms_alike(form: str | None, found: bool) -> None:
    normalizer = None if form is None else library_normalizer(form)
    part = examine(Subject(byte_tokenizer(normalizer)))
    assert facts(part)["nfc_nfd_same_ids"] is not found
    assert ("nfc-nfd-differ" in {finding.rule for finding in part.findings}) is found


def test_given_texts_replace_the_shipped_ones(bpe: TextTokenizer) -> None:
    texts = {"en": ["the sea", "a shell"], "xx": ["the sea the sea", "a shell a shell"]}
    part = examine(Subject(bpe), texts=texts)
    found = {row["code"]: row for row in rows(part, "languages")}
    assert found.keys() == texts.keys()
    assert 1.5 < float(found["xx"]["premium"] or 0) < 3


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"deu": ["a", "b"], "fra": ["c", "d"]}, "none of the languages deu, fra is called eng"),
        ({"eng": ["a", "b"], "fra": ["c"]}, "fra has 1 texts, eng has 2"),
        ({"eng": ["a"]}, "expected at least two"),
    ],
)
def test_texts_that_are_not_parallel_are_refused(
    texts: dict[str, Sequence[str]], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        examine(Subject(byte_tokenizer()), texts=texts)


def test_missing_translations_are_left_out_in_pairs() -> None:
    texts = {"eng": ["aa", "bb", ""], "xxx": ["aaaa", "", "cccc"]}
    part = examine(Subject(byte_tokenizer()), texts=texts)
    found = {row["code"]: row for row in rows(part, "languages")}
    assert found["xxx"]["premium"] == 2.0


def test_a_folder_is_read_as_parallel_text(tmp_path: Path) -> None:
    (tmp_path / "eng.txt").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "deu.txt").write_text("\ufeffeins\nzwei", encoding="utf-8")
    assert read_folder(tmp_path) == {"deu": ["eins", "zwei"], "eng": ["one", "two"]}


def test_a_folder_that_does_not_serve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no folder with parallel text"):
        read_folder(tmp_path / "none")
    (tmp_path / "eng.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError, match="not UTF-8"):
        read_folder(tmp_path)


def test_shipped_texts_are_parallel_and_licensed() -> None:
    sample = shipped_parallel_text()
    assert len(sample.texts) >= 40
    assert {len(texts) for texts in sample.texts.values()} == {12}
    assert all(text.strip() for texts in sample.texts.values() for text in texts)
    assert len(set(sample.names.values())) == len(sample.texts)
    assert all(len(texts) >= 8 for texts in shipped_kinds().values())


def test_toy_report_ranks_findings_worst_first() -> None:
    ranks = [finding.severity.rank for finding in toy_report().findings]
    assert ranks == sorted(ranks)


def test_what_cannot_be_written_is_shown_as_small_as_it_gets(tmp_path: Path) -> None:
    words = BertWordPieceTokenizer(lowercase=False)
    words.train_from_iterator(["the sea shells"], vocab_size=60, show_progress=False)
    words.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    part = examine(Subject(tokenizer), texts={"eng": ["the sea", "sea"], "rus": ["море", "sea"]})
    (finding,) = [f for f in part.findings if f.rule == "language-without-encoding"]
    assert finding.count == 1
    (witness,) = finding.witnesses
    assert len(witness.data.decode()) == 1
    with pytest.raises(EncodingError):
        tokenizer.encode(witness.data)
