"""The lists of what is read, in the documentation, are those of the code, and leave nothing out."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("sentencepiece")

from tokenizers import models, normalizers, pre_tokenizers, processors

from scripts import make_tokenizer_lists
from scripts.make_tokenizer_lists import (
    MODELS,
    NORMALIZERS,
    PAGE,
    PATTERNS,
    PRETOKENIZERS,
    PROCESSORS,
    pretokenizer_table,
    with_lists,
)


def test_the_page_has_the_lists_of_today() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_lists(page) == page, "run scripts/make_tokenizer_lists.py"


def test_no_construct_of_patterns_is_listed_twice() -> None:
    names = ", ".join(PATTERNS).split(", ")
    assert len(names) == len(set(names)) > 10


@pytest.mark.parametrize(
    ("module", "base", "probes"),
    [
        (normalizers, "Normalizer", NORMALIZERS),
        (pre_tokenizers, "PreTokenizer", {**PRETOKENIZERS, "": {"type": "Sequence"}}),
        (models, "Model", MODELS),
        (processors, "PostProcessor", PROCESSORS),
    ],
)
def test_every_kind_that_the_library_has_is_asked_about(module, base, probes) -> None:
    kinds = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, getattr(module, base)) and name != base
    ]
    assert kinds
    asked = json.dumps(list(probes.values()))
    assert not [kind for kind in kinds if f'"type": "{kind}"' not in asked]


def test_what_becomes_refused_changes_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pretokenizer_table()
    monkeypatch.setitem(PRETOKENIZERS, "`Digits`", {"type": "Mystery"})
    assert "| `Digits` | refused | refused | refused |" in pretokenizer_table()
    assert "| `Digits` | read | read |" in table
    assert make_tokenizer_lists.refusal(lambda: None) == ""
