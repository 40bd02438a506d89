"""Synthetic languages, and a tokenizer trained on a known mix of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tokenizers import ByteLevelBPETokenizer

ALPHABETS = {"north": "aeioukmnprstv", "south": "aeiolmbdgfzrsct", "east": "абвгдеиклмнопрст"}
SHARES = {"north": 0.55, "south": 0.3, "east": 0.15}
N_WORDS = 3000


def words_of(language: str) -> list[str]:
    """The vocabulary of a language, most frequent word first."""
    rng = np.random.default_rng(sum(map(ord, language)))
    letters = np.array(list(ALPHABETS[language]))
    frequency = rng.dirichlet(np.full(len(letters), 1.5))
    lengths = np.clip(rng.poisson(4.5, N_WORDS) + 1, 1, 14)
    return ["".join(rng.choice(letters, n, p=frequency)) for n in lengths]


def write_text(language: str, n_bytes: int, seed: int) -> str:
    """Lines of words drawn by Zipf's law."""
    rng = np.random.default_rng(seed)
    words = np.array(words_of(language))
    frequency = 1 / (np.arange(N_WORDS) + 2.7)
    drawn = rng.choice(words, n_bytes // 4, p=frequency / frequency.sum())
    lines = [" ".join(drawn[k : k + 12]) for k in range(0, len(drawn), 12)]
    return ("\n".join(lines) + "\n").encode()[:n_bytes].decode(errors="ignore")


def train(path: Path, n_bytes: int = 600_000, vocab_size: int = 1500) -> Path:
    """A byte-level BPE trained on `SHARES` (of bytes), written to `path`."""
    texts = [write_text(name, int(share * n_bytes), seed=1) for name, share in SHARES.items()]
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=vocab_size, show_progress=False)
    bpe.save(str(path))
    return path


def write_samples(folder: Path, n_bytes: int = 400_000) -> Path:
    """A file for each language, of other text than the tokenizer was trained on."""
    folder.mkdir(exist_ok=True)
    for name in SHARES:
        (folder / f"{name}.txt").write_text(write_text(name, n_bytes, seed=2), encoding="utf-8")
    return folder
