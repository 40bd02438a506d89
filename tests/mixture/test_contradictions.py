"""A share that the merges rule out is found, and one that they allow is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import tokkit
from tests.mixture.toy_mixture import SHARES, train, write_text
from tokkit.mixture.contradictions import CONTRADICTED, contradictions
from tokkit.mixture.counting import count_texts
from tokkit.mixture.evidence import Evidence, gather_evidence
from tokkit.mixture.merge_list import merge_list
from tokkit.mixture.word_counts import make_table
from tokkit.mixture.words import WordSplitter

FOREIGN = "".join(map(chr, range(0x5D0, 0x5EA)))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Of the three languages of the toy, and of one in a script that it never saw."""
    tokenizer = tokkit.load_tokenizer(train(tmp_path_factory.mktemp("toy") / "tokenizer.json"))
    table = str.maketrans("абвгдеиклмнопрст", FOREIGN[:16])
    texts = [write_text(name, 400_000, seed=2) for name in SHARES]
    texts.append(write_text("east", 400_000, seed=3).translate(table))
    splitter = WordSplitter.of(tokenizer)
    counts = [count_texts(splitter, [text.encode()], 1 << 20).words for text in texts]
    return gather_evidence(make_table(counts), merge_list(tokenizer))


def test_true_shares_are_not_contradicted(evidence: Evidence) -> None:
    found = contradictions(evidence, np.array([*SHARES.values(), 0.0]))
    assert (found < 0.1).all()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_share_of_what_was_not_there_is_ruled_out(evidence: Evidence, share: float) -> None:
    weights = np.array([*SHARES.values(), 0.0]) * (1 - share)
    weights[3] = share
    found = contradictions(evidence, weights)
    assert found[3] > CONTRADICTED
    assert (found[:3] < 0.1).all()


def test_a_share_far_too_large_is_ruled_out(evidence: Evidence) -> None:
    found = contradictions(evidence, np.array([0.03, 0.02, 0.95, 0.0]))
    assert found[2] > CONTRADICTED


def test_merges_without_any_support_say_nothing(evidence: Evidence) -> None:
    empty = dataclasses.replace(evidence, merged=np.zeros_like(evidence.merged))
    assert contradictions(empty, np.full(4, 0.25)).tolist() == [0, 0, 0, 0]
