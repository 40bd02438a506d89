"""Worked examples of canonical and non-canonical sequences."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bytelm.toy_models import GPT2
from tokkit.errors import EncodingError
from tokkit.text.spec import MergeTable, SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer


def tokenizer(*merges: bytes, ignore_merges: bool = False, **options) -> TextTokenizer:
    """Single bytes, and merges given as `b"left|right"`."""
    tokens = [bytes([b]) for b in range(256)]
    rows = []
    for merge in merges:
        left, right = merge.split(b"|")
        rows.append((tokens.index(left), tokens.index(right), len(tokens)))
        tokens.append(left + right)
    tokens += options.pop("extra", [])
    kinds = np.zeros(len(tokens) + 1, dtype=np.uint8)
    kinds[-1] = 3
    columns = np.array(rows, dtype=np.int32).reshape(-1, 3).T
    ranks = np.arange(len(rows), dtype=np.int32)
    table = MergeTable(columns[0], columns[1], columns[2], ranks)
    return TextTokenizer(
        TokenizerSpec(
            "toy", "bpe", (*tokens, b""), kinds, {"<end>": len(tokens)}, table,
            ignore_merges=ignore_merges, splits=(SplitRule(GPT2),), eos_ids=(len(tokens),),
        )
    )  # fmt: skip


def ids(tok: TextTokenizer, *spellings: bytes) -> list[int]:
    return [tok.spec.token_bytes.index(spelling) for spelling in spellings]


def test_two_newlines_are_canonical_though_they_merge() -> None:
    tok = tokenizer(b"\n|\n")
    assert tok.encode("\n\n") == ids(tok, b"\n\n")
    assert tok.encode("\n\nx")[:2] == ids(tok, b"\n", b"\n")
    assert tok.is_canonical(ids(tok, b"\n", b"\n"))
    assert tok.is_canonical(ids(tok, b"\n", b"\n", b"x"))
    assert not tok.is_canonical(ids(tok, b"\n", b"\n", b"\n"))


def test_merges_forbid_a_pair_within_a_piece_only() -> None:
    tok = tokenizer(b"a|b", b" |a")
    assert not tok.is_canonical(ids(tok, b"a", b"b"))
    assert tok.is_canonical(ids(tok, b"b", b"a"))
    assert not tok.is_canonical(ids(tok, b" ", b"a"))


def test_a_character_cut_in_half_keeps_both_readings() -> None:
    tok = tokenizer(b"a|\xc3")
    assert tok.is_canonical(ids(tok, b"a\xc3", b"\xa9"))
    assert tok.is_canonical(ids(tok, b"a", b"\xc3"))  # no character: \xc3 stands alone
    assert not tok.is_canonical(ids(tok, b"a", b"\xc3", b"\xa9"))


def test_whole_piece_tokens_stand_alone() -> None:
    tok = tokenizer(extra=[b"ab"], ignore_merges=True)
    assert tok.encode("ab") == ids(tok, b"ab")
    assert tok.encode("aba") == ids(tok, b"a", b"b", b"a")
    assert tok.is_canonical(ids(tok, b"ab"))
    assert not tok.is_canonical(ids(tok, b"ab", b"a"))
    assert tok.is_canonical(ids(tok, b"ab", b" "))
    assert tok.is_canonical(ids(tok, b"a", b"b"))
    assert not tok.is_canonical(ids(tok, b"a", b"b", b" "))


def test_special_tokens_are_no_text() -> None:
    tok = tokenizer()
    end = tok.special_tokens["<end>"]
    assert not tok.is_canonical([end])
    assert tok.encode("<end>") == list(b"<end>")
    assert tok.encode("a<end>", specials=True) == [ord("a"), end]
    assert tok.decode([ord("a"), end]) == b"a"


def test_ids_outside_the_vocabulary_are_errors() -> None:
    tok = tokenizer()
    for bad in (-1, 10**6):
        with pytest.raises(EncodingError, match="outside"):
            tok.is_canonical([bad])
        with pytest.raises(EncodingError, match="outside"):
            tok.decode([bad])


def test_the_empty_sequence_is_canonical() -> None:
    assert tokenizer().is_canonical([])


@pytest.mark.parametrize("kind", [TokenKind.NORMAL, TokenKind.BYTE])
def test_plain_bytes_are_canonical_whichever_kind_their_tokens_are(kind: TokenKind) -> None:
    spec = TokenizerSpec(
        name="bytes",
        family="bytes",
        token_bytes=tuple(bytes([value]) for value in range(256)),
        kinds=np.full(256, kind, dtype=np.uint8),
    )
    tok = TextTokenizer(spec)
    for data in (b"ab", "é日".encode(), b"\xc3\xff\x80"):
        assert tok.is_canonical(tok.encode(data))
