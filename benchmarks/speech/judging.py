"""How well speech is understood, and how it sounds, by judges that taught nobody here.

STOI is short-time objective intelligibility (Taal et al., 2011), of the package pystoi. PESQ is
perceptual evaluation of speech quality, narrow band (ITU-T P.862), of the package pesq. The word
error rate is of strings of five digits, heard by pocketsphinx with a grammar that knows of nothing
but strings of five digits.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.fetch.speech import resampled
from benchmarks.speech.corpus import N_DIGITS, RATE, WORDS, Floats

_HEARD_AT = 16_000
_GRAMMAR = (
    "#JSGF V1.0;\ngrammar digits;\n"
    f"<digit> = {' | '.join(WORDS)};\n"
    f"public <string> = {' '.join(['<digit>'] * N_DIGITS)};\n"
)


def stoi(original: Floats, decoded: Floats) -> float:
    """From 0 to 1, rarely below 0.3."""
    judge: Any = import_module("pystoi")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(judge.stoi(original, decoded, RATE))


def pesq(original: Floats, decoded: Floats) -> float:
    """From 1 to 4.5; NaN where it finds no speech."""
    judge: Any = import_module("pesq")
    value: float = judge.pesq(RATE, original, decoded, "nb", on_error=judge.PesqError.RETURN_VALUES)
    return float(value) if value >= 0 else float("nan")


class Listener:
    """Pocketsphinx, which expects strings of digits."""

    def __init__(self) -> None:
        """Load its English model."""
        library: Any = import_module("pocketsphinx")
        decoder: Any = library.Decoder(samprate=_HEARD_AT, loglevel="FATAL")
        decoder.add_jsgf_string("digits", _GRAMMAR)
        decoder.activate_search("digits")
        self._decoder: Any = decoder

    def heard(self, signal: Floats) -> list[str]:
        """The words that it takes a signal for."""
        samples = np.clip(resampled(signal, _HEARD_AT, RATE), -1, 1) * 32767
        self._decoder.start_utt()
        self._decoder.process_raw(samples.astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        found: Any = self._decoder.hyp()
        text: str = "" if found is None else found.hypstr
        return text.split()


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Least number of words to change, add or leave out.

    >>> word_errors("one two three".split(), "one three three four".split())
    2
    """
    row = list(range(len(heard) + 1))
    for k, word in enumerate(said, 1):
        before, row[0] = row[0], k
        for j, other in enumerate(heard, 1):
            change = before + (word != other)
            before = row[j]
            row[j] = min(change, row[j] + 1, row[j - 1] + 1)
    return row[-1]
