"""Pairs of a model and a tokenizer that it is given, and the texts that each is judged on.

The settings of the default were chosen on the first of them, and on other text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.shared.byte_level_bpe import train_bpe
from benchmarks.transfer.targets import (
    N_TOKENS,
    python_tokenizer,
    save_target,
    train_sentencepiece,
)
from benchmarks.transfer.texts import (
    Prose,
    library_text,
    library_windows,
    python_texts,
    standard_library_text,
)

OWN_KIND = "with a text of the windows' kind"
OTHER_KIND = "with a text of another kind"

Target = Callable[[Path], str]
"""From a folder to write to, to what `load_tokenizer` takes."""


def _nothing_missing() -> str:
    return ""


@dataclass(frozen=True)
class Pair:
    """A model, a tokenizer, and texts.

    Attributes:
        about: what it is, for the docs.
        source: the model.
        target: makes the tokenizer.
        windows: so many, which the figures are of.
        texts: for fits, by what they are.
        donor: a model that has the tokenizer; None where there is none.
        more_k: of sums of the donor's rows, beside the default.
        missing: why it cannot be done here, or nothing.
    """

    about: str
    source: str
    target: Target
    windows: Callable[[int], list[bytes]]
    texts: Mapping[str, Callable[[], str]]
    donor: str | None = None
    more_k: tuple[int, ...] = ()
    missing: Callable[[], str] = field(default=_nothing_missing)


def _python_bpe(folder: Path) -> str:
    return str(save_target(python_tokenizer(), folder))


def _python_sentencepiece(folder: Path) -> str:
    lines = (line for text in python_texts() for line in text.splitlines())
    return str(save_target(train_sentencepiece(lines, kind="bpe"), folder))


def _german_bpe(folder: Path) -> str:
    return str(save_target(train_bpe(_GERMAN.lines(), n_tokens=N_TOKENS), folder))


def _german_unigram(folder: Path) -> str:
    lines = (line.rstrip("\n") for line in _GERMAN.lines())
    return str(save_target(train_sentencepiece(lines, kind="unigram", n_tokens=_N_UNIGRAM), folder))


_N_UNIGRAM = 8_192
"""So little text gives no 16,384 candidates."""
_MERGEKIT_K = 64
"""The default of mergekit's command; it takes hours for a vocabulary as large as Gemma's."""
_GERMAN, _ENGLISH = Prose("de"), Prose("en")
_PYTHON = {OWN_KIND: library_text, OTHER_KIND: standard_library_text}

PAIRS: Mapping[str, Pair] = {
    "python": Pair(
        "SmolLM2 with byte-level BPE of Python, identifiers, calls and line breaks with their "
        "indent whole; library code",
        "smollm2",
        _python_bpe,
        library_windows,
        _PYTHON,
    ),
    "python-sentencepiece": Pair(
        "SmolLM2 with SentencePiece BPE of Python; library code",
        "smollm2",
        _python_sentencepiece,
        library_windows,
        _PYTHON,
    ),
    "german": Pair(
        "SmolLM2 with byte-level BPE of German; German help",
        "smollm2",
        _german_bpe,
        _GERMAN.windows,
        {OWN_KIND: _GERMAN.text},
        missing=lambda: _GERMAN.missing,
    ),
    "german-unigram": Pair(
        "SmolLM2 with Unigram of German (8,192 tokens); German help",
        "smollm2",
        _german_unigram,
        _GERMAN.windows,
        {OWN_KIND: _GERMAN.text},
        missing=lambda: _GERMAN.missing,
    ),
    "to-gemma3": Pair(
        "SmolLM2 with the tokenizer of Gemma 3; English help",
        "smollm2",
        lambda _: "gemma3",
        _ENGLISH.windows,
        {OWN_KIND: _ENGLISH.text},
        donor="gemma3",
        missing=lambda: _ENGLISH.missing,
    ),
    "to-smollm2": Pair(
        "Gemma 3 with the tokenizer of SmolLM2; English help",
        "gemma3",
        lambda _: "smollm2",
        _ENGLISH.windows,
        {OWN_KIND: _ENGLISH.text},
        donor="smollm2",
        more_k=(_MERGEKIT_K,),
        missing=lambda: _ENGLISH.missing,
    ),
}
"""Name -> pair."""
