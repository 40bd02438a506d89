"""Where does the time of encoding go?

Nanoseconds of CPU time a byte of each phase of `TextTokenizer.encode`, on English, code and
multilingual text, one thread: the text as bytes, its parts (added tokens, normal form), its pieces,
their ids, and the list. As in `speed`, the first blocks warm the tokenizer, and each other one is
read once.

    python -m benchmarks.encode.phases [--tokenizers NAME…] [--megabytes N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import tokkit
from benchmarks.encode.speed import blocks_of
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import CACHE
from benchmarks.shared.records import show_origin
from benchmarks.shared.sample_texts import CORPUS, sample_texts
from tokkit.text.encoding.encoder import Reading, TextEncoder, text_bytes
from tokkit.text.stretches import StretchCutter

NAMES = ("llama3", "qwen3")
PHASES = ("bytes", "parts", "pieces", "ids", "list")
READING = Reading(specials=True)


def spent(encoder: TextEncoder, text: str) -> list[float]:
    """CPU-seconds of each phase of one text."""
    times = [time.process_time()]
    data = text_bytes(text)
    times.append(time.process_time())
    parts = encoder.stretches.parts(data, specials=True, normalize=True)
    times.append(time.process_time())
    pieces = encoder.pretokenizer.split(parts.data, bounds=parts.bounds)
    times.append(time.process_time())
    ids = encoder.model.encode_ids(pieces.text, pieces.bounds)
    times.append(time.process_time())
    listed = ids.tolist()
    times.append(time.process_time())
    if len(listed) != len(ids) or not np.array_equal(ids, encoder.ids(data, READING)):
        raise ValueError("other ids")
    return np.diff(times).tolist()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 0, or 2 when a vocabulary is not there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokenizers", nargs="*", default=list(NAMES))
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of sample texts")
    parser.add_argument("--megabytes", type=float, default=3.0, help="of each text, at most")
    parser.add_argument("--write-docs", action="store_true", help="put the table into the docs")
    options = parser.parse_args(arguments)
    texts, origin = sample_texts(options.corpus, int(options.megabytes * 1e6))
    lines = [f"| vocabulary | text | {' | '.join(PHASES)} |", "|" + "---|" * (2 + len(PHASES))]
    print("\n".join(lines))
    for name in options.tokenizers:
        path = CACHE / "tokenizers" / name / "tokenizer.json"
        if not path.is_file():
            print("no vocabulary; run: python -m benchmarks.fetch.real_tokenizers", file=sys.stderr)
            return 2
        tokenizer = tokkit.load_tokenizer(path)
        spec, model = tokenizer.spec, tokenizer.model
        encoder = TextEncoder(spec, StretchCutter(spec), tokenizer.pretokenizer, model)
        for title, text in texts.items():
            warm, blocks = blocks_of(text)
            for block in warm:
                spent(encoder, block)
            seconds = np.sum([spent(encoder, block) for block in blocks], axis=0)
            n_bytes = sum(len(block.encode()) for block in blocks)
            said = " | ".join(f"{each / n_bytes * 1e9:.1f}" for each in seconds)
            lines.append(f"| {name} | {title} | {said} |")
            print(lines[-1], flush=True)
    described = f"{run_description('numba', 'numpy')}\ntexts: {origin}"
    show_origin("\n".join(lines), described, "encode-phases", write_docs=options.write_docs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
