"""The training section says what `infer_mixture` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.toy_subjects import byte_tokenizer
from tests.mixture.toy_mixture import train, write_samples
from tokkit.audit import training
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError
from tokkit.mixture.inference import infer_mixture
from tokkit.text.tokenizer import load_tokenizer


def test_the_section_says_what_the_inference_says(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(train(tmp_path / "tokenizer.json", 200_000, 800))
    folder = write_samples(tmp_path / "samples", 100_000)
    corpora = {path.stem: path for path in sorted(folder.iterdir())}
    section = training.examine(Subject(tokenizer), corpora=corpora).section
    result = infer_mixture(tokenizer, corpora)
    shares = {row[0]: row[1] for row in section.tables[0].rows}
    assert shares == {name: round(100 * p, 1) for name, p in result.proportions.items()}
    assert section.tables[0].rows[0][0] == result.ranked()[0]
    assert result.ranked()[0] in section.summary


def test_only_bpe_has_a_training_section() -> None:
    with pytest.raises(ArgumentError, match="only BPE"):
        training.examine(Subject(byte_tokenizer()), corpora={"a": b"a", "b": b"b"})
