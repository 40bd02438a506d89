"""What a learned tokenizer is asked about, from files: pictures, a graph, or recordings of speech.

Pictures are read as `tokkit train flextok` reads them. A graph is an npz of `features` (nodes,
features), `edges` (2, edges) and, if known, `labels` (nodes,), or of the sparse matrices `adj_…`
and `attr_…` in which public graphs are passed around. Speech is a folder of WAV files, or one,
mono and at the tokenizer's rate. Nothing is unpickled, and what a file says about its size is
looked at before anything is unpacked.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, refused_by_system
from tokkit.tokenizer import Tokenizer

_MOST_SIGNALS = 512
"""Of which the figures are; from more of them so many are taken, evenly."""
_MOST_BYTES = 1 << 30
_SPARSE = ("data", "indices", "indptr", "shape")


class Signals(NamedTuple):
    """Signals, and what is known of them; None where nothing is."""

    signals: Sequence[Any]
    contexts: Sequence[Any] | None = None
    labels: Sequence[Any] | None = None


def read_signals(path: Path, tokenizer: Tokenizer[Any]) -> Signals:
    """Read what a tokenizer's modality needs.

    Raises:
        FormatError: not there, damaged, too large, or something else.
        MissingExtraError: pictures, and what reads them is not installed.
    """
    read: Callable[[Path, Tokenizer[Any]], Signals] = {
        "image": _pictures,
        "graph": _graph,
        "speech": _speech,
    }[tokenizer.modality]
    return read(path, tokenizer)


def _pictures(path: Path, tokenizer: Tokenizer[Any]) -> Signals:
    from tokkit.models import read_pictures

    del tokenizer
    found = read_pictures(path, held_out=0)
    places = _evenly(len(found.images))
    labels = None if found.labels is None else [int(found.labels[k]) for k in places]
    return Signals([found.images[k] for k in places], labels=labels)


def _graph(path: Path, tokenizer: Tokenizer[Any]) -> Signals:
    del tokenizer
    try:
        with refused_by_system(f"read {str(path)!r}"), zipfile.ZipFile(path) as archive:
            total = sum(each.file_size for each in archive.infolist())
        if total > _MOST_BYTES:
            raise FormatError(
                f"{path}: unpacks to {total:,} bytes; at most {_MOST_BYTES:,} are read"
            )
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        features, edges = _parts_of_graph(arrays, path)
    except FormatError:
        raise
    except (zipfile.BadZipFile, ValueError, KeyError, IndexError, EOFError) as error:
        raise FormatError(
            f"{path}: no npz of a graph with features and edges, or adj_* and attr_* ({error})"
        ) from error
    labels = arrays.get("labels")
    return Signals([features], [edges], None if labels is None else [labels])


def _parts_of_graph(
    arrays: dict[str, NDArray[Any]], path: Path
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    if "features" in arrays:
        return arrays["features"].astype(np.float32), arrays["edges"].astype(np.int64)
    (n, m), rows, columns, values = _sparse(arrays, "attr")
    if n * m * 4 > _MOST_BYTES:
        raise FormatError(f"{path}: features of {n:,} times {m:,} numbers; expected fewer")
    features = np.zeros((n, m), np.float32)
    features[rows, columns] = values
    _, starts, ends, _ = _sparse(arrays, "adj")
    return features, np.stack([starts, ends])


def _sparse(
    arrays: dict[str, NDArray[Any]], name: str
) -> tuple[tuple[int, int], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The shape of a matrix of compressed rows, and its rows, columns and values."""
    data, indices, bounds, shape = (arrays[f"{name}_{part}"] for part in _SPARSE)
    n, m = (int(each) for each in shape.tolist())
    lengths = np.diff(bounds.astype(np.int64))
    if n < 0 or m < 0 or len(lengths) != n or (lengths < 0).any() or lengths.sum() != len(indices):
        raise ValueError(f"{name}_indptr does not fit {name}_shape")
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < m:
        raise ValueError(f"{name}_indices are outside {name}_shape")
    rows = np.repeat(np.arange(n), lengths)
    return (n, m), rows, indices.astype(np.int64), data.astype(np.float32)


def _speech(path: Path, tokenizer: Tokenizer[Any]) -> Signals:
    from tokkit.models.dm_codec.speech_files import wav_files
    from tokkit.models.dm_codec.wav_files import read_wav

    files = wav_files(path)
    rate = tokenizer.sample_rate
    return Signals([read_wav(files[k], sample_rate=rate)[0] for k in _evenly(len(files))])


def _evenly(n: int) -> list[int]:
    most = min(n, _MOST_SIGNALS)
    return [k * n // most for k in range(most)]
