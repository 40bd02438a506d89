"""New tokens are spelled with old ones: the same bytes, one token where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.hypernets.tokenizer_export.families import byte_level_bpe
from tokkit.hypernets.alignment import Alignment, Weighting, align
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer


@pytest.fixture(scope="module")
def pair() -> tuple[TextTokenizer, TextTokenizer]:
    small, large = (load_tokenizer(byte_level_bpe(Path(), size=size)) for size in (300, 400))
    return small, large


def test_spellings_have_the_bytes_of_their_token(pair: tuple[TextTokenizer, TextTokenizer]) -> None:
    source, target = pair
    alignment = align(source, target)
    for token, data in enumerate(target.spec.token_bytes):
        spelled = b"".join(source.spec.token_bytes[part] for part in alignment[token])
        assert spelled == data
    assert alignment.copied.sum() == 300
    assert not alignment.without.any()


def test_a_token_of_both_is_copied_alone(pair: tuple[TextTokenizer, TextTokenizer]) -> None:
    source, target = pair
    alignment = align(source, target)
    same = set(source.spec.token_bytes) - {b""}
    for token, data in enumerate(target.spec.token_bytes):
        if data in same:
            assert alignment.copied[token]
            assert source.spec.token_bytes[alignment[token][0]] == data


def test_a_tokenizer_is_aligned_to_itself_as_it_is(
    pair: tuple[TextTokenizer, TextTokenizer],
) -> None:
    for tokenizer in pair:
        alignment = align(tokenizer, tokenizer)
        assert alignment.copied.all()
        assert alignment.parts.tolist() == list(range(tokenizer.vocab_size))


def test_bytes_that_the_old_vocabulary_lacks_have_no_spelling(tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nab\n##c\n##d\n")
    source = load_tokenizer(vocabulary)
    target = load_tokenizer(byte_level_bpe(Path(), size=300))
    alignment = align(source, target)
    tokens = target.spec.token_bytes
    assert alignment[tokens.index(b"c")] == (6,)
    assert alignment.without[tokens.index(b"\xff")]


@pytest.mark.parametrize("kind", ["mean", "first", "last", "front_loaded"])
def test_weights_sum_to_one_where_there_is_a_spelling(kind: Weighting) -> None:
    bounds = np.array([0, 2, 2, 3, 6], dtype=np.int64)
    alignment = Alignment(9, np.array([4, 5, 4, 1, 2, 3]), bounds, np.array([0, 0, 1, 0], bool))
    weights = alignment.weights(kind).toarray()
    assert weights.sum(1) == pytest.approx([1, 0, 1, 1])
    expected = {"mean": [0.5, 0.5], "first": [1, 0], "last": [0, 1], "front_loaded": None}[kind]
    if expected is None:
        assert weights[0, 4] == pytest.approx(np.e * weights[0, 5])
    else:
        assert weights[0, 4:6] == pytest.approx(expected)


def test_a_last_token_without_a_spelling_has_no_ends() -> None:
    bounds = np.array([0, 2, 2, 2], dtype=np.int64)
    alignment = Alignment(9, np.array([4, 5]), bounds, np.zeros(3, bool))
    assert alignment.ends(last=False).tolist() == [4, 0, 0]
    assert alignment.ends(last=True).tolist() == [5, 0, 0]
