"""What cannot be audited as the options ask is told before the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.toy_subjects import byte_tokenizer, write_bpe
from tokkit.audit import auditing
from tokkit.audit.options import AuditOptions
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
