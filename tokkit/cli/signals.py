"""What a learned tokenizer is asked about, from files: pictures, a graph, or recordings of speech.

Pictures and graphs are read as `tokkit train` reads them. Speech is a folder of WAV files, or one,
mono and at the tokenizer's rate. Nothing is unpickled, and what a file says about its size is
looked at before anything is unpacked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokkit.tokenizer import Tokenizer

_MOST_SIGNALS = 512
"""Of which the figures are; from more of them so many are taken, evenly."""


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
    from tokkit.audit.codebook.exhibits import evenly
    from tokkit.models import read_pictures

    del tokenizer
    found = read_pictures(path, held_out=0)
    places = evenly(len(found.images), _MOST_SIGNALS)
    labels = None if found.labels is None else [int(found.labels[k]) for k in places]
    return Signals([found.images[k] for k in places], labels=labels)


def _graph(path: Path, tokenizer: Tokenizer[Any]) -> Signals:
    from tokkit.models.vqgraph.graph_files import read_graph

    del tokenizer
    graph = read_graph(path)
    labels = None if graph.labels is None else [graph.labels]
    return Signals([graph.features], [graph.edges], labels)


def _speech(path: Path, tokenizer: Tokenizer[Any]) -> Signals:
    from tokkit.audit.codebook.exhibits import evenly
    from tokkit.models.dm_codec.speech_files import wav_files
    from tokkit.models.dm_codec.wav_files import read_wav

    files = wav_files(path)
    rate = tokenizer.sample_rate
    places = evenly(len(files), _MOST_SIGNALS)
    return Signals([read_wav(files[k], sample_rate=rate)[0] for k in places])
