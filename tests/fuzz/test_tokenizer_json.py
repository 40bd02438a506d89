"""The fuzzer of `tokenizer.json`: what it draws agrees with the reference, and it finds faults."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fuzz import tokenizer_json
from tests.fuzz.draw_tokenizer_json import Case, draw_case
from tests.fuzz.hf_reference import ReferenceFailureError
from tests.fuzz.shrink import shrink, shrink_text
from tests.fuzz.tokenizer_json import DIFFERS, PASSED, UNLOADABLE, Outcome
from tests.text.tokenizer_json import BYTE_LEVEL, BYTES, added, document
from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer import Encoding


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
    text = "".join(json.dumps(case.document) for case in drawn(1, 120))
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


def test_a_few_configurations_agree_with_the_library() -> None:
    assert_agreement(tokenizer_json.run(1, range(10), None))


@pytest.mark.slow
def test_of_many_configurations_most_are_read_and_few_differ() -> None:
    """What still differs is listed in docs/concepts/tokenizers.md."""
    outcomes = tokenizer_json.run(2, range(100), None, shrunk=False)
    counts = Counter(outcome.status for outcome in outcomes)
    handled = len(outcomes) - counts[UNLOADABLE]
    assert counts[PASSED] >= 0.7 * handled, tokenizer_json.summary(outcomes)
    assert counts[DIFFERS] <= 0.03 * handled, tokenizer_json.summary(outcomes)


def assert_agreement(outcomes: list[Outcome]) -> None:
    assert not [o for o in outcomes if o.status == DIFFERS], tokenizer_json.summary(outcomes)


def test_a_fault_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that swaps two tokens is caught, by a text of few characters."""
    right = TextTokenizer.encode_with_offsets

    def wrong(self: TextTokenizer, data: str, **options: Any) -> Encoding:
        found = right(self, data, **options)
        return Encoding(found.ids[::-1], found.starts[::-1], found.ends[::-1])

    normalizers = ({"type": "NFC"}, {"type": "Lowercase"})
    root = document(BYTES, added("<t>", 256), normalizers=normalizers, pretokenizers=(BYTE_LEVEL,))
    case = Case(root, ["", "a", "The sea <t>, éa"], [b"\xff"])
    monkeypatch.setattr(tokenizer_json, "draw_case", lambda seed, index: case)
    assert tokenizer_json.examine(0, 0).status == PASSED
    monkeypatch.setattr(TextTokenizer, "encode_with_offsets", wrong)
    outcome = tokenizer_json.examine(0, 0)
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
