"""Stages that see spaces or bytes renamed: marks for spaces, the byte alphabet for bytes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.text.tokenizer_json import (
    BYTE_LEVEL,
    BYTES,
    CHARS,
    MARK_SPACES,
    PREPEND,
    added,
    document,
    metaspace,
    ours,
    reference,
    reference_ids,
)
from tokkit.errors import UnsupportedError

LOWERCASE = {"type": "Lowercase"}
VOCAB = {char: i for i, char in enumerate(["<unk>", *"ab ▁1-é日.\n\t", "ab", "▁a", "▁▁"])}
MERGES = [["a", "b"], ["▁", "a"], ["▁", "▁"]]
TEXTS = ("", " ", "a b", " ab", "a  b ", "a▁b ▁", "ab1-a é日. a", "a\n b\t▁1", "-- 11 --", "日é 1a")


def split(pattern: str, behavior: str) -> dict[str, Any]:
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": behavior,
        "invert": False,
    }


STAGES: dict[str, dict[str, Any]] = {
    "Whitespace": {"type": "Whitespace"},
    "WhitespaceSplit": {"type": "WhitespaceSplit"},
    "BertPreTokenizer": {"type": "BertPreTokenizer"},
    "Digits": {"type": "Digits", "individual_digits": True},
    "CharDelimiterSplit": {"type": "CharDelimiterSplit", "delimiter": " "},
    "delimiter of marks": {"type": "CharDelimiterSplit", "delimiter": "▁"},
    "FixedLength": {"type": "FixedLength", "length": 2},
    **{
        pattern: split(pattern, behavior)
        for pattern, behavior in (
            (r"\s+", "Removed"), (r" ", "Isolated"), (r"▁", "MergedWithNext"),
            (r"[^▁]+", "Isolated"), (r"\w+", "Isolated"), (r"[^\w]", "Contiguous"),
            (r"a(?=▁)", "Isolated"), (r"(?<=▁)a", "Isolated"), (r"\p{S}|\p{P}", "Isolated"),
            (r"▁(?! )", "Isolated"),
        )
    },
}  # fmt: skip


def agree(root: dict[str, Any]) -> None:
    tokenizer, library = ours(root), reference(root)
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert ids == library.encode(text, add_special_tokens=False).ids, text
        seen = tokenizer.normalize(text)
        ids = tokenizer.encode(seen, normalize=False)
        if tokenizer.decode(ids) == seen:  # nothing was dropped
            assert tokenizer.is_canonical(ids), text


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
@pytest.mark.parametrize("first", [metaspace("never"), metaspace("always"), None])
def test_a_stage_sees_marks_where_spaces_were(first: Any, stage: dict[str, Any]) -> None:
    """After Metaspace, and after a normalizer that writes marks."""
    normalizers = () if first else (PREPEND, MARK_SPACES)
    stages = (first, stage) if first else (stage,)
    agree(document(VOCAB, normalizers=normalizers, pretokenizers=stages, merges=MERGES))


@pytest.mark.parametrize("length", [1, 2, 5])
def test_fixed_lengths_count_characters(length: int) -> None:
    stage = {"type": "FixedLength", "length": length}
    agree(document(VOCAB, pretokenizers=(stage,), merges=MERGES))


@pytest.mark.parametrize("normalizers", [(MARK_SPACES,), (PREPEND, MARK_SPACES)])
def test_marks_are_text_in_the_byte_alphabet(normalizers: tuple[Any, ...]) -> None:
    agree(document(BYTES, normalizers=normalizers, pretokenizers=(BYTE_LEVEL,)))


def test_byte_level_normalizer_renames_bytes() -> None:
    byte_level = {"type": "ByteLevel"}
    token = added("日", 256, "normalized")
    agree(document(BYTES, token, normalizers=({"type": "NFC"}, byte_level)))
    root = document(BYTES, added("日", 256, "normalized", "single_word"), normalizers=(byte_level,))
    with pytest.raises(UnsupportedError, match="beside it"):
        ours(root)
    with pytest.raises(UnsupportedError, match="after ByteLevel"):
        ours(document(BYTES, normalizers=(byte_level, {"type": "NFC"})))


def test_words_of_wordpiece_may_hold_marks() -> None:
    vocab = {"[UNK]": 0, "▁a": 1, "##b": 2, "▁": 3, "##▁": 4, "a": 5, "b": 6, "##a": 7}
    root = document(vocab, pretokenizers=(metaspace("always"),))
    root["model"] = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocab,
    }
    for text in ("ab", "a b", "b a", "a▁b", "  ab"):
        assert ours(root).encode(text) == reference_ids(root, text), text


def test_a_mark_without_token_is_spelled_as_the_library_spells_it() -> None:
    """Patterns that see marks do not change what a model with byte tokens makes of them."""
    agree(document(CHARS, pretokenizers=(metaspace("first"), STAGES[r"\w+"])))


def test_an_added_token_of_which_nothing_is_left_is_refused() -> None:
    """The library finds the empty text between any two characters, and cuts there."""
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    root = document(VOCAB, added("  ", len(VOCAB), "normalized"), normalizers=(strip,))
    with pytest.raises(UnsupportedError, match="leaves nothing"):
        ours(root)


def test_text_as_the_model_sees_it_holds_no_token_that_spells_another() -> None:
    """`É` in lower case is looked for as `é`, but decodes to `É`, which the vocabulary has too."""
    root = document({"É": 0, "é": 1}, added("É", 0, "normalized"), normalizers=(LOWERCASE,))
    tokenizer = ours(root)
    assert tokenizer.encode("é") == reference_ids(root, "é") == [0]
    assert tokenizer.encode("é", normalize=False) == [1]


@pytest.mark.parametrize("flags", [(), ("lstrip",), ("lstrip", "rstrip")])
def test_white_space_that_one_token_takes_is_not_there_for_the_next(flags: tuple[str, ...]) -> None:
    """Nothing is left of two spaces that strip to the left, after a token that strips."""
    size = len(VOCAB)
    root = document(VOCAB, added("<t>", size, "rstrip"), added("  ", size + 1, *flags))
    for text in ("<t>  ", "    "):  # of longer ones the library panics
        found = ours(root).encode_with_offsets(text)
        assert found.ids.tolist() == reference_ids(root, text), text


def test_words_that_keep_their_marks_are_refused() -> None:
    stages = ({"type": "WhitespaceSplit"}, {**metaspace("always"), "split": False})
    with pytest.raises(UnsupportedError, match="words by white space"):
        ours(document(VOCAB, pretokenizers=stages))


def test_what_a_single_word_is_not_cut_out_of_the_model_may_still_make() -> None:
    root = document(VOCAB, added("ab", VOCAB["ab"], "single_word"), merges=MERGES)
    for text in ("ab", "aab", "ab1", "1 ab"):
        assert ours(root).encode(text) == reference_ids(root, text), text
