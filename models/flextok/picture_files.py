"""Pictures from a folder or a zip of picture files, or from an npz of arrays; never unpickled.

A folder, or a zip, holds PNG, JPEG or other files that Pillow reads, all of one size; where each
lies in a folder of its own class (`train/cat/1.png`), that name is its class. An npz holds uint8
arrays, (n, height, width) or (n, height, width, channels), of which the one called `images`, `x` or
the only one is read, and whole numbers called `labels` or `y`. What a file says about its size is
looked at before anything is unpacked. Pictures stand as their camera says (EXIF).
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_path
from tokkit.errors import ArgumentError, FormatError, needs_extra, refused_by_system
from tokkit.files.npz_files import MOST_BYTES, array_headers, opened_zip, read_array
from tokkit.files.reading import read_bounded
from tokkit.models.flextok.pictures import Pictures

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
_MOST_FILES = 1 << 20
_MOST_FILE_BYTES = 64 << 20
_MOST_PIXELS = 1 << 24
_MOST_BYTES = MOST_BYTES
"""Of all pictures together, unpacked."""
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_IMAGES, _LABELS = ("images", "x"), ("labels", "y")


class _File(NamedTuple):
    """A picture's name within its folder or zip, and its bytes."""

    name: str
    data: bytes


def read_pictures(source: str | os.PathLike[str], *, held_out: float = 0.05) -> Pictures:
    """Read pictures.

    Args:
        source: a folder, a zip, or an npz.
        held_out: share of them that is not learned from.

    Raises:
        ArgumentError: no path.
        FormatError: nothing there, damaged, too large, or pictures of different sizes.
        MissingExtraError: picture files, and Pillow is not installed.
    """
    path = check_path(source, "source", "give a folder, a zip or an npz of pictures")
    with refused_by_system(f"read {str(path)!r}"):
        if path.is_dir():
            return _from_files(_in_folder(path), str(path), held_out)
        if not path.is_file():
            raise FormatError(f"{path}: not there; give a folder, a zip or an npz of pictures")
        if not zipfile.is_zipfile(path):
            raise FormatError(
                f"{path}: no zip and no npz; give a folder, a zip or an npz of pictures"
            )
    with opened_zip(path, most_bytes=_MOST_BYTES) as archive:
        _refuse_many(len(names := archive.namelist()), str(path))
        if any(name.endswith(".npy") for name in names):
            return _from_arrays(archive, path, held_out)
        return _from_files(_in_zip(archive, path), str(path), held_out)


def _in_folder(folder: Path) -> Iterator[_File]:
    paths: list[Path] = []
    for each in folder.rglob("*"):
        if each.suffix.lower() in ENDINGS and each.is_file():
            paths.append(each)
            _refuse_many(len(paths), str(folder))
    for each in sorted(paths):
        data = read_bounded(each, limit=_MOST_FILE_BYTES)
        yield _File(each.relative_to(folder).as_posix(), data)


def _in_zip(archive: zipfile.ZipFile, path: Path) -> Iterator[_File]:
    for each in sorted(archive.infolist(), key=lambda each: each.filename):
        name = PurePosixPath(each.filename)
        if name.suffix.lower() not in ENDINGS or name.name.startswith("._"):
            continue
        if each.file_size > _MOST_FILE_BYTES:
            raise FormatError(
                f"{path}: {each.filename!r:.80} unpacks to {each.file_size:,} bytes, expected at "
                f"most {_MOST_FILE_BYTES:,}"
            )
        with archive.open(each) as stream:  # reads no more than it said
            yield _File(each.filename, stream.read(each.file_size + 1))


def _refuse_many(n: int, where: str) -> None:
    if n > _MOST_FILES:
        raise FormatError(f"{where}: more than {_MOST_FILES:,} files")


def _from_files(files: Iterator[_File], where: str, held_out: float) -> Pictures:
    names: list[str] = []
    pictures: list[NDArray[np.uint8]] = []
    total = 0
    for file in files:
        picture = _opened(file, where)
        if pictures and picture.shape != pictures[0].shape:
            raise FormatError(
                f"{where}: {file.name!r:.80} is {picture.shape} (height, width, channels), and "
                f"{names[0]!r:.80} {pictures[0].shape}; bring all pictures to one size and colour"
            )
        total += picture.nbytes
        if total > _MOST_BYTES:
            raise FormatError(f"{where}: pictures of more than {_MOST_BYTES:,} bytes together")
        names.append(file.name)
        pictures.append(picture)
    if not pictures:
        raise FormatError(f"{where}: no picture in it; expected files {', '.join(ENDINGS)}")
    return _made(np.stack(pictures), _classes_of(names), held_out, where)


def _opened(file: _File, where: str) -> NDArray[np.uint8]:
    with needs_extra("picture files need Pillow", extra="images"):
        from PIL import Image, ImageOps, UnidentifiedImageError
    name = f"{where}: {file.name!r:.80}"
    try:
        with Image.open(io.BytesIO(file.data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise FormatError(
                    f"{name}: {image.width:,} x {image.height:,} pixels, expected at most "
                    f"{_MOST_PIXELS:,}"
                )
            n_frames: int = getattr(image, "n_frames", 1)
            if n_frames != 1:
                raise FormatError(f"{name}: {n_frames} pictures in one file, expected one")
            mode, transparent = image.mode, "transparency" in image.info
            if mode not in ("1", "L", "P", "RGB") or transparent:
                raise FormatError(
                    f"{name}: of the mode {mode}{' with transparency' * transparent}; expected 8 "
                    "bits of grey, or red, green and blue; convert it"
                )
            upright = ImageOps.exif_transpose(image)  # as every viewer shows it
            array = np.asarray(upright.convert("L" if mode in ("1", "L") else "RGB"))
    except FormatError:
        raise
    except UnidentifiedImageError as error:
        raise FormatError(f"{name}: no picture that can be read, or a damaged one") from error
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError, struct.error) as error:
        raise FormatError(f"{name}: no picture, or a damaged one ({error})") from error
    return array if array.ndim == 3 else array[..., None]


def _classes_of(names: Sequence[str]) -> NDArray[np.int64] | None:
    """By the folders that the pictures lie in, if all do; numbers in the order of the names."""
    parents = [PurePosixPath(name).parent.name for name in names]
    if not all(parents) or len(set(parents)) < 2:
        return None
    places = {name: place for place, name in enumerate(sorted(set(parents)))}
    return np.array([places[each] for each in parents], np.int64)


def _from_arrays(archive: zipfile.ZipFile, path: Path, held_out: float) -> Pictures:
    numbers = array_headers(archive, path)
    of_bytes = [
        name
        for name, (shape, dtype) in numbers.items()
        if dtype == np.uint8 and len(shape) in (3, 4)
    ]
    named = [name for name in _IMAGES if name in of_bytes] or of_bytes
    if not named or (len(of_bytes) > 1 and named[0] not in _IMAGES):
        held = ", ".join(f"{name} {dtype} {shape}" for name, (shape, dtype) in numbers.items())
        raise FormatError(
            f"{path}: expected pictures as uint8 (n, height, width) or (n, height, width, "
            f"channels) under the name images or x; it holds {held[:300]}"
        )
    images = read_array(archive, named[0], path)
    label = next((name for name in _LABELS if name in numbers), None)
    labels = None if label is None else read_array(archive, label, path)
    return _made(images if images.ndim == 4 else images[..., None], labels, held_out, str(path))


def _made(images: Any, labels: Any, held_out: float, where: str) -> Pictures:
    try:
        return Pictures(images, labels, held_out)
    except ArgumentError as error:
        raise FormatError(f"{where}: {error}") from error
