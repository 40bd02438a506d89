"""The safety part against the tokenizers' own libraries: each witness can be replayed."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("tokenizers")
import tokkit
from tests.audit.safety.tokenizer_files import added, document, model, write
from tests.audit.toy_subjects import byte_tokenizer
from tokkit.audit.reference.own_library import NoReference, Reference, try_reference
from tokkit.audit.rules import RULES
from tokkit.audit.safety import examine
from tokkit.audit.subject import Subject
from tokkit.errors import SandboxError


def open_reference(subject):
    found = try_reference(subject)
    return found if isinstance(found, Reference) else None


CONTROL = [
    added(257, "<|im_start|>"),
    added(258, "<|fim_prefix|>", special=False),
    added(259, "<s>"),
    added(260, "user"),
    added(270, "<|far|>"),
]


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("tokenizer"), document(added_tokens=CONTROL))
    return Subject(tokkit.load_tokenizer(path), path)


@pytest.fixture(scope="module")
def reference(subject):
    found = try_reference(subject)
    assert isinstance(found, Reference)
    with found:
        yield found


TEXTS = ["", "abab", "a<|im_start|>b", "<|fim_prefix|>", "naïve 日本\n\n  x", "<|far|>user<s>"]


def test_the_reference_gives_the_ids_that_the_file_declares(subject, reference):
    ids = reference.encode_batch(TEXTS)
    assert ids == subject.tokenizer.encode_batch(TEXTS)
    assert reference.decode_batch(ids) == TEXTS
    assert reference.decode_batch([[270, 256]]) == ["<|far|>ab"]
    assert reference.name == "tokenizers"


def test_the_plain_call_makes_control_tokens_of_text(reference):
    assert reference.encode_by_default(["a<|im_start|>", "<|far|>"]) == [[97, 257], [270]]


def test_control_tokens_that_the_file_does_not_mark_are_told(reference):
    assert reference.unmarked_controls == (258,)


def test_a_reference_that_was_stopped_answers_again(reference):
    with pytest.raises(SandboxError) as caught:
        reference.seconds_to_encode("a " * 4_000_000, limit=0.05)
    assert caught.value.reason == "timed out"
    assert reference.encode_batch(["ab"]) == [[256]]


def test_what_text_can_take_over_is_found(subject, reference):
    part = examine(subject, reference=reference, growth=())
    rules = {(finding.rule, str(finding.severity)): finding for finding in part.findings}
    assert rules["special-token-injection", "warning"].tokens == (257, 258, 259, 260, 270)
    assert rules["special-token-unmarked", "error"].tokens == (258,)
    assert rules["special-token-ordinary", "warning"].tokens == (260,)
    assert rules["special-token-ordinary", "note"].tokens == (259,)
    assert "reference-disagrees" not in {rule for rule, _ in rules}
    for finding in part.findings:
        assert finding.rule in RULES
        for witness in finding.witnesses:
            if witness.action == "encode_specials":
                ids = subject.tokenizer.encode(witness.data, specials=True)
                assert tuple(ids) == witness.ids


def test_a_library_with_other_ids_is_found_with_the_smallest_text(subject, tmp_path):
    other = document(added_tokens=CONTROL, model=model(merges=[]))
    with open_reference(Subject(subject.tokenizer, write(tmp_path, other))) as reference:  # pyright: ignore[reportOptionalContextManager]
        part = examine(subject, reference=reference, growth=())
    (finding,) = [one for one in part.findings if one.rule == "reference-disagrees"]
    assert finding.severity == "error"
    assert finding.witnesses[0].data == b"ab"
    assert finding.witnesses[0].ids == (256,)


def test_equal_audits_give_equal_parts(subject, reference):
    first, second = (examine(subject, reference=reference, growth=()) for _ in range(2))
    assert repr(first) == repr(second)


def test_no_part_tells_a_path(subject, reference):
    part = examine(subject, reference=reference, growth=())
    assert str(subject.path.parent) not in repr(part)


def test_without_a_file_there_is_no_reference_and_still_a_part():
    subject = Subject(byte_tokenizer())
    found = try_reference(subject)
    assert isinstance(found, NoReference)
    assert open_reference(subject) is None
    part = examine(subject, reference=found, growth=())
    assert part.findings == ()
    assert part.section.key == "safety"
    tables = {table.key: table for table in part.section.tables}
    comes_back = [row[3] for row in tables["unusual_input"].rows]
    assert comes_back == ["yes"] * (len(comes_back) - 1) + ["refused"]


def test_a_template_beside_the_file_is_examined_unless_one_is_given(subject):
    config = subject.path.parent / "tokenizer_config.json"
    config.write_text(json.dumps({"chat_template": "<|no_such|>{{ add_generation_prompt }}"}))
    try:
        beside = examine(subject, growth=()).findings
        given = examine(subject, growth=(), chat_template="{{ ''.__class__ }}").findings
    finally:
        config.unlink()
    assert "template-unknown-token" in {finding.rule for finding in beside}
    assert "template-unsafe" in {finding.rule for finding in given}
    assert "template-unknown-token" not in {finding.rule for finding in given}
