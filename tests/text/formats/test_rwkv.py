"""RWKV's world vocabulary: greedy longest match over bytes, in full and by prefixes."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.formats.test_format_files import gguf_file
from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError
from tokkit.text.formats.rwkv import escaped_bytes, literal_bytes
from tokkit.text.loading import read_spec
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

TOKENS = [
    *(bytes([byte]) for byte in range(256)),
    b"the", b" the", b"th", b"\n\n", b"it's", b'say "it\'s"', b"\xe6\x97", "日本".encode(),
    "é\u2028".encode(), b"aaaa", b"ab\\n",
]  # fmt: skip


def literal(token):
    try:
        return repr(token.decode())
    except UnicodeDecodeError:
        return repr(token)


def write_vocab(folder, tokens=TOKENS, name="rwkv_vocab_v20230424.txt"):
    lines = [f"{i} {literal(token)} {len(token)}\n" for i, token in enumerate(tokens, start=1)]
    path = folder / name
    path.write_text("".join(lines), encoding="utf-8")
    return path


def longest_match(data, ids_by_bytes):
    """The tokenizer as RWKV defines it, slowly."""
    ids = []
    while data:
        size = max((n for n in range(1, len(data) + 1) if data[:n] in ids_by_bytes), default=0)
        if not size:
            return None
        ids.append(ids_by_bytes[data[:size]])
        data = data[size:]
    return ids


def test_a_vocabulary_gives_the_longest_match_of_any_bytes(tmp_path):
    ours = load_tokenizer(write_vocab(tmp_path))
    assert ours.spec.token_bytes == (b"", *TOKENS)
    assert (ours.special_tokens, ours.eos_ids, ours.bos_ids) == ({"<s>": 0}, (0,), ())
    ids = {token: i for i, token in enumerate(TOKENS, start=1)}
    for text in [b"", "the 日本 thé\u2028 it's".encode(), b"\xff\xe6\x97ab\\n", b"a" * 11, b"<s>"]:
        assert ours.encode(text) == longest_match(text, ids)
        assert ours.count(text) == len(ours.encode(text))
        assert ours.decode(ours.encode(text)) == text
    assert load_tokenizer(tmp_path).spec.token_bytes == ours.spec.token_bytes


def greedy(tokens):
    return TextTokenizer(
        TokenizerSpec(
            name="toy",
            family="greedy",
            token_bytes=tuple(tokens),
            kinds=np.zeros(len(tokens), dtype=np.uint8),
        )
    )


TOY = st.lists(st.text("abc", min_size=1, max_size=4).map(str.encode), unique=True, max_size=9)


@settings(max_examples=40, deadline=None)
@given(TOY, st.lists(st.integers(0, 11), max_size=7))
def test_a_sequence_is_canonical_iff_it_is_the_encoding_of_its_own_bytes(words, picks):
    tokens = list(dict.fromkeys([b"a", b"b", *words]))
    ours = greedy(tokens)
    ids = [pick % len(tokens) for pick in picks]
    by_bytes = {token: i for i, token in enumerate(tokens)}
    own = longest_match(b"".join(tokens[i] for i in ids), by_bytes)
    assert ours.is_canonical(ids) == (ids == own)
    state = ours.canonical.run(ids)
    if state != ours.canonical.DEAD:
        assert ours.canonical.may_end(state)
        expected = [
            longest_match(b"".join(tokens[i] for i in [*ids, t]), by_bytes) == [*ids, t]
            for t in range(len(tokens))
        ]
        assert ours.canonical.mask(state).tolist() == expected
        assert ours.model.successor_mask_after(ids).tolist() == expected
        kept = ours.model.deciding(tuple(ids)) if ids else ()
        assert ours.model.successor_mask_after(kept).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(TOY, st.text("abc", max_size=9).map(str.encode))
def test_the_encodings_of_all_prefixes_are_the_longest_matches(words, text):
    tokens = list(dict.fromkeys([*words, b"a", b"b"]))
    ours = greedy(tokens)
    ids = longest_match(text, {token: i for i, token in enumerate(tokens)})
    if ids is None:
        with pytest.raises(EncodingError, match="0x63"):
            ours.encode(text)
        return
    assert ours.encode(text) == ids
    encoder = ours.model.prefix_encoder()
    encoder.append(text)
    encoder.truncate(len(text))
    assert encoder.ids() == ids
    assert encoder.last_token == (ids[-1] if ids else -1)


def test_of_tokens_that_are_spelt_alike_the_lowest_id_is_used():
    ours = greedy([b"a", b"ab", b"a", b"b", b"ab"])
    assert ours.encode("abab") == [1, 1]
    assert ours.is_canonical([1, 3])
    assert not ours.is_canonical([2])


def test_a_saved_vocabulary_is_read_again(tmp_path):
    ours = load_tokenizer(write_vocab(tmp_path))
    ours.save(tmp_path / "saved")
    again = load_tokenizer(tmp_path / "saved")
    assert again.encode("the日本") == ours.encode("the日本")


def test_a_gguf_file_of_rwkv_is_read_as_its_vocabulary(tmp_path):
    original = read_spec(write_vocab(tmp_path))
    texts = ["<s>", *(repr(token)[2:-1] for token in TOKENS), "[PAD1]"]
    path = tmp_path / "small.gguf"
    types = [3] + [1] * len(TOKENS) + [5]
    path.write_bytes(gguf_file(model="rwkv", tokens=texts, token_type=types))
    spec = read_spec(path)
    assert spec.token_bytes == (*original.token_bytes, b"")
    assert spec.special_tokens == original.special_tokens
    assert spec.kinds.tolist() == [*original.kinds.tolist(), TokenKind.UNUSED]


@pytest.mark.parametrize(
    "lines",
    [
        "1 'a' 2\n",
        "1 'a' 1\n1 'b' 1\n",
        "1 'a' 1\n2 'a' 1\n",
        "1 '' 0\n",
        "1 'a' 1\n2 b 1\n",
        "1 'a' 1\n2 'b\" 1\n",
        "1 'a' 1\n2 __import__('os') 1\n",
        "1 'a' 1\n2 'a' + 'b' 2\n",
        "1 'a' 1\n2 'a' + 'b' 8\n",
        "1 'a' 1\n2 '\\N{BULLET}' 3\n",
        "1 'a' 1\n2 '\\ud800' 3\n",
        "1 'a' 1\n2 '\\U00110000' 4\n",
        "1 'a' 1\n2 b'\\u00e9' 2\n",
        "1 'a' 1\n2 b'é' 1\n",
        "1 'a' 1\n2 '\\' 1\n",
        "1 'a' 1\n999999999 'b' 1\n",
        "1 'a' 1\n99999999999999999999 'b' 1\n",
        "1 'a' 1\n2 'b' 999999999999999\n",
        "1 'a' 1\n-2 'b' 1\n",
        "1 'a' 1\n2 'b",
        f"1 'a' 1\n2 '{'b' * 5000}' 5000\n",
    ],
)
def test_a_damaged_vocabulary_is_refused(tmp_path, lines):
    path = tmp_path / "rwkv_vocab.txt"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(FormatError):
        read_spec(path)


@given(st.binary(max_size=12))
def test_what_repr_writes_is_read_back(token):
    assert literal_bytes(repr(token), "here") == token
    assert escaped_bytes(repr(token)[2:-1], "here", of_bytes=True) == token
    text = token.decode("utf-8", errors="replace")
    assert literal_bytes(repr(text), "here") == text.encode()
    assert literal_bytes(ascii(text), "here") == text.encode()


def test_no_literal_is_evaluated():
    source = Path(literal_bytes.__code__.co_filename).read_text(encoding="utf-8")
    assert not re.search(r"\beval\(|literal_eval|\bexec\(", source)
