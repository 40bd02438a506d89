"""New tokens are spelled with old ones: the same bytes, one token where there is one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tokenizers: Any = pytest.importorskip("tokenizers")
from tests.hypernets.tokenizer_export.families import byte_level_bpe
from tokkit.hypernets.alignment import Alignment, Weighting, align, matched_controls
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


def test_a_byte_is_what_the_old_tokenizer_writes_it_with() -> None:
    """And not the token that stands in for bytes without one, which comes first and is never read.

    A stand-in is copied from a stand-in.
    """
    document = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            {"<unk>": 0, **{f"<0x{n:02X}>": n + 1 for n in range(256)}, "a": 257, ".": 258},
            [], byte_fallback=True, unk_token="<unk>",
        )
    )  # fmt: skip
    source = load_tokenizer(document)
    target = load_tokenizer(byte_level_bpe(Path(), size=300))
    alignment = align(source, target)
    for letter in (b"a", b".", b"b"):
        token = target.spec.token_bytes.index(letter)
        assert alignment[token] == tuple(source.encode(letter))
        assert alignment.copied[token]
    document.add_tokens(["more"])
    again = align(source, load_tokenizer(document))
    assert again.copied[:259].all()
    assert again.parts[:259].tolist() == list(range(259))


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


def test_what_a_text_begins_after_is_what_it_began_after() -> None:
    """Also where it has another text, and the new tokenizer does not put it there."""
    spec = load_tokenizer(byte_level_bpe(Path(), size=300)).spec
    source = replace(spec, special_tokens={"<s>": 5, "</s>": 6}, bos_ids=(5,), eos_ids=(6,))
    target = replace(spec, special_tokens={"<|endoftext|>": 7, "<|end|>": 8}, eos_ids=(8,))
    assert not target.bos_ids
    assert matched_controls(source, target) == {7: 5, 8: 6}
    assert matched_controls(source, replace(target, bos_ids=(9,), eos_ids=(7,))) == {9: 5, 7: 6}
    assert matched_controls(source, replace(target, special_tokens={}, eos_ids=())) == {}


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
