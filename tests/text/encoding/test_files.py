"""A file has the ids of its text, is there whole or not at all, and is gone on with."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.text.encoding.test_cuts import LLAMA, drawn
from tests.text.tokenizer_json import BYTE_LEVEL, BYTES, added, document, ours
from tokkit.errors import ArgumentError, EncodingError, FormatError, Interrupted, UnsupportedError
from tokkit.text.encoding import files
from tokkit.text.tokenizer import TextTokenizer

TEXT = ("one two  three\n\n\tfour é<|end|> 日本\n語 12345 don't " * 40).encode() + b"\xff x\xe6\x97"


@pytest.fixture
def tokenizer(monkeypatch: pytest.MonkeyPatch) -> TextTokenizer:
    monkeypatch.setattr(files, "PART_BYTES", 50)
    end = added("<|end|>", 300, "special")
    return ours(document(BYTES, end, pretokenizers=(LLAMA, BYTE_LEVEL)))


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("text", [TEXT, b"", b"a", b"x" * 500, b"a \n" * 99])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_file_has_the_ids_of_its_text(
    tokenizer: TextTokenizer, tmp_path: Path, text: bytes, threads: int
) -> None:
    (tmp_path / "text").write_bytes(text)
    told: list[tuple[int, int]] = []
    ids = tokenizer.encode_file(
        tmp_path / "text",
        into=tmp_path / "ids.npy",
        specials=True,
        threads=threads,
        progress=lambda done, total: told.append((done, total)),
    )
    assert ids.tolist() == tokenizer.encode(text, specials=True)
    assert ids.dtype == np.int32
    assert np.load(tmp_path / "ids.npy").tolist() == ids.tolist()
    assert left(tmp_path) == ["ids.npy", "text"]
    assert told == sorted(told)
    assert told[-1:] == [(len(text), len(text))][: len(text)]


def test_files_of_drawn_tokenizers_have_the_ids_of_their_texts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 9)
    n_encoded = 0
    for tokenizer, texts in drawn(8, 12):
        (tmp_path / "text").write_bytes(texts[0])
        if not tokenizer._encoder.cuts.exist or tokenizer.spec.unk_id is None:
            continue
        found = tokenizer.encode_file(
            tmp_path / "text", into=tmp_path / "ids.npy", unk="use", threads=2
        )
        assert found.tolist() == tokenizer.encode(texts[0], unk="use")
        n_encoded += 1
    assert n_encoded > 0


class Stop:
    """Interrupts a call after some bytes."""

    def __init__(self, after: int) -> None:
        self._after = after

    def __call__(self, done: int, _: int) -> None:
        if done >= self._after:
            raise KeyboardInterrupt


def interrupted(tokenizer: TextTokenizer, folder: Path, after: int) -> None:
    with pytest.raises(Interrupted, match="goes on from there"):
        tokenizer.encode_file(folder / "text", into=folder / "ids.npy", progress=Stop(after))


@pytest.mark.parametrize("lost", [0, 3])
def test_an_interrupted_call_is_gone_on_with(
    tokenizer: TextTokenizer, tmp_path: Path, lost: int
) -> None:
    (tmp_path / "text").write_bytes(TEXT)
    (tmp_path / "ids.npy").write_bytes(b"older")
    interrupted(tokenizer, tmp_path, 300)
    assert (tmp_path / "ids.npy").read_bytes() == b"older"
    with (tmp_path / ".ids.npy.part").open("ab") as stream:
        stream.write(b"\1" * lost)  # written after the last record
    begun: list[int] = []
    ids = tokenizer.encode_file(
        tmp_path / "text",
        into=tmp_path / "ids.npy",
        progress=lambda done, _: begun.append(done),
    )
    assert ids.tolist() == tokenizer.encode(TEXT)
    assert begun[0] > 300  # what was done is not done again
    assert left(tmp_path) == ["ids.npy", "text"]


def test_progress_tells_all_bytes_where_nothing_is_left_or_more_has_come(
    tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    text, into = tmp_path / "text", tmp_path / "ids.npy"
    text.write_bytes(TEXT)
    interrupted(tokenizer, tmp_path, 300)
    n_done = json.loads((tmp_path / ".ids.npy.part.json").read_text())["bytes"]
    text.write_bytes(TEXT[:n_done])
    told: list[tuple[int, int]] = []
    ids = tokenizer.encode_file(text, into=into, progress=lambda *each: told.append(each))
    assert told == [(n_done, n_done)]
    assert ids.tolist() == tokenizer.encode(TEXT[:n_done])

    def grow(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 3:
            with text.open("ab") as stream:
                stream.write(TEXT)

    tokenizer.encode_file(text, into=into, progress=grow)
    assert told[-1] == (n_done + len(TEXT),) * 2
    assert all(done <= total for done, total in told)


def test_what_another_call_has_left_is_refused(tokenizer: TextTokenizer, tmp_path: Path) -> None:
    text, into = tmp_path / "text", tmp_path / "ids.npy"
    text.write_bytes(TEXT)
    interrupted(tokenizer, tmp_path, 300)
    other = ours(document(BYTES, pretokenizers=(LLAMA, BYTE_LEVEL)))
    with pytest.raises(ArgumentError, match="tokenizer was"):
        other.encode_file(text, into=into)
    with pytest.raises(ArgumentError, match="specials was False"):
        tokenizer.encode_file(text, into=into, specials=True)
    for changed in (b"x" + TEXT[1:], TEXT[:200]):
        text.write_bytes(changed)
        with pytest.raises(ArgumentError, match="has changed since"):
            tokenizer.encode_file(text, into=into)
    text.write_bytes(TEXT)
    record = tmp_path / ".ids.npy.part.json"
    whole = record.read_text()
    for damaged in ("{", "[]", json.dumps(json.loads(whole) | {"ids": -1})):
        record.write_text(damaged)
        with pytest.raises(FormatError):
            tokenizer.encode_file(text, into=into)
    del (kept := json.loads(whole))["ids_digest"]
    part = tmp_path / ".ids.npy.part"
    ids = part.read_bytes()
    others = (
        (json.dumps(kept), ids),
        (json.dumps(json.loads(whole) | {"ids": 1}), ids),
        (whole, ids[:130] + bytes(4) + ids[134:]),
        (whole, b""),
    )
    for said, held in others:
        record.write_text(said)
        part.write_bytes(held)
        with pytest.raises(FormatError, match="other ids than its record says"):
            tokenizer.encode_file(text, into=into)
    assert not into.exists()


def test_what_cannot_be_encoded_is_refused(
    tokenizer: TextTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, into = tmp_path / "text", tmp_path / "ids.npy"
    with pytest.raises(FormatError, match="cannot read"):
        tokenizer.encode_file(text, into=into)
    text.write_bytes(b"a b " * 50 + b"c")
    for place in (tmp_path, text):
        with pytest.raises(ArgumentError, match="another file"):
            tokenizer.encode_file(text, into=place)
    vocab = {"a": 0, "b": 1, " ": 2}
    few = ours(document(vocab, pretokenizers=(LLAMA,)))
    with pytest.raises(EncodingError, match="in the part that begins at byte 1"):
        few.encode_file(text, into=into)
    monkeypatch.setattr(files, "MAX_UNCUT", 400)
    text.write_bytes(b"a b " + b"c" * 2000)
    with pytest.raises(EncodingError, match="no place is safe to cut in .* from byte 3"):
        tokenizer.encode_file(text, into=tmp_path / "others.npy")
    assert not into.exists()
    uncut = ours(document(BYTES, normalizers=({"type": "Strip", "left": True, "right": True},)))
    with pytest.raises(UnsupportedError, match="no place"):
        uncut.encode_file(text, into=into)


def test_a_text_that_cannot_be_read_to_its_end_is_told_as_that(
    tokenizer: TextTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, into = tmp_path / "text", tmp_path / "ids.npy"
    text.write_bytes(TEXT)

    class Worn(io.BytesIO):
        """A file on a disk with a bad block."""

        def fileno(self) -> int:
            return descriptor

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 200:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(size)

    opened = Path.open
    with text.open("rb") as real, monkeypatch.context() as patch:
        descriptor = real.fileno()
        patch.setattr(
            Path,
            "open",
            lambda path, *args: Worn(TEXT) if path == text else opened(path, *args),
        )
        with pytest.raises(FormatError, match=r"cannot read '.*text'"):
            tokenizer.encode_file(text, into=into)
    assert tokenizer.encode_file(text, into=into).tolist() == tokenizer.encode(TEXT)


def test_a_folder_that_is_not_there_is_told_as_one_to_write_to(
    tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    (tmp_path / "text").write_bytes(TEXT)
    with pytest.raises(FormatError, match=r"cannot write '.*ids\.npy'"):
        tokenizer.encode_file(tmp_path / "text", into=tmp_path / "none" / "ids.npy")


def test_two_calls_do_not_write_one_file(tokenizer: TextTokenizer, tmp_path: Path) -> None:
    text, into = tmp_path / "text", tmp_path / "ids.npy"
    text.write_bytes(TEXT)

    def another(done: int, _: int) -> None:
        if done < 200:
            with pytest.raises(ArgumentError, match="another call"):
                tokenizer.encode_file(text, into=into)

    found = tokenizer.encode_file(text, into=into, progress=another)
    assert found.tolist() == tokenizer.encode(TEXT)


def test_an_interruption_between_two_steps_loses_no_ids(
    tokenizer: TextTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_bytes(TEXT)
    add, calls = files._Parts.add, 0

    def stopped(parts: files._Parts, ids: files.Ids) -> None:
        nonlocal calls
        calls += 1
        add(parts, ids)
        if calls == 4:  # they are written, and not yet counted
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files._Parts, "add", stopped)
        with pytest.raises(Interrupted):
            tokenizer.encode_file(tmp_path / "text", into=tmp_path / "ids.npy")
    ids = tokenizer.encode_file(tmp_path / "text", into=tmp_path / "ids.npy")
    assert ids.tolist() == tokenizer.encode(TEXT)


def test_a_pipe_is_refused_without_waiting_for_it(tokenizer: TextTokenizer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="no regular file"):
        tokenizer.encode_file(tmp_path / "pipe", into=tmp_path / "ids.npy")


def test_a_text_that_grew_after_its_end_was_read_has_its_own_ids(
    tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    text, into = tmp_path / "text", tmp_path / "ids"
    start = b"one two. " * 20 + b"12"
    text.write_bytes(start)

    def stop(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        tokenizer.encode_file(text, into=into, progress=stop)
    assert ".ids.part.json" in left(tmp_path)  # what was read before is not read anew
    text.write_bytes(start + b"3<|end|>")
    ids = tokenizer.encode_file(text, into=into)
    assert ids.tolist() == tokenizer.encode(text.read_bytes())
    assert left(tmp_path) == ["ids", "text"]
