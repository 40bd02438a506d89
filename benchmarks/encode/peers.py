"""How fast is encoding of real vocabularies, beside every library that a Python user can install?

MB per CPU-second on English, code and multilingual text, one thread, for each vocabulary whose
`tokenizer.json` is at hand (`benchmarks.fetch.real_tokenizers`): `str` in, the ids out as a list
(`encode`) and as each library gives them cheapest (an array, or an object that holds them). As in
`speed`, blocks warm every library first, and each other block is read once by each. The ids must be
equal; a library that refuses a file, or gives other ids, has its reason in place of figures.

    python -m pip install --no-deps --target FOLDER fastokens==0.3.5 gigatoken==0.10.0
    python -m benchmarks.encode.peers [--peers FOLDER] [--tokenizers NAME…] [--megabytes N]
        [--write-docs]
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.shared.places import CACHE

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # before the libraries start their threads
os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np

import tokkit
from benchmarks.encode.speed import blocks_of
from benchmarks.shared.machine import run_description
from benchmarks.shared.records import show_origin
from benchmarks.shared.sample_texts import CORPUS, sample_texts

NAMES = ("llama3", "qwen3", "gptoss", "deepseek_v3", "gpt4o", "gemma3")
OURS = "tokkit"

Encode = Callable[[str], Any]


@dataclass(frozen=True)
class Library:
    """How a library encodes with one vocabulary.

    Attributes:
        as_list: gives a list of ids.
        cheapest: gives them in whatever form it has them.
        ids: of what `cheapest` gave, as a list.
    """

    as_list: Encode
    cheapest: Encode
    ids: Callable[[Any], list[int]]


def _ours(path: Path) -> Library:
    tokenizer = tokkit.load_tokenizer(path)
    # The others take what spells a special token for it, too.
    return Library(
        lambda text: tokenizer.encode(text, specials=True),
        lambda text: tokenizer.encode_array(text, specials=True),
        lambda found: found.tolist(),
    )


def _tokenizers(path: Path) -> Library:
    from tokenizers import Tokenizer

    library: Any = Tokenizer.from_file(str(path))

    def encode(text: str) -> Any:
        return library.encode_batch_fast([text], add_special_tokens=False)[0]

    return Library(lambda text: encode(text).ids, encode, lambda found: found.ids)


def _fastokens(path: Path) -> Library:
    library = importlib.import_module("fastokens").Tokenizer.from_file(str(path))

    def encode(text: str) -> Any:
        return library.encode(text, add_special_tokens=False)

    return Library(lambda text: encode(text).ids, encode, lambda found: found.ids)


def _gigatoken(path: Path) -> Library:
    library = importlib.import_module("gigatoken").Tokenizer(str(path))
    return Library(lambda text: library.encode(text).tolist(), library.encode, np.ndarray.tolist)


LIBRARIES: dict[str, Callable[[Path], Library]] = {
    OURS: _ours,
    "tokenizers": _tokenizers,
    "fastokens": _fastokens,
    "gigatoken": _gigatoken,
}


@dataclass(frozen=True)
class Row:
    """MB per CPU-second of a library on a text, or why there are none."""

    vocabulary: str
    text: str
    library: str
    as_list: float = 0.0
    cheapest: float = 0.0
    reason: str = ""


def measured(name: str, path: Path, texts: dict[str, str], libraries: Sequence[str]) -> list[Row]:
    """The rows of one vocabulary."""
    rows: list[Row] = []
    loaded: dict[str, Library] = {}
    for library in libraries:
        try:
            loaded[library] = LIBRARIES[library](path)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0][:80]
            rows += [Row(name, text, library, reason=reason) for text in texts]
    for title, text in texts.items():
        rows += _measured(name, title, text, loaded)
    return rows


def _measured(name: str, title: str, text: str, libraries: dict[str, Library]) -> list[Row]:
    warm, blocks = blocks_of(text)
    wrong: set[str] = set()
    seconds = {library: [0.0, 0.0] for library in libraries}
    for turn, block in enumerate((*warm, *blocks)):
        found: dict[str, list[int]] = {}
        for k in range(len(libraries)):
            library = list(libraries)[(turn + k) % len(libraries)]
            each = libraries[library]
            # Even blocks are timed as lists and odd ones as they come: no block is read twice.
            way = turn % 2
            start = time.process_time()
            given = (each.cheapest if way else each.as_list)(block)
            spent = time.process_time() - start
            found[library] = each.ids(given) if way else given
            if turn >= len(warm):
                seconds[library][way] += spent
        wrong |= {library for library, ids in found.items() if ids != found[OURS]}
    sizes = [
        sum(len(block.encode()) for turn, block in enumerate(blocks, len(warm)) if turn % 2 == way)
        for way in (0, 1)
    ]
    return [
        Row(name, title, library, reason="other ids")
        if library in wrong
        else Row(name, title, library, sizes[0] / 1e6 / spent[0], sizes[1] / 1e6 / spent[1])
        for library, spent in seconds.items()
    ]


def table(rows: Sequence[Row], libraries: Sequence[str]) -> str:
    """A line for each vocabulary and text: as a list / cheapest."""
    lines = [
        f"| vocabulary | text | {' | '.join(libraries)} |",
        "|" + "---|" * (2 + len(libraries)),
    ]
    by_place = {(row.vocabulary, row.text, row.library): row for row in rows}
    for vocabulary, text in dict.fromkeys((row.vocabulary, row.text) for row in rows):
        cells = [by_place[vocabulary, text, library] for library in libraries]
        said = [row.reason or f"{row.as_list:.0f} / {row.cheapest:.0f}" for row in cells]
        lines.append(f"| {vocabulary} | {text} | {' | '.join(said)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 0, or 2 when no vocabulary is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", type=Path, help="folder with fastokens and gigatoken")
    parser.add_argument("--tokenizers", nargs="*", default=list(NAMES))
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of sample texts")
    parser.add_argument("--megabytes", type=float, default=3.0, help="of each text, at most")
    parser.add_argument("--write-docs", action="store_true", help="put the table into the docs")
    options = parser.parse_args(arguments)
    libraries = [OURS, "tokenizers"]
    if options.peers:
        sys.path.append(str(options.peers))
        libraries += ["fastokens", "gigatoken"]
    paths = {name: CACHE / "tokenizers" / name / "tokenizer.json" for name in options.tokenizers}
    paths = {name: path for name, path in paths.items() if path.is_file()}
    if not paths:
        print("no vocabularies; run: python -m benchmarks.fetch.real_tokenizers", file=sys.stderr)
        return 2
    texts, origin = sample_texts(options.corpus, int(options.megabytes * 1e6))
    rows: list[Row] = []
    for name, path in paths.items():
        rows += measured(name, path, texts, libraries)
        print(table(rows, libraries), flush=True)
    described = run_description("tokenizers", "numba", "numpy")
    if options.peers:
        described = described.replace(str(options.peers), "FOLDER")
    described = f"{described}\ntexts: {origin}"
    show_origin(table(rows, libraries), described, "encode-peers", write_docs=options.write_docs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
