"""Texts that are cut at safe places have the ids of the whole, whatever the tokenizer does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.fuzz.draw_tokenizer_json import draw_case
from tests.fuzz.hf_reference import ReferenceFailureError
from tests.fuzz.tokenizer_json import quiet_panics
from tests.text.tokenizer_json import BYTE_LEVEL, BYTES, CHARS, MARK_SPACES, added, document, ours
from tokkit.errors import EncodingError, TokkitError
from tokkit.text.encoding.encoder import Reading
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.tokenizer import TextTokenizer

LLAMA = {
    "type": "Split",
    "pattern": {
        "Regex": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    },
    "behavior": "Isolated", "invert": False,
}  # fmt: skip
READINGS = [
    Reading(specials=specials, normalize=normalize, unk="use")
    for specials in (False, True)
    for normalize in (True, False)
]


def n_places_checked(tokenizer: TextTokenizer, text: bytes, reading: Reading) -> int:
    encoder = tokenizer._encoder
    try:
        whole = encoder.ids(text, reading)
    except EncodingError:
        return 0
    places = [place for place in range(1, len(text)) if encoder.cuts.is_safe(text, place)]
    for place in places:
        left, right = text[:place], text[place:]
        parts = [encoder.ids(left, reading), encoder.ids(right, reading, continues=True)]
        assert np.concatenate(parts).tolist() == whole.tolist(), (text, place, reading)
    expected = places[-1] if places else -1
    assert encoder.cuts.last(text) == expected
    return len(places)


def drawn(seed: int, count: int) -> Iterator[tuple[TextTokenizer, list[bytes]]]:
    with quiet_panics():
        for index in range(count):
            try:
                case = draw_case(seed, index)
                root = json.loads(json.dumps(case.document))
                tokenizer = TextTokenizer(read_hf_json(root, "drawn"))
            except (ReferenceFailureError, TokkitError):
                continue
            texts = [text.encode() for text in case.texts]
            yield (
                tokenizer,
                [b" ".join(texts[:8]), b"".join(texts[8:16]), *texts[16:20], *case.raws],
            )


def n_checked(seed: int, count: int) -> int:
    return sum(
        n_places_checked(tokenizer, text, reading)
        for tokenizer, texts in drawn(seed, count)
        for text in texts
        for reading in READINGS
    )


def test_parts_have_the_ids_of_the_whole() -> None:
    assert n_checked(5, 12) > 100


@pytest.mark.slow
def test_parts_of_many_tokenizers_have_the_ids_of_the_whole() -> None:
    assert n_checked(6, 150) > 5000


def test_a_space_ends_a_word_of_the_usual_patterns() -> None:
    tokenizer = ours(document(BYTES, pretokenizers=(LLAMA, BYTE_LEVEL)))
    cuts = tokenizer._encoder.cuts
    assert cuts.exist
    assert cuts.last(b"one two  three") == len("one two")
    assert cuts.last("one\n日本".encode()) == len("one\n")
    assert cuts.last("日本語".encode()) == -1
    assert not cuts.is_safe(b"a  b", 2)  # the last of several spaces goes with the word
    assert not cuts.is_safe(b"a\xff", 1)


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_what_an_added_token_looks_at_is_not_cut_from_it(flag: str) -> None:
    plain = document(BYTES, added("x y", 300), pretokenizers=(LLAMA, BYTE_LEVEL))
    assert not ours(plain)._encoder.cuts.is_safe(b"x y", 1)
    assert ours(plain)._encoder.cuts.is_safe(b"y z", 1)
    looking = document(BYTES, added("x y", 300, flag), pretokenizers=(LLAMA, BYTE_LEVEL))
    assert not ours(looking)._encoder.cuts.is_safe(b"y z", 1)
    assert n_places_checked(ours(looking), b"a x y z x y b  x y", Reading(specials=True)) > 0


def test_merges_are_cut_only_where_no_token_crosses() -> None:
    merges = [["a", "b"], ["▁", "a"]]
    vocab = CHARS | {"ab": 260, "▁a": 261}
    tokenizer = ours(document(vocab, normalizers=(MARK_SPACES,), merges=merges))
    cuts = tokenizer._encoder.cuts
    assert cuts.is_safe(b"b a", 1)
    assert not cuts.is_safe(b"b ab", 2)
    assert not cuts.is_safe(b"ab", 1)
    whole = replace(tokenizer.spec, ignore_merges=True)  # a part is a whole piece where none was
    assert not TextTokenizer(whole)._encoder.cuts.exist


def test_a_composing_character_is_not_cut_from_what_it_composes_with() -> None:
    nfc = {"type": "NFC"}
    tokenizer = ours(document(BYTES, normalizers=(nfc,), pretokenizers=(LLAMA, BYTE_LEVEL)))
    cuts = tokenizer._encoder.cuts
    assert cuts.is_safe(b"one two", 3)
    assert not cuts.is_safe(b"one\ntwo", 4)  # an accent may follow
    assert n_places_checked(tokenizer, "o\u0301 o\ne\u0301 x \u0301y".encode(), Reading()) > 0
