"""Small models to look through, with transformers and without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs
from tokkit.arguments import as_bytes
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import END, N_SYMBOLS, ByteState
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.hf import BLANK_ID
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

TEXT = "the cat sat on the mat. the cats sat on the mats.\n\nthe dog's mat, été 12\n" * 3

texts = st.lists(st.sampled_from(SYMBOLS), max_size=6).map(b"".join)


@st.composite
def random_models(draw: st.DrawFn) -> ByteModel:
    """A random model over a random tokenizer, or a random ensemble of two."""
    specs = [
        draw(bpe_specs(PRETOKENIZERS[name]))
        for name in draw(st.sampled_from([("gpt2",), ("gpt2", "llama3")]))
    ]
    members = [ByteLM(RandomLM(TextTokenizer(spec), seed)) for seed, spec in enumerate(specs)]
    if len(members) == 1:
        return members[0]
    return ByteEnsemble(members, weights=[1, 2], combine=draw(st.sampled_from(["mixture", "mean"])))


def save_tokenizer(folder: Path, vocab_size: int = 290) -> Path:
    """A byte-level BPE tokenizer as `folder/tokenizer.json`."""
    from tokenizers import ByteLevelBPETokenizer

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        [TEXT], vocab_size=vocab_size, show_progress=False, special_tokens=["<|endoftext|>"]
    )
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def ngram_lm(folder: Path, *, vocab_size: int = 290, order: int = 3) -> ByteLM:
    """An n-gram model of `TEXT`; it gives every byte some mass everywhere."""
    tokenizer = load_tokenizer(save_tokenizer(folder, vocab_size))
    return ByteLM(NgramLM.train([TEXT], tokenizer, order=order), name=f"order {order}")


class CountingLM:
    """An n-gram model that counts how often it is called."""

    def __init__(self, lm: NgramLM) -> None:
        self._lm = lm
        self.tokenizer = lm.tokenizer
        self.eos_ids: Sequence[int] = lm.eos_ids
        self.n_calls = 0

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        self.n_calls += 1
        return self._lm.next_token_logprobs(contexts)


class Spelling(ByteModel):
    """Writes one text, certainly, after prompts of any number of the letter x."""

    def __init__(self, data: bytes) -> None:
        self.name = "spelling"
        self.data = data

    def open(self, prefix: str | bytes = b"") -> SpellingState:
        return SpellingState(self.data, as_bytes(prefix))


class SpellingState(ByteState):
    """So many bytes of the text have been written."""

    def __init__(self, data: bytes, prefix: bytes) -> None:
        self.data, self.prefix = data, prefix

    def logprobs(self) -> NDArray[np.float64]:
        row = np.full(N_SYMBOLS, -np.inf)
        n_written = len(self.prefix.lstrip(b"x"))
        row[self.data[n_written] if n_written < len(self.data) else END] = 0.0
        return row

    def push(self, data: str | bytes) -> None:
        self.prefix += as_bytes(data)

    def fork(self) -> SpellingState:
        return SpellingState(self.data, self.prefix)

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        rows = [self.logprobs()]
        for byte in as_bytes(data):
            self.push(bytes([byte]))
            rows.append(self.logprobs())
        return np.array(rows)

    @property
    def prefix_logprob(self) -> float:
        return 0.0


def left_padded(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rows of one length, at least 1, with blanks before them."""
    width = max(1, *(len(row) for row in rows))
    return [[BLANK_ID] * (width - len(row)) + list(row) for row in rows]
