"""The table of speech: what is learned from and tested on, the baselines, and how words count."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the hf extra")
from benchmarks.fetch.speech import resampled, spoken_texts
from benchmarks.speech.baselines import FRAMES, Mdct, ResidualKMeans
from benchmarks.speech.corpus import HELD_OUT_SPEAKERS, RATE, Spoken, learned, to_be_judged
from benchmarks.speech.judging import word_errors
from benchmarks.speech.quality import DEPTHS, ROWS, tables
from benchmarks.speech.teachers import windows
from tests.models.dm_codec.toy_speech import signal


def test_a_transform_gives_back_the_signal() -> None:
    original = signal(3, 0.71)
    frames = Mdct().frames(original)
    assert frames.shape == (-(-len(original) // 160) + 1, 160)
    assert np.allclose(Mdct().signal(frames, len(original)), original, atol=1e-5)


@pytest.mark.parametrize("name", list(FRAMES))
def test_each_layer_of_k_means_leaves_less(name: str, tmp_path: Path) -> None:
    train = [Spoken(str(seed), signal(seed, 2.0), "") for seed in range(4)]
    coders = [ResidualKMeans(name, train, tmp_path, n_frames=300, n_codes=16) for _ in range(2)]
    original = train[0].samples
    wanted = FRAMES[name]().frames(original)
    decoded = [coders[0].through(original, depth) for depth in DEPTHS]
    errors = [np.square(FRAMES[name]().frames(each) - wanted).mean() for each in decoded]
    assert errors[0] > errors[1] > errors[3]
    assert np.array_equal(coders[1].through(original, 4), decoded[2])  # read again


def write(folder: Path, names: dict[str, str]) -> None:
    folder.mkdir()
    for name in names:
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.arange(800, dtype="<i2").tobytes())
    (folder / "texts.json").write_text(json.dumps(names))


def test_nobody_who_is_tested_is_learned_from(tmp_path: Path) -> None:
    write(tmp_path / "asterisk", {f"a{k}": "hello" for k in range(40)})
    write(tmp_path / "fillets", {"b": ""})
    speakers = ("george", "jackson", *HELD_OUT_SPEAKERS)
    write(tmp_path / "fsdd", {f"{d}_{who}_0": str(d) for d in range(10) for who in speakers})
    write(tmp_path / "librivox", {"s": "he was not"})
    train, validation = learned(tmp_path)
    names = {each.name for each in (*train, *validation)}
    assert len(names) == len(train) + len(validation) == 40 + 1 + 20
    assert not [name for name in names if any(who in name for who in HELD_OUT_SPEAKERS)]
    assert validation
    sets = to_be_judged(tmp_path)
    assert [len(each) for each in sets.values()] == [40, 1]
    assert all(len(each.text.split()) == 5 for each in sets["digits"])
    with pytest.raises(SystemExit, match="run python -m benchmarks"):
        learned(tmp_path / "nowhere")


def test_recordings_share_windows_and_none_is_cut() -> None:
    lengths = (700, 700, 1600, 900, 10)
    recordings = [Spoken(str(n), np.zeros(n * 160, np.float32), "") for n in lengths]
    held = [[(each.name, place) for each, place in window] for window in windows(recordings)]
    assert held == [[("700", 0), ("700", 725)], [("900", 0), ("10", 925)]]


def test_words_are_counted_as_errors_that_must_be_mended() -> None:
    assert word_errors(["a", "b", "c"], ["a", "b", "c"]) == 0
    assert word_errors(["a", "b", "c"], []) == 3
    assert word_errors(["a", "b", "c"], ["a", "x", "c", "d"]) == 2


def test_only_what_is_spoken_has_a_text() -> None:
    lines = "; Core\n\nbeep: [a tone]\ndigits/1: One\nhello: Hello: you.\n"
    assert spoken_texts(lines) == {"digits/1": "One", "hello": "Hello: you."}


def test_a_signal_keeps_its_length_in_seconds() -> None:
    assert len(resampled(signal(1, 0.5), 16_000, RATE)) == RATE


def test_the_tables_have_every_row() -> None:
    figures = {"stoi": 0.5, "pesq": 1.5, "wer": 0.25}
    keys = ["original 0", *(f"{row} {depth}" for row in ROWS for depth in DEPTHS)]
    text = tables({key: {"digits": figures} for key in keys}, ["digits"])
    assert all(text.count(f"| {title} |") == 3 for title in ROWS.values())
    assert "| the original | 25.0% |" in text
