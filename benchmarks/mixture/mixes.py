"""Known mixes: categories and shares drawn at random, and a tokenizer trained on them.

Shares are drawn from Dirichlet(1). The text of a category is cut in two at random, line by line
(every line stands once), or by blocks of 40 lines where the setting says so; training takes its
text from the first part, nine tenths of the lines, as much of it as the shares allow. Samples:

- `same`: the training text itself.
- `superset`: the part that the training text was taken from.
- `disjoint`: the other part.
- `shifted`: text of another source.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

VOCABULARY = 30_000
TOKENIZER_FILE = "mixture-tokenizer.json"
MAX_TRAINING_BYTES = 48e6
TRAINING_PART = 0.9
"""Of the lines of a category; the rest is what disjoint samples are made of."""
N_DECOYS = 3
NEAR_ENGLISH = "en-gb"
TWINS = ("pt", "pt_BR")
BLOCK_LINES = 40
CODE_BYTES = 200_000
"""Of each programming language, where code is one domain among others."""


@dataclass(frozen=True)
class Setting:
    """Where the categories of a mix come from.

    Attributes:
        folder: of the texts, in one of the corpora.
        size: number of categories.
        min_bytes: smaller texts are not drawn.
        block: lines that stay together when a text is cut in two.
        decoys: whether there is text for categories without a share.
        twins: whether the two near-duplicates are drawn for sure.
        sample: the folder to sample from; None: the same text.
        mixes: how many to draw; the cheap ones are drawn more often.
    """

    folder: str
    size: int
    min_bytes: int = 600_000
    block: int = 1
    decoys: bool = True
    twins: bool = False
    sample: str | None = None
    mixes: int = 5


SETTINGS = {
    "languages-5": Setting("languages", 5, min_bytes=7_000_000, mixes=10),
    "languages-10": Setting("languages", 10, min_bytes=7_000_000, mixes=10),
    "languages-30": Setting("languages", 30, min_bytes=4_500_000, decoys=False),
    "languages-112": Setting("languages", 112, min_bytes=900_000),
    "code-5": Setting("code", 5, mixes=10),
    "code-10": Setting("code", 10, mixes=10),
    "domains-5": Setting("domains", 5, min_bytes=0, decoys=False, mixes=10),
    "near-10": Setting("languages", 10, min_bytes=7_000_000, twins=True),
    "languages-10-blocks": Setting("languages", 10, min_bytes=7_000_000, block=BLOCK_LINES),
    "code-10-blocks": Setting("code", 10, block=BLOCK_LINES),
    "shifted-5": Setting("lo", 5, sample="man", decoys=False, mixes=10),
}

Floats = NDArray[np.float64]


def cut(
    text: str, rng: np.random.Generator, block: int, part: float = TRAINING_PART
) -> tuple[str, str]:
    """A text in two, of blocks of lines at random: what training may take, and the rest."""
    lines = text.splitlines(keepends=True)
    blocks = ["".join(lines[k : k + block]) for k in range(0, len(lines), block)]
    order: list[int] = rng.permutation(len(blocks)).tolist()
    end = round(part * len(blocks))
    first, second = order[:end], order[end:]
    return "".join(blocks[k] for k in first), "".join(blocks[k] for k in second)


def train(texts: list[str], folder: Path, vocabulary: int = VOCABULARY) -> TextTokenizer:
    """A byte-level BPE tokenizer trained on texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    tokenizer.train_from_iterator(lines, trainer)
    path = folder / TOKENIZER_FILE
    tokenizer.save(str(path))
    return load_tokenizer(path)


class Corpora:
    """Folders of texts by kind and category."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Look for each kind in the folders, in order."""
        self._folders = folders

    def folder(self, kind: str) -> Path:
        """The first folder that holds texts of a kind.

        Raises:
            SystemExit: there is none.
        """
        for folder in self._folders:
            if (folder / kind).is_dir():
                return folder / kind
        listed = ", ".join(map(str, self._folders))
        raise SystemExit(f"no folder {kind} in {listed}; see benchmarks/fetch/mixture_texts.py")

    def texts(self, kind: str) -> dict[str, Path]:
        """Category -> its file."""
        found = {path.stem: path for path in sorted(self.folder(kind).glob("*.txt"))}
        found.pop(NEAR_ENGLISH, None)
        return found

    def read(self, kind: str, name: str) -> str:
        """The text of a category; of the domain `code`, some of each programming language."""
        if (kind, name) == ("domains", "code"):
            parts = [path.read_bytes()[:CODE_BYTES] for path in self.texts("code").values()]
            return "\n".join(part.decode(errors="ignore") for part in parts)
        return self.texts(kind)[name].read_text("utf-8")

    def names(self, setting: Setting) -> list[str]:
        """The categories that a mix may draw."""
        found = self.texts(setting.folder)
        names = [name for name in found if found[name].stat().st_size >= setting.min_bytes]
        if setting.sample is not None:
            names = [name for name in names if name in self.texts(setting.sample)]
        return [*names, "code"] if setting.folder == "domains" else names


class Mix:
    """A random mix.

    Attributes:
        names: the categories.
        decoys: categories that have no share.
        truth: float64 (c,), the true shares of bytes.
        training_bytes: of the whole training text.
        tokenizer: the one that was trained.
        samples: kind of sample -> category -> its text.
    """

    def __init__(self, corpora: Corpora, name: str, seed: int) -> None:
        """Draw the categories and their shares, and train."""
        setting = SETTINGS[name]
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        drawn = [str(each) for each in rng.permutation(corpora.names(setting))]
        if setting.twins:
            drawn = [*TWINS, *(each for each in drawn if each not in TWINS)]
        self.names = drawn[: setting.size]
        self.decoys = drawn[setting.size :][:N_DECOYS] if setting.decoys else []
        used = self.names + self.decoys
        parts = {n: cut(corpora.read(setting.folder, n), rng, setting.block) for n in used}
        shares = rng.dirichlet(np.ones(setting.size))
        sizes = np.array([len(parts[n][0].encode()) for n in self.names])
        budget = min(MAX_TRAINING_BYTES, float((sizes / shares).min()))
        training = {
            n: parts[n][0].encode()[: int(share * budget)].decode(errors="ignore")
            for n, share in zip(self.names, shares, strict=True)
        }
        trained = np.array([len(training[n].encode()) for n in self.names], dtype=np.float64)
        self.training_bytes = int(trained.sum())
        self.truth: Floats = trained / trained.sum()
        with tempfile.TemporaryDirectory() as folder:
            self.tokenizer = train(list(training.values()), Path(folder))
        if setting.sample is not None:
            self.samples = {"shifted": {n: corpora.read(setting.sample, n) for n in self.names}}
            return
        self.samples = {
            "same": training,
            "superset": {n: parts[n][0] for n in used},
            "disjoint": {n: parts[n][1] for n in used},
        }
