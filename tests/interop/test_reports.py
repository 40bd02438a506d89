"""Results and reports cross processes, say what they are, and show themselves in notebooks."""

from __future__ import annotations

import copy
import html
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import tokkit
from tests.audit.toy_subjects import byte_tokenizer, write_bpe
from tests.bytelm.toy_models import ab_lm
from tokkit.audit.diff.comparison import compare

TEXTS = ["ab ab ab", "abba", "", "é ab"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> tokkit.TextTokenizer:
    return tokkit.load_tokenizer(write_bpe(tmp_path_factory.mktemp("bpe") / "tokenizer.json"))


def _twins(value: Any) -> list[Any]:
    return [pickle.loads(pickle.dumps(value)), copy.deepcopy(value)]  # noqa: S301


def test_tokenizers_and_their_specs_are_pickled(tokenizer: tokkit.TextTokenizer) -> None:
    for twin in _twins(tokenizer):
        assert [twin.encode(text) for text in TEXTS] == [tokenizer.encode(t) for t in TEXTS]
    for twin in _twins(tokenizer.spec):
        assert tokkit.TextTokenizer(twin).fingerprint == tokenizer.fingerprint


def test_merged_batches_are_pickled(tokenizer: tokkit.TextTokenizer) -> None:
    batch = tokkit.merge_batch([tokenizer.encode(t) for t in TEXTS], tokenizer=tokenizer)
    for twin in _twins(batch):
        assert twin.to_dict() == batch.to_dict()
        assert repr(twin) == repr(batch)


def test_scores_are_pickled() -> None:
    report = tokkit.score([ab_lm("a", "abab"), ab_lm("b", "bba")], ["ab", "ba"])
    for twin in _twins(report):
        assert twin.bits_per_byte == report.bits_per_byte


@pytest.mark.slow
def test_audits_and_diffs_are_pickled(tokenizer: tokkit.TextTokenizer) -> None:
    audit = tokkit.audit_tokenizer(tokenizer)
    for twin in _twins(audit):
        assert twin.to_dict() == audit.to_dict()
    diff = compare(byte_tokenizer(), tokenizer)
    for twin in _twins(diff):
        assert twin.to_dict() == diff.to_dict()
    assert repr(audit).startswith("AuditReport(")
    assert repr(diff).startswith("TokenizerDiff('bytes' -> ")


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(tokenizer: tokkit.TextTokenizer) -> None:
    batch = tokkit.merge_batch([tokenizer.encode(t) for t in TEXTS], tokenizer=tokenizer)
    shown = batch._repr_html_()
    assert shown.startswith("<iframe ")
    assert "allow-same-origin" not in shown
    inner = shown.partition('srcdoc="')[2].partition('"')[0]
    assert html.unescape(inner) == batch.to_html()


@pytest.mark.slow
def test_a_spawned_pool_counts_tokens(tokenizer: tokkit.TextTokenizer) -> None:
    count: Callable[[str], int] = tokenizer.count
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(count, TEXTS) == [len(tokenizer.encode(text)) for text in TEXTS]
