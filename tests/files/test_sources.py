"""Each public entry takes each kind of source, and gives the same for all of them."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tiktoken
import tokenizers
import transformers

import tokkit
from tokkit.audit.diff.comparison import compare
from tokkit.audit.opening import open_subject
from tokkit.bytelm.token_models.tokenizer_option import given_tokenizer
from tokkit.errors import ArgumentError, FormatError
from tokkit.files import hub, packaged, sources

TEXT = "the cat sat on the mat, the cat ate the rat; that is that.\n"
PATTERN = r"\p{L}+| ?[^\p{L}]+"
CORPORA = {"a": TEXT.encode() * 50, "b": b"lorem ipsum dolor sit amet, consetetur\n" * 50}


@pytest.fixture(scope="module")
def trained() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=280,
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([TEXT * 20], trainer)
    return tokenizer


@pytest.fixture
def folder(tmp_path: Path, trained: tokenizers.Tokenizer) -> Path:
    """A folder with a tokenizer, as a repository of a hub has it."""
    path = tmp_path / "repository"
    path.mkdir()
    trained.save(str(path / "tokenizer.json"))
    return path


def of_path(folder: Path, _: pytest.MonkeyPatch) -> Any:
    return folder / "tokenizer.json"


def of_text(folder: Path, _: pytest.MonkeyPatch) -> Any:
    return str(folder / "tokenizer.json")


def of_folder(folder: Path, _: pytest.MonkeyPatch) -> Any:
    return folder


def of_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An id whose files lie in the local cache."""
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(folder))
    return "somebody/something"


def of_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A packaged model: here its file is the tokenizer's alone."""
    monkeypatch.setattr(sources, "find_packaged", lambda _: folder / "tokenizer.json")
    return "smollm2"


def of_tokenizers(folder: Path, _: pytest.MonkeyPatch) -> Any:
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


def of_transformers(folder: Path, _: pytest.MonkeyPatch) -> Any:
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))


def of_tokkit(folder: Path, _: pytest.MonkeyPatch) -> Any:
    return tokkit.load_tokenizer(folder)


KINDS = (
    *(of_path, of_text, of_folder, of_hub, of_package),
    *(of_tokenizers, of_transformers, of_tokkit),
)


def _audited(source: Any) -> list[Any]:
    options = tokkit.AuditOptions(reference=False)
    report = tokkit.audit_tokenizer(source, options=options, name="it")
    return [fact for section in report.sections for fact in section.facts]


def _inherited(source: Any) -> Any:
    return tokkit.infer_mixture(source, CORPORA, inherits=[source]).proportions


Entry = Callable[[Any], Any]
QUICK: tuple[Entry, ...] = (
    lambda source: tokkit.load_tokenizer(source).encode(TEXT),
    lambda source: given_tokenizer(source).encode(TEXT),
    lambda source: open_subject(source)[0].tokenizer.encode(TEXT),
    _inherited,
)
LONG: tuple[Entry, ...] = (
    _audited,
    lambda source: compare(source, source, names=("a", "b")).to_json(),
    lambda source: tokkit.infer_mixture(source, CORPORA).proportions,
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "entry", [*QUICK, *(pytest.param(entry, marks=pytest.mark.slow) for entry in LONG)]
)
def test_every_entry_takes_every_kind_of_source(
    entry: Entry, kind: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = entry(folder / "tokenizer.json")
    assert entry(kind(folder, monkeypatch)) == expected


def test_objects_of_sentencepiece_and_tiktoken_are_read() -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([TEXT] * 20), model_writer=model, vocab_size=30,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    assert tokkit.load_tokenizer(processor).encode(TEXT.strip()) == processor.encode(TEXT.strip())
    ranks = {bytes([b]): b for b in range(256)} | {b"th": 256, b"the": 257, b"at": 258}
    encoding = tiktoken.Encoding(
        "mine", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<end>": 259}
    )
    loaded = tokkit.load_tokenizer(encoding)
    assert loaded.encode(TEXT) == encoding.encode(TEXT)
    assert loaded.encode("the<end>", specials=True) == encoding.encode(
        "the<end>", allowed_special="all"
    )
    assert loaded.name == "mine"


def test_a_name_is_a_packaged_model_before_it_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smollm2").mkdir()
    assert sources.meaning_of("smollm2") == "packaged"
    assert sources.meaning_of("./smollm2") == "path"
    assert sources.meaning_of("a/b") == "hub"


def test_nothing_is_fetched_without_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked: list[bool] = []

    def fetch(_: str, *, allow_patterns: list[str], local_files_only: bool) -> str:
        asked.append(local_files_only)
        if local_files_only:
            raise FileNotFoundError("not in the cache")
        shutil.copytree(tmp_path / "remote", tmp_path / "cache", dirs_exist_ok=True)
        return str(tmp_path / "cache")

    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / "a.tiktoken").write_bytes(
        b"".join(base64.b64encode(bytes([b])) + b" %d\n" % b for b in range(256))
    )
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    monkeypatch.setattr(hub, "is_cached", lambda _: False)
    with pytest.raises(FormatError, match="pass allow_download=True"):
        tokkit.load_tokenizer("some/body", pattern=PATTERN)
    loaded = tokkit.load_tokenizer("some/body", pattern=PATTERN, allow_download=True)
    assert (asked, loaded.encode("a")) == ([True, False], [97])
    with pytest.raises(FormatError, match="--download fetches it"):
        sources.check_source("no/body")
    sources.check_source("no/body", allow_download=True)


def test_what_is_no_source_is_refused_with_what_may_be_one(folder: Path) -> None:
    with pytest.raises(ArgumentError, match="pass a name, a path or a hub id"):
        tokkit.load_tokenizer(7)
    with pytest.raises(ArgumentError, match="source is empty"):
        tokkit.load_tokenizer("")
    with pytest.raises(FormatError, match="no packaged model .*smollm2"):
        tokkit.load_tokenizer("smolm2")
    with pytest.raises(ArgumentError, match="is loaded already and has its own"):
        tokkit.load_tokenizer(of_tokenizers(folder, pytest.MonkeyPatch()), format="hf")
    assert json.loads((folder / "tokenizer.json").read_text())["model"]["type"] == "BPE"
    assert set(packaged.PACKAGED) == {"smollm2", "gemma3"}
