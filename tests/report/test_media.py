"""Pictures and sounds as files: other libraries read the same numbers."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest

from tokkit.errors import ArgumentError
from tokkit.report.media import png, wav
from tokkit.report.page.exhibits import exhibits_html
from tokkit.report.section import Exhibits


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 1), (4, 3, 3)])
def test_a_png_holds_the_picture(shape: tuple[int, int, int]) -> None:
    image: Any = pytest.importorskip("PIL.Image")
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = np.asarray(image.open(io.BytesIO(png(picture))))
    np.testing.assert_array_equal(found.reshape(shape), picture)


def test_a_wav_holds_the_samples_and_clips_the_rest() -> None:
    data = wav(np.array([0, 0.5, -1, 1.7], np.float32), 8000)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        found = np.frombuffer(file.readframes(4), "<i2")
    assert found.tolist() == [0, 16384, -32767, 32767]


def test_a_page_holds_the_files_and_no_markup_of_others() -> None:
    picture = png(np.zeros((2, 3, 1), np.uint8))
    given = Exhibits("x", "<b>", "image/png", ("as given", "<i>"), ((picture, picture),), "note")
    html = exhibits_html(given)
    assert html.count('src="data:image/png;base64,iVBOR') == 2
    assert "<b>" not in html and "<i>" not in html and 'alt="1, as given"' in html
    sound = Exhibits("y", "Sounds", "audio/wav", ("a",), ((wav(np.zeros(3, np.float32), 8000),),))
    assert "<audio controls" in exhibits_html(sound) and "data:audio/wav" in exhibits_html(sound)
    with pytest.raises(ArgumentError, match="1 files for 2 columns"):
        Exhibits("x", "X", "image/png", ("a", "b"), ((picture,),))
