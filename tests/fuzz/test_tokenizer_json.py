"""The fuzzer of `tokenizer.json`: what it draws agrees with the reference, and it finds faults."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest

from tests.fuzz import tokenizer_json
from tests.fuzz.draw_tokenizer_json import draw_case
from tests.fuzz.hf_reference import ReferenceFailureError
from tests.fuzz.shrink import shrink, shrink_text
from tests.fuzz.tokenizer_json import DIFFERS, PASSED, Outcome
from tokkit.text.tokenizer import TextTokenizer


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with tokenizer_json.quiet_panics():
        yield


def drawn(seed: int, count: int) -> Iterator[tokenizer_json.Case]:
    for index in range(count):
        try:
            yield draw_case(seed, index)
        except ReferenceFailureError:
            continue


def test_a_seed_draws_the_same_configurations() -> None:
    first, again, other = (list(drawn(seed, 5)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_draws_reach_every_kind_of_part() -> None:
    text = "".join(json.dumps(case.document) for case in drawn(1, 200))
    kinds = (
        *("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Strip", "BertNormalizer"),
        *("Replace", "Prepend", "Precompiled", "Nmt", "ByteLevel", "Metaspace", "Whitespace"),
        *("WhitespaceSplit", "BertPreTokenizer", "Digits", "Punctuation", "Split"),
        *("UnicodeScripts", "CharDelimiterSplit", "FixedLength", "Sequence"),
        *("BPE", "Unigram", "WordPiece", "WordLevel"),
        *("TemplateProcessing", "BertProcessing", "RobertaProcessing"),
    )
    assert not [kind for kind in kinds if f'"type": "{kind}"' not in text]
    flags = ("lstrip", "rstrip", "single_word", "special", "byte_fallback", "ignore_merges")
    assert not [flag for flag in flags if f'"{flag}": true' not in text]


def test_a_fault_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that swaps two tokens is caught, by a text of few characters."""
    right = TextTokenizer.encode

    def wrong(self: TextTokenizer, *arguments: object, **options: object) -> list[int]:
        ids = right(self, *arguments, **options)  # pyright: ignore[reportArgumentType]
        return ids[::-1] if len(ids) > 1 else ids

    index = next(i for i in range(50) if tokenizer_json.examine(5, i).status == PASSED)
    monkeypatch.setattr(TextTokenizer, "encode", wrong)
    outcome = tokenizer_json.examine(5, index)
    assert outcome.status == DIFFERS
    assert outcome.example is not None
    assert len(outcome.example["text"]) <= 6
    assert not outcome.example["document"]["added_tokens"]
    assert "1 x ids" in tokenizer_json.summary([outcome])


def test_shrinking_leaves_what_is_needed() -> None:
    document = next(drawn(0, 1)).document
    vocab = {"a": 0, "b": 1, "ab": 2, "c": 3}
    model = {"type": "BPE", "vocab": vocab, "merges": [["a", "b"]], "ignore_merges": True}
    sequence = {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Nmt"}]}
    document = {**document, "model": model, "normalizer": sequence, "pre_tokenizer": None}
    found, text = shrink(
        document,
        "xx needle x",
        lambda d, t: "needle" in t and "Nmt" in str(d) and "ab" in d["model"]["vocab"],
    )
    assert text == "needle"
    assert found["normalizer"] == {"type": "Nmt"}
    assert found["model"]["vocab"] == {"ab": 0}
    assert found["model"]["merges"] == []
    assert shrink_text(b"aXbY", lambda data: b"X" in data and b"Y" in data) == b"XY"


def test_a_run_goes_on_from_its_records(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    examined: list[int] = []

    def examine(seed: int, index: int, *, shrunk: bool) -> Outcome:
        examined.append(index)
        return Outcome(index, PASSED)

    monkeypatch.setattr(tokenizer_json, "examine", examine)
    records = tmp_path / "records.jsonl"
    first = tokenizer_json.run(0, range(3), records)
    whole = tokenizer_json.run(0, range(5), records)
    assert examined == [0, 1, 2, 3, 4]
    assert whole[:3] == first
    assert [dataclasses.asdict(outcome)["index"] for outcome in whole] == [0, 1, 2, 3, 4]
