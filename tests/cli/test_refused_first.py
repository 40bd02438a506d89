"""What can be judged before anything is opened, loaded or fetched is judged then."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import tokkit
from tests.audit.toy_subjects import write_two_releases
from tokkit.cli import main
from tokkit.cli.registry import ENTRIES
from tokkit.files.registry import write_kind

LINES = [
    # a text that is not there, or says nothing
    ("complete smollm2", "no text"),
    ("ensemble smollm2 gemma3", "no text"),
    ("score smollm2", "no text"),
    ("score smollm2 empty", "the text is empty"),
    ("tokenize one.json", "no text"),
    ("compare one.json three.json", "no text"),
    ("compare smollm2 gemma3 one.json", "no text"),
    ("compare one.json empty", "no text"),
    ("compare one.json no-texts", "no text"),
    ("diff one.json three.json --file empty", "no text"),
    ("merge one.json empty", "no text"),
    ("transfer smollm2 one.json --out new --text-file empty", "is empty"),
    ("train byte empty --into new", "the text is empty"),
    # what stands at the wrong place
    ("compare text one.json", "tokenizers come first"),
    ("compare one.json text three.json smollm2", "tokenizers come first"),
    # what belongs to something that is not there
    ("compare one.json three.json text --price smollm2=1", "one for each"),
    ("compare one.json three.json text --price one.json=1 --price one.json=2", "one for each"),
    (
        "complete smollm2 --prompt a --suffix b --method posterior --top-k 5",
        "other sampling options",
    ),
    ("complete smollm2 --prompt a --suffix b --method posterior --stop x", "leave out fim"),
    ("complete smollm2 --chat --prompt-file latin", "no UTF-8"),
    ("transfer smollm2 one.json --out new --k 3 --method mean", "has no k"),
    ("transfer smollm2 one.json --out new --donor gemma3 --method mean", "wants no donor"),
    ("transfer smollm2 one.json --out new --minutes 3", "does not train"),
    ("transfer smollm2 one.json --out new --hypernet no-texts --method mean", "wants no hypernet"),
    ("train byte text --into new --tokenizer one.json", "--tokenizer is of subword"),
    ("train byte text --into new --vocab-size 300", "--vocab-size is of subword"),
    ("train byte text --into new --set no.such=3", "unknown field"),
    ("train byte text --into new --set backbone=3 --width 8", "expected an object"),
    ("train byteified smollm2 text --into new --set no=3", "unknown field"),
    ("train flextok pictures --into new --set no=3", "unknown field"),
    ("train dm-codec pictures --into new --set no=3", "unknown field"),
    ("train vqgraph text --into new --set no=3", "unknown field"),
    ("train byte text --into new --from no-texts --width 8", "of a new model"),
    ("serve smollm2 smollm2", "two models"),
    ("serve smollm2 folder/smollm2", "two models"),
    ("mixture one.json one-category", "categories"),
    ("audit one.json --corpora one-category", "categories"),
    ("audit one.json --signals text", "learned tokenizers"),
    ("audit learned --signals text --chat-template latin", "UTF-8"),
    ("audit learned --signals text --texts no-texts", "no folder with parallel text"),
    ("audit learned --signals text --corpora one-category", "categories"),
    # twice the same
    ("score smollm2 smollm2 text", "twice"),
    ("merge one.json - -", "twice"),
    ("score smollm2 - -", "twice"),
    ("transfer smollm2 one.json --out new --text-file - --text-file -", "twice"),
    ("train byte - - --into new", "cannot read"),
    ("audit one.json --html x --json x", "same file"),
    ("audit one.json --write-baseline one.json", "would be overwritten"),
    ("score smollm2 text --html x --csv x", "same file"),
    ("audit one.json --html x --sarif ./x", "same file"),
    # outputs that exclude each other
    ("ensemble smollm2 gemma3 --prompt a --html -", "name a file"),
    ("compare one.json text --json --html -", "write to stdout"),
    ("diff one.json three.json --json --html -", "write to stdout"),
    ("merge one.json text --json --html -", "write to stdout"),
    ("mixture one.json samples --json --html -", "write to stdout"),
    ("tokenize one.json --file text --into text", "same file"),
]
"""Command lines, and a part of what is told."""


class Terminal(io.TextIOWrapper):
    """A stdin from which nothing comes until somebody types."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(b"typed"))

    def isatty(self) -> bool:
        return True


def work(*_: object, **__: object) -> Any:
    raise AssertionError("something was opened, loaded or fetched")


LOADERS = (
    "tokkit.audit.opening.load_tokenizer",
    "tokkit.text.loading._read_file",
    "tokkit.files.sources.snapshot",
    "tokkit.bytelm.loading.load_token_lm_with",
    "tokkit.hypernets.transfer.load_source",
    "tokkit.models.training.train",
    "tokkit.models.flextok.picture_files.read_pictures",
    "tokkit.models.dm_codec.speech_files.read_recordings",
    "tokkit.models.vqgraph.graph_files.read_labelled_graph",
    "tokkit.models.byteified.byteify.byteify",
    "tokkit.hypernets.train_hypernetwork",
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with something to name, where nothing can be loaded."""
    write_two_releases(tmp_path)
    (tmp_path / "text").write_text("the quick brown fox\n" * 30)
    (tmp_path / "latin").write_bytes("naïve".encode("latin-1"))
    (tmp_path / "empty").write_text("")
    for folder in ("no-texts", "one-category", "samples", "pictures", "learned", "folder/smollm2"):
        (tmp_path / folder).mkdir(parents=True)
    for sample in ("one-category/a.txt", "samples/a.txt", "samples/b.txt"):
        (tmp_path / sample).write_text("the sea\n" * 50)
    write_kind(tmp_path / "learned", "vqgraph")
    for entry in ("load_lm", "load_tokenizer", "audit_tokenizer"):
        monkeypatch.setitem(vars(tokkit), entry, work)
    for loader in LOADERS:
        import_module(loader.rpartition(".")[0])  # none is imported while another is replaced
    for loader in LOADERS:
        monkeypatch.setattr(loader, work)
    monkeypatch.setattr("tokkit.files.sources._packaged", lambda name: Path(name))
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.chdir(tmp_path)


def test_every_subcommand_is_swept() -> None:
    assert {line.split()[0] for line, _ in LINES} == {entry.name for entry in ENTRIES}


@pytest.mark.parametrize(("line", "told"), LINES, ids=[line for line, _ in LINES])
def test_a_command_that_cannot_be_is_refused_before_anything_is_loaded(
    line: str, told: str, capsys: Any
) -> None:
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_jobs_without_what_runs_them_are_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    assert main(["mixture", "one.json", "samples", "--jobs", "2"]) == 2
    assert "needs joblib" in capsys.readouterr().err
