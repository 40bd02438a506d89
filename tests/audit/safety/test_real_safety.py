"""What the safety part finds in real tokenizers, against their own libraries."""

from __future__ import annotations

import pytest

import tokkit
from tests.real.references import FOLDER
from tokkit.audit.reference.own_library import Reference, try_reference
from tokkit.audit.safety import examine
from tokkit.audit.subject import Subject

pytestmark = pytest.mark.slow


def findings(name, *, growth=None):
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not fetched; see benchmarks/fetch/real_tokenizers.py")
    subject = Subject(tokkit.load_tokenizer(path), path)
    found = try_reference(subject)
    if not isinstance(found, Reference):
        pytest.skip(found.reason)
    with found:
        part = examine(subject, reference=found, growth=growth)
    return {finding.rule: finding for finding in part.findings}


def test_the_middle_tokens_of_qwen3_are_not_marked_as_special():
    found = findings("qwen3/tokenizer.json", growth=())
    assert found["special-token-unmarked"].tokens == tuple(range(151_659, 151_665))
    assert found["special-token-injection"].count == 20
    assert "reference-disagrees" not in found
    assert "round-trip-failure" not in found


def test_tiktoken_refuses_control_tokens_but_panics_on_a_megabyte_of_spaces():
    found = findings("tiktoken/o200k_base.tiktoken")
    assert "special-token-injection" not in found
    assert "spaces" in found["reference-fails"].message
    assert "superlinear-time" not in found


def test_sentencepiece_leaves_control_tokens_text():
    found = findings("mistral/tokenizer.model.v1", growth=())
    assert {finding.rule for finding in found.values()} == {"lossy-normalization"}
