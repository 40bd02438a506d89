"""What is learned from, what curves are about, and the named test sets.

    digits     40 strings of five digits by two speakers of the Free Spoken Digit Dataset who are
               nowhere in the training
    librivox   five sentences by a reader who is nowhere in the training

The training has the prompts, the game and the other speakers' digits; one in 30 of the prompts and
of the game is only for curves.
"""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
HELD_OUT_SPEAKERS = ("theo", "yweweler")
N_STRINGS, N_DIGITS = 40, 5
VALIDATION_OF = 30
_PAUSE = RATE // 10
_SOURCES = ("asterisk", "fillets", "fsdd")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Spoken:
    """A recording.

    Attributes:
        name: of it, with its source.
        samples: float32 (samples,) at 8,000 a second.
        text: what is said, if that is known.
    """

    name: str
    samples: Floats
    text: str


def read_source(folder: Path, source: str) -> list[Spoken]:
    """All recordings of a source.

    Raises:
        SystemExit: it was not fetched.
    """
    place = folder / source
    if not (place / "texts.json").exists():
        raise SystemExit(f"{place} is not there; run python -m benchmarks.fetch.speech first")
    texts: dict[str, str] = json.loads((place / "texts.json").read_text(encoding="utf-8"))
    return [
        Spoken(f"{source}/{name}", _read(place / f"{name}.wav"), text)
        for name, text in sorted(texts.items())
    ]


def _read(path: Path) -> Floats:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        data = file.readframes(file.getnframes())
    return (np.frombuffer(data, "<i2") / 32768).astype(np.float32)


def learned(folder: Path) -> tuple[list[Spoken], list[Spoken]]:
    """Recordings to learn from, and those that curves are about."""
    train: list[Spoken] = []
    validation: list[Spoken] = []
    for source in _SOURCES:
        found = [each for each in read_source(folder, source) if _speaker(each) is None]
        kept = [each for k, each in enumerate(found) if source == "fsdd" or k % VALIDATION_OF]
        names = {each.name for each in kept}
        train += kept
        validation += [each for each in found if each.name not in names]
    return train, validation


def _speaker(spoken: Spoken) -> str | None:
    """Which of the held-out speakers it is."""
    parts = spoken.name.split("_")
    return next((each for each in HELD_OUT_SPEAKERS if each in parts), None)


def to_be_judged(folder: Path) -> dict[str, list[Spoken]]:
    """The test sets."""
    by_speaker: dict[str, list[Spoken]] = {each: [] for each in HELD_OUT_SPEAKERS}
    for each in read_source(folder, "fsdd"):
        if (speaker := _speaker(each)) is not None:
            by_speaker[speaker].append(each)
    random = np.random.default_rng(0)
    strings = [
        _string(f"digits/{speaker}_{k}", found, random)
        for speaker, found in by_speaker.items()
        for k in range(N_STRINGS // len(by_speaker))
    ]
    return {"digits": strings, "librivox": read_source(folder, "librivox")}


def _string(name: str, digits: list[Spoken], random: np.random.Generator) -> Spoken:
    """Digits after one another, with a tenth of a second around each."""
    chosen = [digits[int(k)] for k in random.choice(len(digits), N_DIGITS, replace=False)]
    pause = np.zeros(_PAUSE, np.float32)
    parts = [pause, *(part for each in chosen for part in (each.samples, pause))]
    return Spoken(name, np.concatenate(parts), " ".join(WORDS[int(each.text)] for each in chosen))
