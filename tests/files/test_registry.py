"""A saved folder names its kind, and is opened by the class of that kind, wherever that lives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import pytest

import tokkit
from tests.bytelm.random_bytes import RandomBytes
from tests.text.tokenizer_json import BYTES, document, ours
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.registry import CLASSES, MANIFEST, open_saved, write_kind
from tokkit.tokenizer import Modality, Tokenizer


class Bits(Tokenizer[str]):
    """A tokenizer of another modality, from a layer that `tokkit.text` knows nothing of."""

    @property
    def modality(self) -> Modality:
        return "graph"

    @property
    def vocab_size(self) -> int:
        return 2

    def encode(self, x: str, /, *, budget: int | None = None, context: None = None) -> list[int]:
        return [int(bit) for bit in x]

    def decode(self, ids: Any, *, seed: int | None = None) -> str:
        return "".join(map(str, ids))

    def save(self, folder: Any) -> None:
        write_kind(Path(folder), "bits")

    @classmethod
    def load(cls, folder: Any) -> Self:
        return cls()


class SavedLM(RandomBytes):
    """A model of bytes that loads with an option."""

    @classmethod
    def load(cls, folder: Any, *, seed: int = 0) -> Self:
        return cls(seed)


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLASSES, "bits", f"{__name__}:Bits")
    monkeypatch.setitem(CLASSES, "lm", f"{__name__}:SavedLM")


def test_every_kind_is_a_class_that_saves_and_loads() -> None:
    for path in CLASSES.values():
        module, _, name = path.partition(":")
        saved = getattr(__import__(module, fromlist=[name]), name)
        assert callable(saved.load)


def test_load_tokenizer_opens_any_kind_of_tokenizer(tmp_path: Path) -> None:
    Bits().save(tmp_path)
    tokenizer = tokkit.load_tokenizer(tmp_path)
    assert tokenizer.encode("101") == [1, 0, 1]


def test_load_lm_opens_a_saved_model_with_its_options(tmp_path: Path) -> None:
    write_kind(tmp_path, "lm")
    given, default = tokkit.load_lm(tmp_path, seed=3), tokkit.load_lm(tmp_path)
    assert given.logprob(b"ab") == RandomBytes(3).logprob(b"ab") != default.logprob(b"ab")


@pytest.mark.parametrize("option", [{"encodings": "all"}, {"tolerance": 0.1}, {"tolerance": 2}])
def test_options_that_a_saved_model_would_not_heed_are_refused(
    tmp_path: Path, option: dict[str, Any]
) -> None:
    write_kind(tmp_path, "lm")
    with pytest.raises(ArgumentError, match=next(iter(option))):
        tokkit.load_lm(tmp_path, **option)


def test_a_folder_of_another_role_is_refused(tmp_path: Path) -> None:
    Bits().save(tmp_path)
    with pytest.raises(FormatError, match="holds a bits; expected a language model"):
        tokkit.load_lm(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"kind": 5}', '{"kind": "new"}', '{"kind": "bits", "kind": ""}']
)
def test_a_damaged_or_unknown_kind_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(FormatError):
        tokkit.load_tokenizer(tmp_path)


@pytest.mark.parametrize("source", ["smollm2", Path("nowhere"), 5, None, ("a", "b")])
def test_what_is_no_saved_folder_is_left_to_others(source: Any) -> None:
    assert open_saved(source, Tokenizer, "a tokenizer") is None


def test_a_saved_text_tokenizer_names_its_kind(tmp_path: Path) -> None:
    tokenizer = ours(document(BYTES))
    tokenizer.save(tmp_path)
    assert json.loads((tmp_path / MANIFEST).read_text()) == {"kind": "text-tokenizer"}
    assert tokkit.load_tokenizer(tmp_path).spec.token_bytes == tokenizer.spec.token_bytes
