"""The fuzzer of SentencePiece's options: what it draws agrees with the library, and is mostly read.

`TOKKIT_FUZZ_SENTENCEPIECE` sets how many models the slow part draws.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

pytest.importorskip("sentencepiece")
from tests.fuzz import sentencepiece_options
from tests.fuzz.draw_sentencepiece import UnloadableError, draw_case
from tests.fuzz.tokenizer_json import DIFFERS, UNLOADABLE, Outcome
from tokkit.text.tokenizer import TextTokenizer

QUICK = 10
SLOW = int(os.environ.get("TOKKIT_FUZZ_SENTENCEPIECE", "250"))
MIN_READ = 0.8


def assert_equal(outcomes: list[Outcome]) -> None:
    """No model differs; refusals are in the message."""
    text = sentencepiece_options.summary(outcomes)
    assert not [outcome for outcome in outcomes if outcome.status == DIFFERS], text


def test_drawn_models_encode_as_the_library_does() -> None:
    assert_equal(sentencepiece_options.run(0, range(QUICK)))


@pytest.mark.slow
def test_many_drawn_models_encode_as_the_library_does() -> None:
    outcomes = sentencepiece_options.run(1, range(SLOW))
    assert_equal(outcomes)
    counts = Counter(outcome.status for outcome in outcomes)
    handled = len(outcomes) - counts[UNLOADABLE]
    read = handled - counts["refused"]
    assert read >= MIN_READ * handled, sentencepiece_options.summary(outcomes)


def test_a_fault_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    right = TextTokenizer.normalize
    monkeypatch.setattr(TextTokenizer, "normalize", lambda self, text: right(self, text).lower())
    outcomes = sentencepiece_options.run(0, range(3))
    found = next(outcome for outcome in outcomes if outcome.status == DIFFERS)
    assert found.example is not None
    assert len(found.example["text"]) <= 5
    assert found.reason in sentencepiece_options.summary(outcomes)


def test_draws_reach_every_option() -> None:
    seen: set[tuple[str, object]] = set()
    for index in range(60):
        try:
            options = draw_case(2, index, n_texts=1).options
        except UnloadableError:
            continue
        seen |= {(name, value) for name, value in options.items() if isinstance(value, str | bool)}
        seen |= {("symbols", bool(options["symbols"]))}
    flags = ("byte_fallback", "suffix", "unescaped", "add_dummy_prefix", "trained", "symbols")
    assert {(flag, on) for flag in flags for on in (False, True)} <= seen
    assert {("model_type", kind) for kind in ("unigram", "bpe", "word", "char")} <= seen
    assert {("rule", rule) for rule in ("nmt_nfkc", "nfkc", "nmt_nfkc_cf", "identity")} <= seen
