"""Texts in windows and batches: every byte once in each round, the same for all models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.bytelm.byte_state import END
from tokkit.errors import ArgumentError, FormatError
from tokkit.models.text_models.corpus import Corpus, Texts, cut_document
from tokkit.models.text_models.windows import NO_TARGET, Windows

FEW = settings(max_examples=30, deadline=None, derandomize=True)
documents: Any = st.lists(st.text("a é\n", max_size=40).map(str.encode), min_size=1, max_size=5)


@FEW
@given(data=st.binary(max_size=200) | st.just(b"x" * 150), window=st.integers(1, 30))
def test_windows_cover_a_document_once(data: bytes, window: int) -> None:
    cuts = list(cut_document(data, window))
    assert [start for start, _ in cuts] == [0, *(stop for _, stop in cuts)][: len(cuts)]
    assert b"".join(data[start:stop] for start, stop in cuts) == data
    assert all(0 < stop - start <= window for start, stop in cuts)


def test_windows_end_before_white_space_or_a_character() -> None:
    words = b"seven letters again " * 20
    cuts = [stop for _, stop in cut_document(words, 64)][:-1]
    assert cuts
    assert all(words[stop : stop + 1] == b" " for stop in cuts)
    kana = "ア".encode() * 40
    assert all(stop % 3 == 0 for _, stop in cut_document(kana, 64))
    assert len(list(cut_document(b"x" * 1_000_000, 1024))) == 977


@FEW
@given(texts=documents, batch=st.integers(8, 60), share=st.sampled_from([0.0, 0.3]))
def test_each_round_reads_all_but_what_is_held_out(
    texts: list[bytes], batch: int, share: float
) -> None:
    if not any(texts):
        with pytest.raises(ArgumentError, match="empty"):
            Corpus(Texts(texts), seed=0)
        return
    asked = Texts(texts, batch_bytes=batch, window_bytes=8, held_out=share)
    corpus = Corpus(asked, seed=0)
    held = [data for windows in corpus.evaluated() for data in windows.data]
    assert corpus.n_bytes + sum(map(len, held)) == sum(map(len, texts))
    n_rounds = 3 * corpus.batch_bytes
    read = [data for k in range(3 * corpus.n_bytes) for data in corpus.batch(k).data]
    pieces = sorted(text[a:b] for text in texts for a, b in cut_document(text, asked.window_bytes))
    assert sorted([*held, *read[: len(pieces) - len(held)]]) == pieces
    assert len(read) == n_rounds * (len(pieces) - len(held))


def test_batches_are_functions_of_seed_and_number() -> None:
    texts = Texts(bytes(range(256)) * 20, batch_bytes=512, window_bytes=64)
    first, again, other = (Corpus(texts, seed=seed) for seed in (0, 0, 1))
    assert [again.batch(k).data for k in (9, 2)] == [first.batch(k).data for k in (9, 2)]
    assert first.batch(0).data != other.batch(0).data
    assert first.batch(0).data != first.batch(1).data
    sizes = [first.batch(k).n_bytes for k in range(40)]
    assert abs(sum(sizes) / 40 - 512) < 64


def test_texts_are_files_only_where_they_are_paths(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"in a file")
    (windows,) = [Corpus(Texts([path, "text", b"bytes"], held_out=0), seed=0).batch(0)]
    assert sorted(windows.data) == [b"bytes", b"in a file", b"text"]
    with pytest.raises(FormatError, match="cannot read"):
        Corpus(Texts(tmp_path / "gone"), seed=0)


@pytest.mark.parametrize(
    "options",
    [
        {"window_bytes": 0},
        {"batch_bytes": 0},
        {"batch_bytes": 100, "window_bytes": 101},
        {"held_out": 1.0},
        {"held_out": -0.1},
        {"evaluated_bytes": 0},
    ],
)
def test_limits_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        Texts(b"text", **options)


def test_one_byte_is_a_corpus() -> None:
    corpus = Corpus(Texts(b"x", batch_bytes=1, window_bytes=1), seed=0)
    assert corpus.batch(7).data == (b"x",)
    assert not list(corpus.evaluated())


def test_targets_are_the_next_symbols_and_the_end_of_a_document() -> None:
    windows = Windows.of([b"ab", "é", b""], ends=[True, False, True])
    assert windows.symbols[:, 0].tolist() == [END] * 3
    assert windows.targets().tolist() == [
        [97, 98, END],
        [0xC3, 0xA9, NO_TARGET],
        [END, NO_TARGET, NO_TARGET],
    ]
    assert windows.n_bytes == 4
    with pytest.raises(ArgumentError, match="at least one"):
        Windows.of([])
    with pytest.raises(ArgumentError, match="expected as many"):
        Windows.of([b"a"], ends=[True, False])


def test_what_is_learned_ends_before_what_is_held_out() -> None:
    documents = [b"ab cd " * 40, b"xy", b"ef gh " * 40]
    corpus = Corpus(Texts(documents, window_bytes=32, batch_bytes=64, held_out=0.2), seed=0)
    learned = corpus.learned_texts()
    assert [documents[k].startswith(each) for k, each in zip((0, 1, 2), learned, strict=True)]
    assert sum(map(len, learned)) == corpus.n_bytes < sum(map(len, documents))


def test_the_name_of_a_file_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("a book")
    for data in (str(path), ["text", str(path)]):
        with pytest.raises(ArgumentError, match="name of a file"):
            Texts(data)
    assert Texts(path)
    assert Texts("book.txt, which is not here")
