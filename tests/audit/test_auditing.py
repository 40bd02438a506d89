"""What cannot be audited as the options ask is told before the work."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.toy_subjects import byte_tokenizer, write_bpe
from tokkit.audit import auditing
from tokkit.audit.options import AuditOptions
from tokkit.audit.outputs.terminal import report_text
from tokkit.errors import TokkitError

WRONG: dict[str, Callable[[Path], dict[str, Any]]] = {
    "no weights": lambda path: {"embeddings": path},
    "no such weights": lambda path: {"embeddings": path.with_name("none.safetensors")},
    "one category": lambda path: {"corpora": {"a": b"a"}},
    "not a tokenizer": lambda path: {
        "corpora": {"a": b"a", "b": b"b"},
        "inherits": [path.parent / "text"],
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_options_that_cannot_be_are_told_before_the_work(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: Any) -> Any:
        raise AssertionError("the work has begun")

    monkeypatch.setattr(auditing, "_parts", work)
    path = write_bpe(tmp_path / "tokenizer.json")
    (tmp_path / "text").write_text("no tokenizer")
    with pytest.raises(AssertionError, match="the work has begun"):
        auditing.audit(path, options=AuditOptions())
    with pytest.raises(TokkitError):
        auditing.audit(path, options=AuditOptions(**WRONG[case](path)))


def test_merges_are_needed_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    options = AuditOptions(corpora={"a": b"a", "b": b"b"})
    monkeypatch.setattr(auditing, "_parts", lambda *_: pytest.fail("the work has begun"))
    with pytest.raises(TokkitError, match="only BPE"):
        auditing.audit(byte_tokenizer(), options=options)


TINY: dict[str, dict[str, Any]] = {
    "nothing but an unknown token": {"type": "WordLevel", "vocab": {"<unk>": 0}},
    "one token": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
    "three ids": {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}},
}


@pytest.mark.parametrize(("case", "n_specials"), [*zip(TINY, (0, 1, 1), strict=True)])
def test_sentences_on_tiny_vocabularies_count_as_people_do(
    case: str, n_specials: int, tmp_path: Path
) -> None:
    model = TINY[case] | ({"unk_token": "<unk>"} if TINY[case]["type"] == "WordLevel" else {})
    special = {"content": "<s>", "special": True, "normalized": False}
    special |= dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    added = [special | {"id": len(model["vocab"])}][:n_specials]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": model, "added_tokens": added}))
    texts = {"eng": ["a b", "b"], "deu": ["a", "b"]}
    report = auditing.audit(path, options=AuditOptions(reference=False, texts=texts))
    text = report_text(report)
    assert f"{len(model['vocab']) + n_specials} id" in text.splitlines()[0]
    for told in (text, report.to_html().partition("<script")[0]):
        assert not re.search(r"(?<![.,\d])1 (?:<[^>]*>)*(?:\w+ )?(?:tokens|ids|bytes)\b", told)
        assert not re.search(r"Every has|cut not at all|\(-0\b|(German) .* \1 ", told)
        assert not re.search(r"\b(?:nan|inf)\b", told)
