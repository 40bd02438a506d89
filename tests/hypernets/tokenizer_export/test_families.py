"""A fast tokenizer that was made of any family gives the ids of the tokenizer that was passed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
from tests.hypernets.tokenizer_export.families import (
    CONTROLS,
    FAMILIES,
    tiktoken_encoding,
    unigram_without_signs,
)
from tests.text.tokenizer_json import CHARS, MARK_SPACES, added, document, ours
from tokkit.hypernets.tokenizer_export.exporting import (
    ExportedTokenizer,
    export_tokenizer,
    reloaded,
)
from tokkit.hypernets.tokenizer_export.trial import fast_ids, ids_of
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

PARTS = (
    *(
        "sea",
        "shells",
        "The",
        " the",
        "é",
        "e\u0301",
        "日本",
        "の",
        "🎉",
        "doesn't",
        "I'LL",
        "IT'S",
    ),
    *(" ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "▁", "▁▁", "123", "4", "!?", "--"),
    *("<s>", "</s>", "<unk>", "<mask>", "[CLS]", "[UNK]", "<0x41>", "<|pad|>", *CONTROLS, "\x00"),
)
TEXTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=4), max_size=12).map("".join)


QUICK = ("byte-level BPE", "tiktoken with a pattern of Rust", "SentencePiece BPE", "WordPiece")
"""The families of the default part; those that are near them are slow tests."""


@pytest.fixture(
    scope="module",
    params=[
        each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in FAMILIES
    ],
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer of each family, exported, and what is loaded after it was saved."""
    source = FAMILIES[request.param](tmp_path_factory.mktemp("family"))
    # What is read of the file alone is written anew, also where the file would be kept.
    made = export_tokenizer(load_tokenizer(source))
    return made, reloaded(made.tokenizer), export_tokenizer(source)


def assert_same(
    fast: Any, tokenizer: TextTokenizer, text: str, *, ways: tuple[bool, ...] = (True, False)
) -> None:
    for specials in ways:
        expected = ids_of(tokenizer, text, specials=specials)
        if expected is not None:
            assert fast_ids(fast, text, specials=specials) == expected, (text, specials)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS)
def test_ids_are_those_of_the_tokenizer_that_was_passed(exported: Any, text: str) -> None:
    made, again, of_source = exported
    for fast in (made.tokenizer, again, of_source.tokenizer):
        assert_same(fast, made.text, text)


def test_every_id_has_a_place_and_decodes_to_its_text(exported: Any) -> None:
    made, again, _ = exported
    for fast in (made.tokenizer, again):
        assert len(fast) == made.text.vocab_size
        assert sorted(fast.get_vocab().values()) == list(range(made.text.vocab_size))
        assert {fast.convert_tokens_to_ids(t): t for t in made.text.special_tokens} == {
            token: text for text, token in made.text.special_tokens.items()
        }


def test_decoding_gives_the_text_back(exported: Any) -> None:
    made, _, _ = exported
    if made.text.spec.family == "wordpiece":
        pytest.skip("words come back with one space between them")
    for text in ("The sea shells", "  two  spaces\n\n\tx ", "日本語の海"):
        ids = made.text.encode(text, unk="use") if made.text.spec.unk_id is not None else None
        ids = ids or made.text.encode(text)
        if made.text.spec.unk_id not in ids:
            decoded = made.tokenizer.decode(ids, skip_special_tokens=True)
            assert decoded == made.text.decode(ids).decode()


def test_a_unigram_model_that_finds_control_tokens_in_plain_text_says_so(tmp_path: Path) -> None:
    made = export_tokenizer(unigram_without_signs(tmp_path))
    assert any("split_special_tokens" in note for note in made.notes)
    assert_same(made.tokenizer, made.text, "sea <s> sea", ways=(True,))


def runs_of_spaces(lengths: Sequence[int], *, rank: int = 0) -> TextTokenizer:
    """Llama's way: all runs of spaces merge at one rank, the leftmost first."""
    from sentencepiece import sentencepiece_model_pb2

    proto: Any = sentencepiece_model_pb2
    model = proto.ModelProto()
    pieces = [("<unk>", 0.0, 2), *((f"<0x{byte:02X}>", 0.0, 6) for byte in range(256))]
    pieces += [("ab", -1.0, 1), ("▁a", -2.0, 1), *(("▁" * n, -9.0 - rank, 1) for n in lengths)]
    pieces += [(char, -20.0, 1) for char in "ab▁"]
    for text, score, kind in pieces:
        model.pieces.add(piece=text, score=score, type=kind)
    model.trainer_spec.model_type = 2
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    return TextTokenizer(read_sentencepiece(model.SerializeToString(), "runs"))


@pytest.mark.parametrize("lengths", [range(2, 8), (2, 4, 8), (*range(2, 15), 16), (2, 3, 5, 8)])
def test_runs_that_merge_at_one_rank_are_merged_from_the_left(lengths: Sequence[int]) -> None:
    text = runs_of_spaces(lengths)
    made = export_tokenizer(text)
    for n in (*range(1, 36), 63, 64, 65):
        for around in ("{}", "a{}b", "{}ab", "ab{}a"):
            assert_same(made.tokenizer, text, around.format(" " * n))


def test_plain_bytes_have_a_fast_tokenizer() -> None:
    kinds = np.full(258, TokenKind.NORMAL, dtype=np.uint8)
    kinds[:2] = TokenKind.SPECIAL
    tokens = (b"", b"", *(bytes((byte,)) for byte in range(256)))
    spec = TokenizerSpec("bytes", "bytes", tokens, kinds, {"<s>": 0, "</s>": 1}, bos_ids=(0,))
    made = export_tokenizer(TextTokenizer(spec))
    assert_same(made.tokenizer, made.text, "naïve <s> 日本\n\x00")
    assert made.tokenizer("a")["input_ids"] == [0, 2 + ord("a")]


def test_a_mark_in_raw_text_may_be_an_added_token() -> None:
    """Gemma declares `▁▁`, which is two spaces in a piece and two marks in raw text."""
    vocab = CHARS | {"▁▁": 260}
    root = document(
        vocab,
        added("▁▁", 260),
        normalizers=(MARK_SPACES,),
        merges=[["▁", "▁"]],
        unk_token="<unk>",
        byte_fallback=True,
    )
    made = export_tokenizer(ours(root))
    assert not made.kept
    for text in ("a  b", "a▁▁b", "a ▁▁ b", "▁ ▁"):
        assert_same(made.tokenizer, made.text, text)


def test_a_hole_in_the_ids_is_kept(tmp_path: Path) -> None:
    made: ExportedTokenizer = export_tokenizer(tiktoken_encoding(tmp_path))
    size = made.text.vocab_size
    assert made.text.special_tokens == {text: size - 6 + place for text, place in CONTROLS.items()}
    assert len(made.tokenizer) == size
