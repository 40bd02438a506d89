"""Added tokens are cut out as `tokenizers` cuts them out, stretch by stretch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    reference_ids,
)
from tokkit.errors import UnsupportedError
from tokkit.text.added_tokens import AddedTokenCutter
from tokkit.text.spec import AddedToken

LLAMA = (PREPEND, MARK_SPACES)
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
LOWER = {"type": "Lowercase"}
SPLIT_SPACE = {"type": "WhitespaceSplit"}
NEW = added("<t>", 260)
NFKC_LATE = (*LLAMA, {"type": "NFKC"})


def over_bytes(*tokens: Any, normalizers: tuple[Any, ...] = ()) -> dict[str, Any]:
    return document(BYTES, *tokens, normalizers=normalizers, pretokenizers=(BYTE_LEVEL,))


def over_chars(*tokens: Any, pre: tuple[Any, ...], normalizers: Any = ()) -> dict[str, Any]:
    return document(CHARS, *tokens, normalizers=normalizers, pretokenizers=pre)


PLAIN = [
    (over_chars(NEW, pre=(), normalizers=LLAMA), "a<t>b", [259, 257, 260, 259, 258]),
    (over_chars(NEW, pre=(), normalizers=LLAMA), "<t>b", [260, 259, 258]),
    (over_chars(NEW, pre=(), normalizers=LLAMA), "a<t> b", [259, 257, 260, 259, 259, 258]),
    (over_chars(NEW, pre=(), normalizers=LLAMA), " <t> ", [259, 259, 260, 259, 259]),
    (
        over_chars(added("ab", 260, "normalized"), pre=(), normalizers=LLAMA),
        "bab",
        [259, 258, 257, 258],
    ),
    (
        over_chars(added("ab", 260, "normalized"), pre=(), normalizers=LLAMA),
        "abb",
        [260, 258],
    ),
    (
        over_chars(added("b", 258, "normalized"), NEW, pre=(metaspace("always"),)),
        "aba<t>a",
        [259, 257, 258, 259, 257, 260, 259, 257],
    ),
    (
        over_chars(
            added("b", 258, "normalized"), NEW, pre=(metaspace("always"),), normalizers=LLAMA
        ),
        "aba<t>a",
        None,
    ),
    (over_bytes(added("<t>", 256), normalizers=({"type": "NFC"},)), "<t>\u0338", [256, 136, 116]),
    (over_bytes(added("<t>", 256), normalizers=(STRIP,)), "a <t> b", [64, 256, 65]),
    (over_bytes(added("ab", 256), added("xa", 257, "normalized")), "xab", [87, 256]),
    (over_bytes(added("<a", 256), added("a>", 257, "special")), "<a>", [256, 29]),
    (over_bytes(added("AB", 256, "normalized"), normalizers=(LOWER,)), "xaBAb", [87, 256, 256]),
    (over_bytes(added("<m>", 256, "lstrip")), "a \u3000<m> b", [64, 256, 220, 65]),
    (over_bytes(added("<m>", 256, "rstrip")), "a <m> \t\u2003b", [64, 220, 256, 65]),
    (over_bytes(added("ab", 256, "single_word")), "ab xab ab- éab ab", None),
    (over_bytes(added("ab", 256, "single_word"), added("b\u200d", 257)), "ab\u200d ab", None),
    (over_bytes(added("<m>", 256, "rstrip"), added("\n", 257)), "<m> \n\na", None),
    (over_bytes(added("<m>", 256, "lstrip"), added("\n", 257)), "a\n <m>a", None),
    (over_chars(pre=(SPLIT_SPACE, metaspace("never"))), "a▁b", [257, 259, 258]),
    (over_chars(pre=(SPLIT_SPACE, metaspace("never"))), "a b", [257, 258]),
    (over_chars(pre=(SPLIT_SPACE, metaspace("always"))), "a ▁▁b▁ a", None),
    (over_chars(pre=(), normalizers=NFKC_LATE), "a\u3000b ▁", None),
    (
        over_chars(
            pre=(),
            normalizers=(*LLAMA, {"type": "Replace", "pattern": {"String": "x"}, "content": ""}),
        ),
        "x",
        [259],
    ),
]
ON_REQUEST = [
    (
        over_chars(added("<s>", 260, "special"), pre=(metaspace("first"),)),
        "<s>a",
        [260, 257],
    ),
    (over_chars(added("<s>", 260, "special"), pre=(metaspace("first"),)), "a<s>a", None),
    (over_chars(added("<s>", 260, "special"), pre=(metaspace("always"),)), "<s>a", None),
    (over_bytes(added("<m>", 256, "special", "lstrip")), "a <m>", [64, 256]),
    (over_bytes(added("<m>", 256, "special", "rstrip")), "<m> \na", None),
    (over_bytes(added("<M>", 256, "special", "normalized"), normalizers=(LOWER,)), "a<m>", None),
]


@pytest.mark.parametrize(("root", "text", "ids"), PLAIN, ids=[repr(text) for _, text, _ in PLAIN])
def test_text_is_cut_as_the_reference_cuts_it(root: Any, text: str, ids: list[int] | None) -> None:
    expected = reference_ids(root, text)
    assert ids is None or ids == expected
    assert ours(root).encode(text) == expected
    assert ours(root).count(text) == len(expected)


@pytest.mark.parametrize(
    ("root", "text", "ids"), ON_REQUEST, ids=[repr(text) for _, text, _ in ON_REQUEST]
)
def test_control_tokens_are_cut_out_on_request(root: Any, text: str, ids: list[int] | None) -> None:
    expected = reference_ids(root, text, specials=True)
    assert ids is None or ids == expected
    assert ours(root).encode(text, specials=True) == expected
    assert ours(root).encode(text) == reference_ids(root, text)


# -- offsets and canonical sequences -------------------------------------------------------------

BERT_PRE = {"type": "BertPreTokenizer"}
WORDS = {
    "type": "WordPiece", "vocab": {"[UNK]": 0, "hello": 1, "world": 2, "##s": 3},
    "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
}  # fmt: skip


def wordpiece(*tokens: Any, pre: tuple[Any, ...] = (BERT_PRE,)) -> dict[str, Any]:
    return document(BYTES, *tokens, pretokenizers=pre) | {"model": WORDS}


def marked_wordpiece(*tokens: Any, pre: tuple[Any, ...] = ()) -> dict[str, Any]:
    vocab = {"[UNK]": 0, "▁": 1, "##▁": 2, "a": 3, "!": 4, "##a": 5}
    root = document(BYTES, *tokens, normalizers=LLAMA, pretokenizers=pre)
    return root | {"model": WORDS | {"vocab": vocab}}


def test_offsets_are_the_callers_bytes_though_the_pretokenizer_drops_some() -> None:
    toy = ours(wordpiece(added("<t>", 4)))
    found = toy.encode_with_offsets("hello  world <t>")
    assert found.ids.tolist() == [1, 2, 4]
    assert found.offsets.tolist() == [[0, 5], [7, 12], [13, 16]]


def test_a_space_put_before_a_text_stands_for_nothing_in_it() -> None:
    toy = ours(over_chars(NEW, pre=(), normalizers=LLAMA))
    found = toy.encode_with_offsets("é<t> b")
    assert [toy.token_bytes(i) for i in found.ids] == [
        b" ", b"\xc3", b"\xa9", b"<t>", b" ", b" ", b"b",
    ]  # fmt: skip
    assert found.offsets.tolist() == [
        [0, 0], [0, 1], [1, 2], [2, 5], [5, 5], [5, 6], [6, 7],
    ]  # fmt: skip


def test_white_space_that_goes_with_a_token_is_its_own() -> None:
    toy = ours(over_bytes(added("<m>", 256, "lstrip", "rstrip")))
    assert toy.encode_with_offsets("a  <m>\nb").offsets.tolist() == [[0, 1], [1, 7], [7, 8]]


def test_wordpiece_takes_a_text_as_one_word_where_nothing_cuts_it() -> None:
    root = wordpiece(pre=())
    assert ours(root).encode("hellos") == reference_ids(root, "hellos") == [1, 3]


@pytest.mark.parametrize(
    ("root", "text"),
    [
        (wordpiece(added("<t>", 4), added("hello<", 5)), "hellos <t>world hello<<t><t> hello<"),
        (document(BYTES, pretokenizers=(SPLIT_SPACE, BYTE_LEVEL)), "a b"),
        (over_chars(NEW, pre=(), normalizers=LLAMA), "a<t>b <t> <t><t>"),
        (over_chars(NEW, pre=(metaspace("always"),)), "<t>a<t>b <t> <t><t>"),
        (over_chars(added("</s>", 260, "rstrip"), pre=(), normalizers=LLAMA), "a</s> \nb</s>▁"),
        (over_bytes(added("<m>", 256, "lstrip", "single_word")), "a <m>-<m>a<m> <m>"),
        (over_bytes(added("b<", 256), added("<b", 257, "special")), "<b<b<"),
        # Tokens of the model and added ones at once, told apart by what follows.
        (marked_wordpiece(added("▁", 1, "normalized")), "a"),
        (marked_wordpiece(added("!", 4, "normalized"), pre=({"type": "Whitespace"},)), "a! "),
    ],
)
def test_what_is_encoded_is_canonical(root: Any, text: str) -> None:
    toy = ours(root)
    ids = toy.encode(text)
    assert ids == reference_ids(root, text)
    state = toy.canonical.START
    for token in ids:
        assert toy.canonical.mask(state)[token]
        state = toy.canonical.advance(state, token)
    assert toy.canonical.may_end(state)


def test_a_space_follows_an_added_token_where_one_is_put_before_every_stretch() -> None:
    toy = ours(over_chars(NEW, pre=(), normalizers=LLAMA))
    assert toy.is_canonical([259, 257, 260, 259, 258])
    assert not toy.is_canonical([259, 257, 260, 258])
    stripped = ours(over_chars(added("</s>", 260, "rstrip"), pre=(metaspace("always"),)))
    assert stripped.is_canonical([260, 259, 258])
    assert not stripped.is_canonical([260, 258])


@pytest.mark.parametrize("text", ["é", "e\u0301", "ée\u0301", "ee\u0301"])
def test_a_raw_literal_that_the_normalizer_makes_is_the_models(text: str) -> None:
    vocab = {"<unk>": 0, "é": 1, "e": 2}
    with_literal = document(vocab, added("é", 1), normalizers=({"type": "NFC"},))
    tokenizer = ours(with_literal)
    ids = tokenizer.encode(text)
    assert ids == reference_ids(with_literal, text)
    assert tokenizer.is_canonical(ids)


@pytest.mark.parametrize("text", ["a", "b", "ba", "a b", "ab a", "aab"])
def test_a_single_word_that_is_a_token_too_is_canonical_both_ways(text: str) -> None:
    vocab = {"<unk>": 0, "a": 1, "b": 2, "\u2581": 3}
    single = document(vocab, added("a", 1, "single_word"), pretokenizers=(metaspace("never"),))
    tokenizer = ours(single)
    ids = tokenizer.encode(text)
    assert ids == reference_ids(single, text)
    assert tokenizer.is_canonical(ids)
    for token in range(tokenizer.vocab_size):
        state = tokenizer.canonical.run(ids)
        follows = bool(tokenizer.canonical.mask(state)[token])
        assert follows == tokenizer.is_canonical([*ids, token])


@settings(deadline=None)
@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=5, unique=True),
    st.text("ab|", max_size=12),
)
def test_tokens_are_found_whatever_they_begin_with(contents: list[str], text: str) -> None:
    tokens = [AddedToken(content, k) for k, content in enumerate(contents)]
    found, place = list[tuple[int, int, int]](), 0
    while place < len(text):
        here = [token for token in tokens if text.startswith(token.content, place)]
        token = max(here, key=lambda token: len(token.content), default=None)
        stop = place + (len(token.content) if token else 1)
        if token:
            found.append((place, stop, token.id))
        place = stop
    cut = AddedTokenCutter(tokens, frozenset()).cut(text.encode(), specials=False)
    assert [part for part in cut if part[2] is not None] == found


@pytest.mark.parametrize(
    "contents",
    [
        ["ab" * 300],
        ["a" * n for n in range(2, 400)],
        ["ab" * n + "c" for n in range(1, 200)],
        ["ab" * 2000],
        [f"a{n}" for n in range(21_000)],
    ],
)
def test_long_nested_and_many_tokens_are_found(contents: list[str]) -> None:
    """The longest that there is, however many there are, and however long."""
    vocab = {"<unk>": 0, "a": 1, "b": 2, "c": 3}
    data = document(vocab, *(added(text, 4 + k) for k, text in enumerate(contents)))
    tokenizer = ours(data)
    for text in ("a" * 1000, "ab" * 777 + "c" + "ab" * 150, contents[-1] + "ca"):
        assert tokenizer.encode(text) == reference_ids(data, text)


@pytest.mark.parametrize("unknown", ["a", "UNK"])
def test_an_unknown_token_that_is_spelled_like_text_is_refused(unknown: str) -> None:
    """The library makes that token of text that is spelled so, as well as of unknown text."""
    pieces = {unknown: 0, "b": 1, "##b": 2, "ab": 3}
    unigram = {"type": "Unigram", "unk_id": 0, "vocab": [[text, -1.0] for text in pieces]}
    wordpiece = {
        "type": "WordPiece", "unk_token": unknown, "vocab": pieces,
        "continuing_subword_prefix": "##", "max_input_chars_per_word": 9,
    }  # fmt: skip
    for model in (unigram, wordpiece):
        with pytest.raises(UnsupportedError, match="text that is spelled so is that token as well"):
            ours(document({}) | {"model": model})
    declared = document({}, added(unknown, 0, "special")) | {"model": unigram}
    if unknown == "UNK":  # a control token of one character is refused for other reasons
        assert ours(declared).encode("bc", unk="use") == reference_ids(declared, "bc")


def over_words(*tokens: Any, **parts: Any) -> dict[str, Any]:
    marked = {"end_of_word_suffix": "</w>", "unk_token": "<unk>"}
    return document({"<unk>": 0, "a": 1, "b</w>": 2}, *tokens, **marked, **parts)


def test_text_that_is_left_to_a_model_with_marks_is_refused() -> None:
    found = over_words(added("a", 1))
    assert ours(found).encode("ab", unk="use") == reference_ids(found, "ab") == [1, 2]
    for left in (
        over_words(added("a", 1), normalizers=(LOWER,)),  # "A" becomes "a" after the cut
        over_words(added("a", 1, "normalized"), added("<|a|>", 3, "special")),
    ):
        with pytest.raises(UnsupportedError, match="its text is not always cut out"):
            ours(left)


def test_the_first_stretch_is_where_the_first_character_ends_up() -> None:
    """Of what a normaliser makes of it, a token may take the beginning."""
    ideograph = {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
        "strip_accents": False, "lowercase": False,
    }  # fmt: skip
    chars = {"<unk>": 0, "\u2581": 1, "\u4e2d": 2, "1": 3, "\u2044": 4, "2": 5, "x": 6}
    spaces = document(
        chars,
        added("\n", 7, "normalized"),
        normalizers=(ideograph,),
        pretokenizers=(metaspace("first"),),
    )
    digits = document(
        chars, added("1", 3, "normalized"), normalizers=({"type": "NFKD"},),
        pretokenizers=(metaspace("first"),),
    )  # fmt: skip
    for root, texts in (
        (spaces, ("\u4e2d", "x\u4e2d", "\u4e2dx", " \u4e2d")),
        (digits, ("\u00bd", "x\u00bd", "1x", "\u00bdx")),
    ):
        for text in texts:
            assert ours(root).encode(text, unk="use") == reference_ids(root, text), text
            found = ours(root).encode_with_offsets(text, unk="use")
            assert found.ids.tolist() == reference_ids(root, text)


def test_a_space_put_before_every_stretch_is_put_once() -> None:
    whole = {"type": "Metaspace", "replacement": "\u2581", "split": False}
    schemes = ({**whole, "prepend_scheme": scheme} for scheme in ("always", "first"))
    twice = over_chars(NEW, pre=tuple(schemes))
    for text in ("a<t>b", "<t>b", "a b<t>"):
        assert ours(twice).encode(text) == reference_ids(twice, text), text
