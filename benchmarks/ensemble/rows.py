"""What models say of passages, computed once and kept: the rows that combinations are tried on.

Scoring a passage takes most of a minute, combining what two models said of it a tenth of a second.
So the next-byte log-probabilities of each model at each byte of each passage are written to
`.cache/benchmarks/ensemble-rows`, one file a model and passage, and combinations are computed from
there, with the function that `ByteEnsemble` itself steps with.

Passages to choose a combination on and passages to report are apart: the first come from the first
half of each document, the others from the second half.

    python -m benchmarks.ensemble.rows --development --passages 1 --bytes 1000
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tokkit
from benchmarks.shared.passages import Source, passages, sources, whole_characters
from benchmarks.shared.records import FOLDER
from benchmarks.shared.sample_texts import CORPUS
from tokkit.files.writing import whole_file

ROWS = FOLDER / "ensemble-rows"
LANGUAGES = {
    "English": "en",
    "German": "de",
    "French": "fr",
    "Spanish": "es",
    "Russian": "ru",
    "Japanese": "ja",
    "Turkish": "tr",
}
FORMATS = {
    "Python": "Python",
    "C": "C",
    "Rust": "Rust",
    "JavaScript": "JavaScript",
    "HTML": "HTML",
    "TeX": "TeX",
}
ENGLISH_AND_CODE = frozenset({"English", "Python", "C", "Rust", "JavaScript"})
MIXED = "all in one"
"""A passage of a piece of each of several kinds."""


@dataclass(frozen=True)
class Passage:
    """A text to measure.

    Attributes:
        kind: of text.
        data: UTF-8.
    """

    kind: str
    data: bytes

    @property
    def key(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.data).hexdigest()[:16]


def half_sources(corpus: Path, *, development: bool) -> dict[str, Source]:
    """Texts by kind, a half of each: from LibreOffice's help and source code, if they are there."""
    if not (corpus / "lo").is_dir():
        return {
            kind: Source([_half(b"\n".join(source.texts), development)], source.origin)
            for kind, source in sources(corpus).items()
        }
    paths = {name: corpus / "lo" / f"{code}.txt" for name, code in LANGUAGES.items()}
    paths |= {name: corpus / "code" / f"{code}.txt" for name, code in FORMATS.items()}
    found: dict[str, Source] = {}
    for name, path in paths.items():
        data = path.read_text(encoding="utf-8", errors="replace").encode()
        found[name] = Source([_half(data, development)], f"{path.parent.name}/{path.name}")
    return found


def _half(data: bytes, first: bool) -> bytes:
    half = data.find(b"\n", len(data) // 2) + 1
    return data[:half] if first else data[half:]


def choose_passages(
    corpus: Path, *, n: int, n_bytes: int, development: bool
) -> dict[str, list[Passage]]:
    """`n` passages of each kind, and of all kinds in one text.

    Args:
        corpus: a folder with `lo` and `code`; without them, what every clone has.
        n: of each kind.
        n_bytes: of each.
        development: from the halves to choose on, not from those to report.
    """
    found = {
        kind: [Passage(kind, data) for data in passages(source.texts, n=n, n_bytes=n_bytes)]
        for kind, source in half_sources(corpus, development=development).items()
    }
    share = n_bytes // len(found)
    mixed = [
        b"".join(whole_characters(chosen[k].data[:share]) for chosen in found.values())
        for k in range(min(map(len, found.values())))
    ]
    return {**found, MIXED: [Passage(MIXED, data) for data in mixed]}


class RecordedRows:
    """Rows of models on passages, from files or computed once.

    A model is loaded when the first row of it is missing, and only one is held at a time.
    """

    def __init__(self, folder: Path = ROWS) -> None:
        """Use a folder, made when needed."""
        self._folder = folder
        self._loaded: tuple[str, tokkit.ByteModel] | None = None

    def of(self, model: str, passage: Passage) -> NDArray[np.float64]:
        """float64 (n_bytes + 1, 257), nats; kept as float32."""
        path = self._folder / model.replace("/", "_") / f"{passage.key}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = self._model(model).byte_logprobs(passage.data).astype(np.float32)
            with whole_file(path) as file:
                np.save(file, rows)
        return np.load(path, allow_pickle=False).astype(np.float64)

    def record(self, models: Sequence[str], chosen: Sequence[Passage]) -> None:
        """Compute what is missing, one model after the other; tells stderr."""
        for model in models:
            for passage in chosen:
                self.of(model, passage)
                print(f"{model}: {passage.kind} {passage.key}", file=sys.stderr, flush=True)

    def _model(self, name: str) -> tokkit.ByteModel:
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None  # its memory first
            self._loaded = name, tokkit.load_lm(name, threads=1)
        return self._loaded[1]


def add_arguments(parser: argparse.ArgumentParser, *, passages: int, n_bytes: int) -> None:
    """Which models, on which passages.

    Args:
        parser: to add to.
        passages: the default number of each kind.
        n_bytes: that of bytes in each.
    """
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--passages", type=int, default=passages, help="of each kind of text")
    parser.add_argument("--bytes", type=int, default=n_bytes, help="in a passage")


def main() -> None:
    """Record what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, passages=1, n_bytes=1000)
    parser.add_argument("--development", action="store_true", help="passages to choose on")
    options = parser.parse_args()
    chosen = choose_passages(
        options.corpus,
        n=options.passages,
        n_bytes=options.bytes,
        development=options.development,
    )
    turns = [kind[k] for k in range(options.passages) for kind in chosen.values() if k < len(kind)]
    RecordedRows().record(options.models, turns)


if __name__ == "__main__":
    main()
