"""The tokenizer in the page gives the library's ids: toys of every family, and real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.page.engine_in_node import assert_equal_ids, run_engine
from tests.real.references import as_parameters, fetched_files
from tests.text.bpe_strategies import bpe_specs
from tokkit.audit.page.payload import make_payload
from tokkit.audit.report import AuditReport
from tokkit.audit.subject import Subject
from tokkit.text.formats.sentencepiece.charsmap import CharsMap
from tokkit.text.normalizers import (
    Chain,
    PrependText,
    ProtectLiterals,
    ReplaceText,
    SpaceMark,
    SqueezeSpaces,
    WordsBySpace,
    library_normalizer,
    replace_pattern,
)
from tokkit.text.sentencepiece_normalizer import SentencePieceNormalizer
from tokkit.text.spec import AddedToken, Normalizer, SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

SETTINGS = settings(max_examples=5, deadline=None)
BEHAVIORS = ("isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous")
TEXTS = st.lists(st.text("abcé日è😀 \n", max_size=24), min_size=1, max_size=8)


def byte_tokenizer(normalizer: Normalizer | None = None, **changes: object) -> TextTokenizer:
    """One token for each byte, so that ids show what the text became."""
    spec = TokenizerSpec(
        name="bytes",
        family="bytes",
        token_bytes=tuple(bytes([byte]) for byte in range(256)),
        kinds=np.zeros(256, dtype=np.uint8),
        normalizer=normalizer,
    )
    return TextTokenizer(replace(spec, **changes))  # pyright: ignore[reportArgumentType]


@SETTINGS
@given(st.lists(st.tuples(bpe_specs(literals=True), TEXTS), min_size=1, max_size=12))
def test_bpe_over_bytes(cases):
    assert_equal_ids([(TextTokenizer(spec), texts) for spec, texts in cases])


@SETTINGS
@given(st.lists(st.tuples(bpe_specs(char_units=True), TEXTS), min_size=1, max_size=12))
def test_bpe_over_characters(cases):
    assert_equal_ids([(TextTokenizer(spec), texts) for spec, texts in cases])


@st.composite
def unigram_specs(draw: st.DrawFn) -> TokenizerSpec:
    pieces = draw(st.lists(st.text("abé日 ", min_size=1, max_size=4), unique=True, max_size=12))
    scores = st.sampled_from([-1.0, -1.5, -2.0, -2.5, -3.1, -4.7, -6.0])
    falls_back = draw(st.booleans())
    tokens = [piece.encode() for piece in [*pieces, "a"]] + [b"\xe6\x97"]
    bytes_ = [bytes([byte]) for byte in range(256)] if falls_back else []
    kinds = [TokenKind.NORMAL] * len(tokens) + [TokenKind.BYTE] * len(bytes_)
    return TokenizerSpec(
        name="toy",
        family="unigram",
        token_bytes=(*tokens, *bytes_),
        kinds=np.array(kinds, dtype=np.uint8),
        scores=np.array([draw(scores) for _ in tokens] + [0.0] * len(bytes_)),
        unk_score=-12.0,
        float32_paths=draw(st.booleans()),
        prefix_space=draw(st.sampled_from(["never", "always", "unless_space"])),
    )


@SETTINGS
@given(st.lists(st.tuples(unigram_specs(), TEXTS), min_size=1, max_size=12))
def test_unigram(cases):
    assert_equal_ids([(TextTokenizer(spec), texts) for spec, texts in cases])


@st.composite
def wordpiece_specs(draw: st.DrawFn) -> TokenizerSpec:
    words = draw(st.lists(st.text("abcé", min_size=1, max_size=4), unique=True, max_size=10))
    tails = draw(st.lists(st.text("abcé", min_size=1, max_size=3), unique=True, max_size=10))
    tokens = [b" " + word.encode() for word in words] + [tail.encode() for tail in tails]
    continuing = [False] * len(words) + [True] * len(tails)
    return TokenizerSpec(
        name="toy",
        family="wordpiece",
        token_bytes=(*tokens, b" a"),
        kinds=np.zeros(len(tokens) + 1, dtype=np.uint8),
        continuing=np.array([*continuing, False], dtype=np.bool_),
        max_word_chars=draw(st.sampled_from([3, 100])),
        splits=(SplitRule(r"\s+", "removed"), SplitRule(r"\p{P}", "isolated")),
    )


@SETTINGS
@given(st.lists(st.tuples(wordpiece_specs(), TEXTS), min_size=1, max_size=12))
def test_wordpiece(cases):
    assert_equal_ids([(TextTokenizer(spec), texts) for spec, texts in cases])


@SETTINGS
@given(st.lists(st.text("abcé", min_size=1, max_size=4), unique=True, max_size=10), TEXTS)
def test_greedy(words, texts):
    tokens = [b"", *(word.encode() for word in words), *(bytes([byte]) for byte in range(192))]
    spec = TokenizerSpec(
        name="toy",
        family="greedy",
        token_bytes=tuple(tokens),
        kinds=np.zeros(len(tokens), dtype=np.uint8),
    )
    assert_equal_ids([(TextTokenizer(spec), texts)])


@SETTINGS
@given(st.lists(st.text("ab é", min_size=1, max_size=4), unique=True, max_size=20), TEXTS)
def test_whole_words(words, texts):
    tokens = [b"", *(word.encode() for word in words)]
    spec = TokenizerSpec(
        name="toy",
        family="words",
        token_bytes=tuple(tokens),
        kinds=np.zeros(len(tokens), dtype=np.uint8),
        splits=(SplitRule(" [^ ]*"),),
    )
    assert_equal_ids([(TextTokenizer(spec), texts)])


@pytest.mark.parametrize("behavior", BEHAVIORS)
@pytest.mark.parametrize("invert", [False, True])
def test_pieces_of_every_behaviour(behavior, invert):
    rules = (SplitRule(r"a+|b", behavior, invert), SplitRule(r"[^a]c?", "merged_with_previous"))
    spec = TokenizerSpec(
        name="whole pieces",
        family="unigram",
        token_bytes=(*(bytes([byte]) for byte in range(256)), b"aa", b"ab", b"bc", b"ca", b"abc"),
        kinds=np.array([TokenKind.BYTE] * 256 + [TokenKind.NORMAL] * 5, dtype=np.uint8),
        scores=np.full(261, -1.0),
        unk_score=-20.0,
        splits=rules,
    )
    texts = ["", "aabc", "abcaab", "bca", "xaaybcz", "aab aac", "日abc😀a", "cccaaabbbccc"]
    assert_equal_ids([(TextTokenizer(spec), texts)])


NORMALIZERS = {
    "NFC": library_normalizer("NFC"),
    "NFD": library_normalizer("NFD"),
    "NFKC": library_normalizer("NFKC"),
    "NFKD": library_normalizer("NFKD"),
    "Lowercase": library_normalizer("Lowercase"),
    "StripAccents": Chain((library_normalizer("NFD"), library_normalizer("StripAccents"))),
    "Nmt": library_normalizer("Nmt"),
    "Strip": library_normalizer("Strip", left=True, right=True),
    "Bert": library_normalizer(
        "BertNormalizer",
        clean_text=True,
        handle_chinese_chars=True,
        strip_accents=True,
        lowercase=True,
    ),
    "spaces": Chain((SpaceMark(), SqueezeSpaces())),
    "words": WordsBySpace(),
    "replace": Chain((ReplaceText("a", "$&b"), PrependText("x"))),
    "pattern": replace_pattern(" {2,}", "_", "test"),
    "charsmap": CharsMap({"a": "x", "ab": "$&", "é": "", "e\u0301 ": "E", "日": "日月"}),
    "SentencePiece": SentencePieceNormalizer({"a": "A", "\u00e9": "e\u0301"}, squeeze=True),
    "SentencePiece with symbols": SentencePieceNormalizer(
        {"a": "A", "Ab": "x  y", "\u3000": " "},
        ("a", "ab ", "  ", "\u2581b"),
        squeeze=True,
        suffix=True,
    ),
    "SentencePiece as it is": SentencePieceNormalizer(
        {"\t": ""}, ("\u2581b",), marked=False, suffix=True
    ),
    "protect": ProtectLiterals(library_normalizer("Lowercase"), ("<S>", "<S>T", "Ab")),
}
ODD = (
    "a  b   c ", " \t\nA<S>Tb<S>Ab", "Ａ①½ﬁ Å Å \u1e9b\u0323", "x\u0323\u0307y\u0307\u0323",
    "İSTANBUL ΟΔΥΣΣΕΥΣ ß", "\u0344\u0958\U0001d15e한글\u1100\u1161\u11a8", "我能 e\u0301 日本",
    "\u200b\ufeff\x00\x85\xa0\u3000▁ \u2028", "\U0001e4ee\u0301\U00016d67\U00016d67 \U000e0001",
)  # fmt: skip


@pytest.mark.parametrize("name", NORMALIZERS)
def test_normalizers(name):
    assert_equal_ids([(byte_tokenizer(NORMALIZERS[name]), ODD)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["NFC", "Lowercase"]
    + [pytest.param(name, marks=pytest.mark.sweep) for name in ("NFKD", "StripAccents", "Nmt")],
)
def test_normalizers_over_all_of_unicode(name):
    chars = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    texts = ["".join(f"a{char}\u0301" for char in chars[k::500]) for k in range(500)]
    assert_equal_ids([(byte_tokenizer(NORMALIZERS[name]), texts)])


def test_special_tokens_literals_and_prefix():
    base = byte_tokenizer().spec
    spec = replace(
        base,
        token_bytes=(*base.token_bytes, b"<l>", b"<l>>", b"", b""),
        kinds=np.array([0] * 256 + [TokenKind.LITERAL] * 2 + [TokenKind.SPECIAL] * 2, np.uint8),
        special_tokens={"<s>": 258, "<s><l>": 259},
        added_tokens=(AddedToken("▁▁", 65), AddedToken("<s>", 258, rstrip=True)),
        prefix_space="unless_space",
        normalizer=ReplaceText("L", "l"),
    )
    texts = ["", "<s>", "<s><l>> x", " <L>> <s>a", "a▁▁<l>b", "\ud800"]
    answer = run_engine([(TextTokenizer(spec), texts)])[0]
    assert "surrogate" in answer["plain"].pop()
    assert_equal_ids([(TextTokenizer(spec), texts[:-1])])
    assert answer["special"][1] == [258] and answer["special"][2][0] == 259


def test_an_unknown_normalizer_turns_the_live_view_off():
    class Mystery:
        name = "mystery"

        def __call__(self, text: str) -> str:
            return text[::-1]

    tokenizer = byte_tokenizer(Mystery())
    payload = make_payload(AuditReport("toy", Subject(tokenizer), (), ()), tokenizer)
    assert payload.about["engine"] is None
    assert "cannot run the normaliser mystery" in payload.about["refusal"]


def test_a_page_that_would_be_too_large_goes_without_the_live_view():
    tokenizer = byte_tokenizer(NORMALIZERS["charsmap"])
    report = AuditReport("toy", Subject(tokenizer), (), ())
    small = make_payload(report, tokenizer)
    payload = make_payload(report, tokenizer, max_block=len(small.block) - 1)
    assert "larger than 2 MB" in payload.about["refusal"]
    assert payload.about["engine"] is None and len(payload.block) < len(small.block)


# -- real tokenizers ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("path", as_parameters(fetched_files()))
def test_real_tokenizers(path):
    fuzz_texts = pytest.importorskip("tests.real.fuzz_texts")
    texts = fuzz_texts.fuzz_texts(1000, 11) + fuzz_texts.multilingual_texts()
    assert_equal_ids([(load_tokenizer(path), texts)])
