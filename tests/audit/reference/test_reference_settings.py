"""The library that a file belongs to is asked for the encoding of a text, and nothing else of it.

A file can leave on what is not of the text (padding, truncation, tokens around it), and a rank file
leaves out what its makers' code does before (NFC). Neither is a disagreement.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import BertWordPieceTokenizer

import tokkit
from tests.audit.safety.tokenizer_files import added, document, write
from tokkit.audit.costs import examine as examine_text
from tokkit.audit.costs.samples import shipped_parallel_text
from tokkit.audit.reference.own_library import NoReference, Reference, try_reference
from tokkit.audit.safety import examine
from tokkit.audit.safety.unusual_input import find_disagreement
from tokkit.audit.subject import Subject
from tokkit.text.formats.tiktoken import RankFileOptions, read_tiktoken
from tokkit.text.normalizers import library_normalizer
from tokkit.text.tokenizer import TextTokenizer

CONTROL = [added(257, "<|im_start|>"), added(258, "<|fim|>", special=False), added(259, "<s>")]
PAD: dict[str, Any] = {
    "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
    "pad_token": "<s>",
}  # fmt: skip
CUT: dict[str, Any] = {"max_length": 3, "stride": 0, "direction": "Right"}
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [259], "tokens": ["<s>"]}},
}
SETTINGS: dict[str, dict[str, object]] = {
    "padding to a length": {"padding": {"strategy": {"Fixed": 24}, **PAD}},
    "padding to the longest": {"padding": {"strategy": "BatchLongest", **PAD}},
    "padding at the left": {
        "padding": {"strategy": {"Fixed": 24}, **PAD, "direction": "Left"}
    },
    "truncation": {"truncation": {"strategy": "LongestFirst", **CUT}},
    "truncation at the left": {
        "truncation": {"strategy": "LongestFirst", **CUT, "direction": "Left"}
    },
    "truncation of the second": {"truncation": {"strategy": "OnlySecond", **CUT}},
    "a template": {"post_processor": TEMPLATE},
    "all of them": {
        "padding": {"strategy": {"Fixed": 24}, **PAD},
        "truncation": {"strategy": "OnlySecond", **CUT},
        "post_processor": TEMPLATE,
    },
}  # fmt: skip


def opened(subject: Subject) -> Reference:
    found = try_reference(subject)
    assert isinstance(found, Reference), found
    return found


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_file_leaves_on_is_no_disagreement(setting: str, tmp_path: Path) -> None:
    path = write(tmp_path, document(added_tokens=CONTROL) | SETTINGS[setting])
    subject = Subject(tokkit.load_tokenizer(path), path)
    with opened(subject) as reference:
        tokenizer = subject.text
        assert tokenizer is not None
        assert find_disagreement(tokenizer, reference) == []
        assert reference.encode_by_default(["ab<s>"]) == [[256, 259]]


def rank_subject(folder: Path) -> Subject:
    """A small rank file whose makers normalise to NFC, as Qwen's do."""
    pytest.importorskip("tiktoken")
    tokens = [bytes([byte]) for byte in range(256)] + ["é".encode(), b"ab"]
    lines = [f"{base64.b64encode(token).decode()} {rank}" for rank, token in enumerate(tokens)]
    path = folder / "small.tiktoken"
    path.write_text("\n".join(lines) + "\n")
    options = RankFileOptions(pattern=r"\p{L}+|\P{L}+", special_tokens={"<s>": 258})
    spec = read_tiktoken(path.read_bytes(), "small", options=options)
    return Subject(TextTokenizer(replace(spec, normalizer=library_normalizer("NFC"))), path)


def test_a_rank_file_is_normalised_as_its_makers_do(tmp_path: Path) -> None:
    subject = rank_subject(tmp_path)
    with opened(subject) as reference:
        assert subject.text is not None
        assert reference.encode_batch(["e\u0301"]) == [[256]]
        assert find_disagreement(subject.text, reference) == []


def control_findings(subject: Subject, reference: Reference | NoReference) -> list[tuple[str, Any]]:
    part = examine(subject, reference=reference, growth=())
    rules = ("special-token-unmarked", "special-token-ordinary")
    return [(each.rule, each.tokens) for each in part.findings if each.rule in rules]


def test_what_a_file_says_of_control_tokens_needs_no_library(tmp_path: Path) -> None:
    path = write(tmp_path, document(added_tokens=CONTROL))
    marked = Subject(tokkit.load_tokenizer(path), path)
    for subject, rules in (
        (marked, {"special-token-unmarked", "special-token-ordinary"}),
        (rank_subject(tmp_path), set[str]()),
    ):
        with opened(subject) as reference:
            told = control_findings(subject, reference)
        assert told == control_findings(subject, NoReference("the package is not installed"))
        assert {rule for rule, _ in told} == rules


class Unwilling:
    """A library that raises an error on every text with a digit, and doubles the rest or not."""

    name = "unwilling"

    def __init__(self, tokenizer: TextTokenizer, times: int = 1) -> None:
        self._tokenizer, self._times = tokenizer, times

    def encode_each(self, texts: list[str]) -> list[list[int] | None]:
        return [
            None if any(map(str.isdigit, text)) else self._tokenizer.encode(text) * self._times
            for text in texts
        ]


def test_each_probe_is_judged_by_itself(tmp_path: Path) -> None:
    tokenizer = tokkit.load_tokenizer(write(tmp_path, document()))
    willing: Any = Unwilling(tokenizer)
    (refused,) = find_disagreement(tokenizer, willing)
    assert (refused.rule, refused.severity.value) == ("reference-fails", "warning")
    assert refused.witnesses[0].data.isdigit()
    doubling: Any = Unwilling(tokenizer, times=2)
    other, again = find_disagreement(tokenizer, doubling)
    assert (other.rule, again.count) == ("reference-disagrees", refused.count)


@pytest.mark.parametrize("missing", ["X", pytest.param("e", marks=pytest.mark.slow)])
def test_a_character_that_the_vocabulary_lacks_ends_no_audit(missing: str, tmp_path: Path) -> None:
    articles = ".".join(shipped_parallel_text().texts["eng"]).split(".")
    texts = ["a next", *(text.strip() for text in articles if text.strip())]
    training = [*texts * 20, *(text.upper() for text in texts)]
    pieces = BertWordPieceTokenizer(lowercase=False, clean_text=False)
    pieces.train_from_iterator(
        [text.replace(missing, "") for text in training], vocab_size=700, show_progress=False
    )
    pieces.save(str(tmp_path / "tokenizer.json"))
    subject = Subject(tokkit.load_tokenizer(tmp_path / "tokenizer.json"))
    part = examine_text(subject, texts={"eng": texts})
    if missing == "X":  # the shortest text has no encoding in capitals, so it is no witness
        (costly,) = [finding for finding in part.findings if finding.rule == "costly-capitals"]
        assert all(b"NEXT" not in witness.data for witness in costly.witnesses)
