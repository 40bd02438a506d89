"""Pictures are read as they are, or refused: whole files, bounded, never unpickled."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the hf extra")
Image: Any = pytest.importorskip("PIL.Image", reason="needs the images extra")
from tests.models.flextok.toys import blocks
from tokkit.errors import ArgumentError, FormatError
from tokkit.models import LabelledIds, Pictures, read_pictures
from tokkit.models.flextok import picture_files

GREY = blocks(6)
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def png(picture: Any, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(stream, kind)
    return stream.getvalue()


def write_files(place: Path, pictures: Any, *, zipped: bool) -> Path:
    """Of the class `a` and `b` by turns."""
    names = [f"train/{'ab'[k % 2]}/{k}.png" for k in range(len(pictures))]
    if zipped:
        with zipfile.ZipFile(place / "all.zip", "w") as archive:
            for name, picture in zip(names, pictures, strict=True):
                archive.writestr(name, png(picture))
            archive.writestr("notes.txt", "not a picture")
        return place / "all.zip"
    for name, picture in zip(names, pictures, strict=True):
        path = place / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(picture))
    return place / "all"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("pictures", [GREY, COLOUR])
def test_files_are_read_with_their_folders_as_classes(
    pictures: Any, zipped: bool, tmp_path: Path
) -> None:
    found = read_pictures(write_files(tmp_path, pictures, zipped=zipped), held_out=0.5)
    order = [0, 2, 4, 1, 3, 5]  # by name
    assert np.array_equal(found.images, pictures[order])
    assert found.labels is not None and found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.n_held_out == 3


def test_arrays_are_read_with_and_without_channels(tmp_path: Path) -> None:
    path = tmp_path / "all.npz"
    np.savez_compressed(path, x=GREY[..., 0], y=np.arange(6, dtype=np.uint8))
    found = read_pictures(path)
    assert np.array_equal(found.images, GREY)
    assert found.labels is not None and found.labels.tolist() == list(range(6))
    np.savez(path, colours=COLOUR)
    found = read_pictures(path)
    assert np.array_equal(found.images, COLOUR) and found.labels is None


def test_learned_and_held_out_pictures_are_apart_and_all() -> None:
    known, held_out = Pictures(GREY, held_out=0.3).parts()
    assert len(held_out) == 2
    assert sorted([*known, *held_out]) == list(range(6))
    assert len(Pictures(GREY, held_out=0.0).parts()[1]) == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": GREY / 255}, "expected pictures as uint8"),
        ({"a": GREY, "b": GREY}, "expected pictures as uint8"),
        ({"x": GREY[0, :, 0]}, "expected pictures as uint8"),
        ({"x": np.repeat(GREY, 2, axis=3)}, "1 or 3 channels"),
        ({"x": GREY[:0]}, "got the shape"),
        ({"x": GREY[:1]}, "none is left to learn from"),
        ({"x": GREY, "y": np.arange(5)}, "labels must be"),
        ({"x": GREY, "y": np.array([None] * 6)}, "objects"),
    ],
)
def test_other_arrays_are_refused(arrays: Any, message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", **arrays)
    with pytest.raises(FormatError, match=message):
        read_pictures(tmp_path / "all.npz")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (lambda: Image.new("RGBA", (8, 8)), "mode RGBA"),
        (lambda: Image.new("I;16", (8, 8)), "mode I;16"),
        (lambda: Image.new("RGB", (9, 8)), "bring all pictures to one size"),
        (lambda: Image.new("RGB", (8, 8)), "bring all pictures to one size"),
    ],
)
def test_other_pictures_are_refused(image: Any, message: str, tmp_path: Path) -> None:
    folder = write_files(tmp_path, GREY, zipped=False)
    image().save(folder / "z.png")
    with pytest.raises(FormatError, match=message):
        read_pictures(folder)


@pytest.mark.parametrize("data", [b"", b"x", png(GREY[0])[:40], b"GIF89a", png(GREY[0])[:-30]])
def test_damaged_pictures_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(FormatError, match=r"a\.png"):
        read_pictures(tmp_path)


def test_what_holds_no_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no picture in it"):
        read_pictures(tmp_path)
    with pytest.raises(FormatError, match="not there"):
        read_pictures(tmp_path / "none")
    with pytest.raises(ArgumentError, match="source must be"):
        read_pictures(3)  # pyright: ignore[reportArgumentType]
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(FormatError, match="no zip and no npz"):
        read_pictures(tmp_path / "a.txt")
    whole = write_files(tmp_path, GREY, zipped=True)
    data = bytearray(whole.read_bytes())
    data[60:80] = bytes(20)
    whole.write_bytes(data)
    with pytest.raises(FormatError, match=r"all\.zip"):
        read_pictures(whole)


def test_what_would_unpack_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_files(tmp_path, GREY, zipped=False)
    archive = write_files(tmp_path, GREY, zipped=True)
    np.savez_compressed(tmp_path / "all.npz", x=np.zeros((100, 8, 8), np.uint8))
    monkeypatch.setattr(picture_files, "_MOST_PIXELS", 63)
    with pytest.raises(FormatError, match="8 x 8 pixels, expected at most 63"):
        read_pictures(folder)
    monkeypatch.undo()
    monkeypatch.setattr(picture_files, "_MOST_BYTES", 300)
    with pytest.raises(FormatError, match="more than 300 bytes together"):
        read_pictures(folder)
    for path in (archive, tmp_path / "all.npz"):
        with pytest.raises(FormatError, match="unpacks to"):
            read_pictures(path)
    monkeypatch.undo()
    monkeypatch.setattr(picture_files, "_MOST_FILES", 3)
    for path in (folder, archive):
        with pytest.raises(FormatError, match="more than 3 files"):
            read_pictures(path)


def test_an_array_may_not_claim_more_than_there_is(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 28, 28)}
    )
    with zipfile.ZipFile(tmp_path / "all.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(FormatError, match="less than its"):
        read_pictures(tmp_path / "all.npz")


def test_pictures_stand_as_their_camera_says(tmp_path: Path) -> None:
    upright = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8)
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it to the right
    (tmp_path / "all").mkdir()
    Image.fromarray(upright).save(tmp_path / "all" / "1.png", exif=exif)
    found = read_pictures(tmp_path / "all", held_out=0).images
    np.testing.assert_array_equal(found[0, ..., 0], np.rot90(upright, -1))


def test_numbers_beyond_int64_are_refused() -> None:
    large: Any = np.full(6, 1 << 63, np.uint64)
    with pytest.raises(ArgumentError, match="beyond int64"):
        Pictures(GREY, large)
    with pytest.raises(ArgumentError, match="beyond int64"):
        LabelledIds(np.zeros((6, 2), int), large)
    with pytest.raises(ArgumentError, match="beyond int64"):
        LabelledIds(large[:, None], np.zeros(6, int))


def test_a_share_of_labelled_ids_holds_out_one_at_least() -> None:
    ids = np.zeros((3, 2), int)
    known, held_out = LabelledIds(ids, np.arange(3), held_out=0.01).parts()
    assert (len(known), len(held_out)) == (2, 1)
    assert not len(LabelledIds(ids, np.arange(3), held_out=0).parts()[1])
    with pytest.raises(ArgumentError, match="none is left"):
        LabelledIds(ids[:1], np.zeros(1, int))
