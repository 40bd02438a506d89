"""What a model of text is asked once it is trained: all from its rows over windows of bytes.

A word is right where the likeliest byte is the true one at each of its bytes, and where the
likeliest byte behind it would begin a word: then greedy writing gives this word and ends it there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_model import ByteModel
from tokkit.text.words import WordSplitter, split_words

Frequencies = Mapping[bytes, int]
CLASSES = ("0", "1-9", "10-99", "100+", "numbers")
_NUMBER = re.compile(rb"[0-9][0-9.,]*")
_LETTER = re.compile(rb"[A-Za-z]")


@dataclass(frozen=True, eq=False)
class Window:
    """A text under a model.

    Attributes:
        data: its bytes.
        logprobs: float64 (n,), nats, of each.
        likeliest: int64 (n + 1,), the likeliest symbol at each place.
    """

    data: bytes
    logprobs: NDArray[np.float64]
    likeliest: NDArray[np.int64]


def looked_through(model: ByteModel, texts: Sequence[bytes]) -> Iterator[Window]:
    """Each text by itself under a model."""
    for data in texts:
        rows = model.byte_logprobs(data)
        yield Window(data, rows[np.arange(len(data)), list(data)], rows.argmax(1))


def bits_per_byte(windows: Sequence[Window]) -> float:
    """Of all windows together."""
    total = sum(float(window.logprobs.sum()) for window in windows)
    return -total / np.log(2) / sum(len(window.data) for window in windows)


def word_frequencies(text: bytes) -> Counter[bytes]:
    """How often each word stands in a text, without the white space around it."""
    ends: list[int] = split_words(text).tolist()
    return Counter(text[start:end].strip() for start, end in zip([0, *ends], ends, strict=False))


def class_of(word: bytes, frequencies: Frequencies) -> str | None:
    """Under which heading a word is counted; None: neither letters nor digits."""
    bare = word.strip()
    if _NUMBER.fullmatch(bare.strip(b".,;:()")):
        return "numbers"
    if not _LETTER.search(bare) and bare.isascii():
        return None
    count = frequencies.get(bare, 0)
    return CLASSES[0] if not count else CLASSES[1 + (count >= 10) + (count >= 100)]


def word_accuracy(
    windows: Sequence[Window], frequencies: Frequencies
) -> dict[str, tuple[int, int]]:
    """How many words are right, and of how many, by class; the first of each window is left out."""
    found = {name: [0, 0] for name in CLASSES}
    for window in windows:
        for start, end, begins in _words(window):
            name = class_of(window.data[start:end], frequencies)
            if name is not None:
                word = np.frombuffer(window.data[start:end], np.uint8)
                right = bool((window.likeliest[start:end] == word).all())
                found[name][0] += int(right and begins)
                found[name][1] += 1
    return {name: (right, total) for name, (right, total) in found.items()}


def _words(window: Window) -> Iterator[tuple[int, int, bool]]:
    """Where words begin and end, and whether the likeliest byte behind each would begin one."""
    ends: list[int] = split_words(window.data).tolist()
    splitter = WordSplitter()
    splitter.extend(window.data[: ends[0]])
    for start, end in pairwise(ends):
        splitter.extend(window.data[start:end])
        symbol = int(window.likeliest[end])
        yield start, end, symbol > 255 or splitter.copy().push(symbol)


def perturbed(data: bytes, kind: str, share: float, generator: np.random.Generator) -> bytes:
    """A text with some of its characters changed.

    Args:
        data: UTF-8, or nearly.
        kind: `"permute"` swaps neighbours, `"replace"` puts letters, `"delete"` leaves out,
            `"upper"` writes capitals everywhere.
        share: of the characters; of no account for `"upper"`.
        generator: what is drawn from.
    """
    text = list(data.decode("utf-8", "replace"))
    if kind == "upper":
        return "".join(text).upper().encode()
    chosen = np.flatnonzero(generator.random(len(text)) < share).tolist()
    for place in chosen:
        if kind == "permute" and place + 1 < len(text):
            text[place], text[place + 1] = text[place + 1], text[place]
        elif kind == "replace":
            text[place] = chr(int(generator.integers(97, 123)))
        elif kind == "delete":
            text[place] = ""
    return "".join(text).encode()


PERTURBATIONS = (
    *((kind, share) for kind in ("permute", "replace", "delete") for share in (0.05, 0.1, 0.2)),
    ("upper", 1.0),
)


def perturbation_costs(
    model: ByteModel, texts: Sequence[bytes], *, seed: int = 0
) -> dict[str, float]:
    """Bits per byte of the second halves of texts, after first halves as they are or changed."""
    generator = np.random.default_rng(seed)
    costs: dict[str, float] = {}
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in texts]
    n_bytes = sum(len(target) for _, target in halves)
    for kind, share in (("none", 0.0), *PERTURBATIONS):
        changed = [
            first if kind == "none" else perturbed(first, kind, share, generator)
            for first, _ in halves
        ]
        nats = -sum(
            model.logprob(target, prefix=first)
            for first, (_, target) in zip(changed, halves, strict=True)
        )
        name = kind if kind in ("none", "upper") else f"{kind} {share:.0%}"
        costs[name] = nats / np.log(2) / n_bytes
    return costs


def choice_accuracy(model: ByteModel, texts: Sequence[bytes], *, seed: int = 0) -> float:
    """How often the true end of a text is the likeliest of four, by nats for each byte.

    The others are ends of other texts, cut to the same length.
    """
    generator = np.random.default_rng(seed)
    right = 0
    for place, text in enumerate(texts):
        half = len(text) // 2
        others: list[int] = generator.permutation(len(texts)).tolist()
        others.remove(place)
        ends = [text[half:], *(texts[k][half : len(text)] for k in others[:3])]
        state = model.open(text[:half])
        scores: list[float] = []
        for end in ends:
            branch = state.fork()
            before = branch.prefix_logprob
            branch.push(end)
            scores.append((branch.prefix_logprob - before) / len(end))
        right += int(np.argmax(scores)) == 0
    return right / len(texts)
