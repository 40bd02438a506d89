"""Witnesses in the reference: that it confirms, refutes, refuses or dies is told as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import tokkit
from tests.audit.toy_subjects import byte_tokenizer, write_bpe
from tests.real.references import FOLDER
from tokkit.audit.reference.own_library import Reference, try_reference
from tokkit.audit.subject import Subject
from tokkit.audit.vocabulary import examine
from tokkit.audit.vocabulary.reach.reachability import ReachabilityJudge
from tokkit.audit.vocabulary.verification import MAX_FAILURES, verify_witnesses
from tokkit.errors import SandboxError
from tokkit.text.tokenizer import TextTokenizer

N_WITNESSES = 256 - 13  # bytes that valid text holds


class ScriptedReference(Reference):
    """Encodes as `tokenizer` does, after `before` has had its say on a batch."""

    def __init__(
        self, tokenizer: TextTokenizer, before: Callable[[Sequence[str]], object] = len
    ) -> None:
        self.name, self.version, self.unmarked_controls = "scripted", "1", ()
        self.n_calls = 0
        self._tokenizer = tokenizer
        self._before = before

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        self.n_calls += 1
        self._before(texts)
        return self._tokenizer.encode_batch(texts)


class WithoutLetter(ScriptedReference):
    """Gives a question mark for every "a"."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return super().encode_batch([text.replace("a", "?") for text in texts])


def test_a_reference_that_agrees_confirms_every_witness():
    tokenizer = byte_tokenizer()
    part = examine(Subject(tokenizer), reference=ScriptedReference(tokenizer))
    facts = {fact.key: fact for fact in part.section.facts}
    assert facts["verified_tokens"].value == facts["reachable_tokens"].value == N_WITNESSES
    assert facts["verified_tokens"].label == "Confirmed by scripted 1"
    assert "unverified_tokens" not in facts
    assert part.section.summary.endswith("a text that produces it, in scripted 1 as well.")


def test_a_token_that_the_reference_does_not_produce_is_refuted():
    tokenizer = byte_tokenizer()
    part = examine(Subject(tokenizer), reference=WithoutLetter(tokenizer))
    finding = next(finding for finding in part.findings if finding.rule == "witness-refuted")
    assert finding.tokens == (ord("a"),)
    assert finding.witnesses[0].data == b"a"
    assert finding.witnesses[0].ids == (ord("a"),)
    assert finding.witnesses[0].note == f"scripted 1 gives [{ord('?')}], without {ord('a')}"
    assert "scripted 1 does not produce 1 of them" in part.section.summary


def test_a_text_that_the_reference_refuses_costs_only_its_own_token():
    def refuse(texts: Sequence[str]) -> None:
        if any("a" in text for text in texts):
            raise SandboxError("encode: no", "refused")

    tokenizer = byte_tokenizer()
    verdicts = ReachabilityJudge(tokenizer).judge_all()
    found = verify_witnesses(verdicts, ScriptedReference(tokenizer, refuse))
    assert found.failing == [ord("a")]
    assert found.n_verified == N_WITNESSES - 1
    assert found.n_untried == 0
    assert not found.refuted


def test_a_reference_that_always_dies_is_left_alone_and_the_section_says_so():
    def die(texts: Sequence[str]) -> None:
        raise SandboxError(f"encode: killed at {len(texts)} texts", "died")

    tokenizer = byte_tokenizer()
    reference = ScriptedReference(tokenizer, die)
    part = examine(Subject(tokenizer), reference=reference)
    assert reference.n_calls == MAX_FAILURES
    facts = {fact.key: fact for fact in part.section.facts}
    assert facts["verified_tokens"].value == 0
    assert facts["unverified_tokens"].value == N_WITNESSES
    assert f"scripted 1 confirms all but {N_WITNESSES}, where it dies" in part.section.summary
    assert not any(finding.rule == "witness-refuted" for finding in part.findings)


def verify_file(path: Path):
    subject = Subject(tokkit.load_tokenizer(path), path)
    assert subject.text is not None
    verdicts = ReachabilityJudge(subject.text).judge_all()
    found = try_reference(subject)
    if not isinstance(found, Reference):
        pytest.skip(found.reason)
    with found:
        return verdicts, verify_witnesses(verdicts, found)


def test_the_library_that_trained_a_vocabulary_confirms_every_witness(tmp_path: Path):
    verdicts, found = verify_file(write_bpe(tmp_path / "tokenizer.json"))
    assert found.library.startswith("tokenizers ")
    assert found.n_verified == sum(v.witness is not None for v in verdicts) > 250


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n_unreachable"),
    [
        ("gemma3/tokenizer.json", 129),
        ("mistral/tekken_240911.json", 14),
        ("tiktoken/cl100k_base.tiktoken", 13),
        pytest.param("llama3/tokenizer.json", 14, marks=pytest.mark.sweep),
        pytest.param("qwen3/tokenizer.json", 1932, marks=pytest.mark.sweep),
        pytest.param("deepseek_v3/tokenizer.json", 13, marks=pytest.mark.sweep),
        pytest.param("mistral/tokenizer.model.v1", 140, marks=pytest.mark.sweep),
        pytest.param("tiktoken/o200k_base.tiktoken", 14, marks=pytest.mark.sweep),
    ],
)
def test_every_witness_of_a_real_vocabulary_is_confirmed(name: str, n_unreachable: int):
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not fetched; see benchmarks/fetch/real_tokenizers.py")
    verdicts, found = verify_file(path)
    statuses = [str(verdict.status) for verdict in verdicts]
    assert "undetermined" not in statuses
    assert not found.refuted
    assert found.n_verified == found.n_witnesses
    assert statuses.count("unreachable") == n_unreachable
