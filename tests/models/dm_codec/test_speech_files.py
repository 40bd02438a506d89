"""Recordings are parted into those that are learned from and those that are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the hf extra")
from tokkit.models import write_wav
from tokkit.models.dm_codec.speech_files import read_recordings


def speech(folder: Path, n: int) -> Path:
    for k in range(n):
        write_wav(folder / f"{k}.wav", np.sin(np.arange(400 + k)).astype(np.float32), 8000)
    return folder


@pytest.mark.parametrize(
    ("n", "held_out", "expected"),
    [(2, 0.05, 1), (9, 0.05, 1), (9, 0.4, 4), (9, 0.0, 0), (2, 0.99, 1), (40, 0.05, 2)],
)
def test_at_least_one_recording_is_held_out_where_any_is(
    n: int, held_out: float, expected: int, tmp_path: Path
) -> None:
    found = read_recordings([speech(tmp_path, n)], held_out=held_out)
    assert (len(found.train), len(found.validation)) == (n - expected, expected)
    assert sorted(len(each.samples) for each in (*found.train, *found.validation)) == [
        400 + k for k in range(n)
    ]
