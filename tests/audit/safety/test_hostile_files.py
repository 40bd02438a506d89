"""Hostile files are refused or found out within 5 s and 1 GB; no process but the sandbox's ends.

The set is that which makes `tokenizers` 0.23 panic, abort, hang or drop text, and crafted GGUF
headers. `tests/text/formats/test_malformed.py` has many more for tokkit's own readers; here they
are loaded under limits, and given to the library that their format belongs to.
"""

from __future__ import annotations

import base64
import contextlib
import struct

import pytest

pytest.importorskip("tokenizers")
import tokkit
from tests.audit.reference import sandbox_handlers
from tests.audit.safety.tokenizer_files import (
    ALPHABET,
    BYTE_LEVEL,
    added,
    document,
    model,
    split_by,
    write,
)
from tokkit.audit.reference.own_library import NoReference, Reference, try_reference
from tokkit.audit.reference.sandbox import Sandbox
from tokkit.audit.safety import examine
from tokkit.audit.safety.adversarial import text_families
from tokkit.audit.safety.growth import measure
from tokkit.audit.subject import Subject
from tokkit.errors import SandboxError


def _replace(old, new):
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def _gguf(value):
    key = b"tokenizer.ggml.tokens"
    header = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
    return header + struct.pack("<Q", len(key)) + key + value


GARBAGE = base64.b64encode(b"\xff" * 64).decode()
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ],
    "pair": [],
    "special_tokens": {},
}
HUGE = 2**62
FILES = {
    "merge longer than any key": document(model=model(merges=["a b", "ab ab"])),
    "garbage charsmap": document(
        normalizer={"type": "Precompiled", "precompiled_charsmap": GARBAGE}
    ),
    "five replaces that grow": document(
        normalizer={"type": "Sequence", "normalizers": [_replace("a", "a" * 50)] * 5}
    ),
    "fixed length of zero": document(pre_tokenizer={"type": "FixedLength", "length": 0}),
    "stride over the maximum": document(
        truncation={
            "max_length": 4, "stride": 8, "direction": "Right", "strategy": "LongestFirst"
        }
    ),
    "template special that is missing": document(post_processor=TEMPLATE),
    "byte fallback without bytes": document(
        pre_tokenizer=None, model=model(vocab={"a": 0}, merges=[], byte_fallback=True)
    ),
    "empty vocabulary": document(model=model(vocab={}, merges=[])),
    "ids twice": document(model=model(vocab=ALPHABET | {"ab": 7})),
    "id 4294967290": document(model=model(vocab=ALPHABET | {"ab": 4_294_967_290})),
    "added token at a taken id": document(added_tokens=[added(5, "<x>")]),
    "special token e": document(added_tokens=[added(ALPHABET["e"], "e")]),
    "nested 3,000 deep": b"[" * 3000 + b"]" * 3000,
    "GGUF array past the end": _gguf(struct.pack("<IIQ", 9, 6, HUGE)),
    "GGUF strings past the end": _gguf(struct.pack("<IIQ", 9, 8, HUGE) + b"\0" * 64),
    "GGUF string past the end": _gguf(struct.pack("<IQ", 8, HUGE)),
}  # fmt: skip


BACKTRACKING = split_by("(a+)+$")


@pytest.fixture(scope="module")
def limited():
    with Sandbox(sandbox_handlers.__name__, seconds=5, memory_bytes=1 << 30) as sandbox:
        # Starting the process and importing what it needs is no part of the five seconds.
        sandbox.call("echo", seconds=60, value=None)
        yield sandbox


@pytest.mark.parametrize("case", FILES)
def test_a_hostile_file_is_refused_with_a_typed_error_within_limits(limited, tmp_path, case):
    path = write(tmp_path, FILES[case])
    answer = limited.call("load", path=str(path))
    assert answer.get("error") in ("FormatError", "UnsupportedError")
    assert limited.generation == 1


def test_the_undamaged_file_is_loaded_within_limits(limited, tmp_path):
    answer = limited.call("load", path=str(write(tmp_path, document())))
    assert answer["ids"] == [ALPHABET["a"]] * 28 + [ALPHABET["!"]]


def test_a_pattern_that_backtracks_is_read_within_limits(limited, tmp_path):
    """An automaton has nothing to take back, where the library's engine panics."""
    answer = limited.call("load", path=str(write(tmp_path, BACKTRACKING)))
    assert answer["ids"] == [ALPHABET["a"]] * 28 + [ALPHABET["!"]]
    assert limited.generation == 1


KILLERS = (
    *("merge longer than any key", "garbage charsmap", "five replaces that grow"),
    *("pattern that backtracks", "stride over the maximum", "template special that is missing"),
    *("empty vocabulary", "id 4294967290", "nested 3,000 deep"),
)


@pytest.mark.parametrize("case", KILLERS)
def test_the_library_survives_or_fails_apart(tmp_path, case):
    """Its library may panic, abort or run out of memory over the file; we get a typed error."""
    good = write(tmp_path, document())
    hostile = FILES | {"pattern that backtracks": BACKTRACKING}
    subject = Subject(tokkit.load_tokenizer(good), write(tmp_path, hostile[case]))
    found = try_reference(subject, seconds=20, memory_bytes=1 << 30)
    if isinstance(found, NoReference):
        assert found.reason
        return
    with found, contextlib.suppress(SandboxError):
        assert len(found.encode_batch(["a" * 28 + "!"])) == 1


def test_a_pattern_that_backtracks_is_a_finding_about_the_library_only(tmp_path):
    path = write(tmp_path, split_by("(a+)+b"))
    subject = Subject(tokkit.load_tokenizer(path), path)
    tokenizer = tokkit.load_tokenizer(path)
    assert len(tokenizer.encode("a" * 32)) == 32
    family = next(f for f in text_families(tokenizer.spec) if f.name == "one letter")
    found = try_reference(subject, seconds=20)
    assert isinstance(found, Reference)

    def seconds_of(text, repeats):
        return found.seconds_to_encode(text, repeats=repeats, limit=2.0)

    with found:
        curve = measure(family, found.name, seconds_of)
        assert found.encode_batch(["ab"]) == [[256]]
    assert curve.verdict in ("failed", "timed out")
    assert curve.failed_size <= 64
    part = examine(subject, growth=(curve,))
    (finding,) = [f for f in part.findings if f.rule in ("reference-fails", "superlinear-time")]
    assert finding.severity == "error"
    assert finding.witnesses[0].data == b"a" * curve.failed_size


def test_a_file_that_only_we_read_is_a_finding(tmp_path):
    incomplete = document()
    incomplete["pre_tokenizer"] = {k: v for k, v in BYTE_LEVEL.items() if k != "trim_offsets"}
    path = write(tmp_path, incomplete)
    subject = Subject(tokkit.load_tokenizer(path), path)
    found = try_reference(subject)
    assert isinstance(found, NoReference)
    assert found.failure == "refused"
    part = examine(subject, reference=found, growth=())
    (finding,) = [one for one in part.findings if one.rule == "reference-fails"]
    assert "trim_offsets" in finding.message
