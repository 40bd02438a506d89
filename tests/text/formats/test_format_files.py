"""tiktoken, tekken, GPT-2, SentencePiece and GGUF files encode as their own references do."""

import base64
import json
import struct
from typing import Any

import pytest

from tests.text.format_samples import CORPUS, SAMPLES
from tokkit.errors import FormatError, UnsupportedError
from tokkit.text.formats.byte_alphabet import CHAR_OF_BYTE, text_of
from tokkit.text.formats.patterns import GPT2
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.loading import read_spec
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

ALPHABET = sorted(CHAR_OF_BYTE)
RANKS = {bytes((byte,)): byte for byte in range(256)} | {b"ab": 256, b"abc": 257, b" a": 258}


def rank_file(ranks):
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())


@pytest.mark.parametrize("encoding", ["gpt2", "cl100k_base", "o200k_base"])
def test_rank_files_encode_as_tiktoken_does(tmp_path, encoding):
    tiktoken = pytest.importorskip("tiktoken")
    path = tmp_path / "small.tiktoken"
    path.write_bytes(rank_file(RANKS))
    spec = read_spec(path, format=f"tiktoken:{encoding}")
    reference = tiktoken.Encoding(
        "small", pat_str=spec.splits[0].pattern, mergeable_ranks=RANKS, special_tokens={}
    )
    ours = TextTokenizer(spec)
    for text in [*SAMPLES, "abcab abc cabc"]:
        assert list(ours.encode(text)) == reference.encode(text), text
    assert spec.ignore_merges


def test_an_unknown_rank_file_must_be_named(tmp_path):
    path = tmp_path / "small.tiktoken"
    path.write_bytes(rank_file(RANKS))
    with pytest.raises(FormatError, match="format='tiktoken"):
        read_spec(path)


def test_tekken_ids_begin_after_the_control_tokens(tmp_path):
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for token, rank in RANKS.items()
    ]
    config = {
        "pattern": GPT2, "default_vocab_size": 268, "default_num_special_tokens": 10,
        "num_vocab_tokens": len(vocab), "version": "v3",
    }  # fmt: skip
    path = tmp_path / "tekken.json"
    path.write_text(json.dumps({"config": config, "vocab": vocab}))
    spec = read_spec(path)
    assert spec.vocab_size == 268
    assert spec.token_bytes[10:268] == tuple(RANKS)[:258]
    assert (spec.bos_ids, spec.eos_ids) == ((1,), (2,))
    assert list(TextTokenizer(spec).encode("ab")) == [266]


def test_gpt2_files_give_the_ids_of_encoder_json(tmp_path):
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\na b\nĠ a\nĠa b\n", encoding="utf-8")
    derived = read_spec(tmp_path)
    assert derived.vocab_size == 260
    assert derived.token_bytes[256:] == (b"ab", b" a", b" ab", b"")
    ids = {text_of(data): 259 - i for i, data in enumerate(derived.token_bytes) if data}
    ids["<|endoftext|>"] = 0
    (tmp_path / "encoder.json").write_text(json.dumps(ids))
    given_ids = read_spec(tmp_path)
    assert given_ids.token_bytes == tuple(reversed(derived.token_bytes))
    assert given_ids.special_tokens == {"<|endoftext|>": 0}


def sentencepiece_model(folder, **options):
    sentencepiece = pytest.importorskip("sentencepiece")
    prefix = folder / "small"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_prefix=str(prefix), minloglevel=2,
        hard_vocab_limit=False, **options,
    )  # fmt: skip
    path = prefix.with_suffix(".model")
    return path, sentencepiece.SentencePieceProcessor(model_file=str(path))


SENTENCEPIECE = {
    "bpe like llama": {
        "model_type": "bpe", "vocab_size": 420, "byte_fallback": True,
        "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
        "user_defined_symbols": ["<tool>", "shells"],
    },
    "bpe, normalised": {"model_type": "bpe", "vocab_size": 160},
    "bpe, no prefix": {
        "model_type": "bpe", "vocab_size": 420, "byte_fallback": True, "add_dummy_prefix": False,
    },
    "unigram": {"model_type": "unigram", "vocab_size": 400, "byte_fallback": True},
    "unigram, spaces after words": {
        "model_type": "unigram", "vocab_size": 400, "byte_fallback": True,
        "treat_whitespace_as_suffix": True,
    },
    "words": {"model_type": "word", "vocab_size": 60},
    "characters": {"model_type": "char", "vocab_size": 60},
}  # fmt: skip


@pytest.mark.parametrize("case", SENTENCEPIECE)
def test_sentencepiece_models_encode_as_the_library_does(tmp_path, case):
    path, reference = sentencepiece_model(tmp_path, **SENTENCEPIECE[case])
    spec = read_spec(path)
    ours = TextTokenizer(spec)
    has_bytes = (spec.kinds == TokenKind.BYTE).any()
    for text in ["", " ", "  the sea  ", "the▁sea", "<tool> seashells", "① ﾊﾝ\n\tx", *CORPUS[:4]]:
        expected = reference.encode(text)
        if not has_bytes and reference.unk_id() in expected:
            continue
        assert list(ours.encode(text)) == expected, text


def unigram(*pieces, **normalizer):
    """A Unigram model of pieces that score -1, and of user-defined symbols in angle brackets."""
    pytest.importorskip("sentencepiece")
    from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

    proto: Any = sentencepiece_model_pb2
    model = proto.ModelProto()
    model.pieces.add(piece="<unk>", type=2)
    for text in pieces:
        symbol = text[1:-1] if len(text) > 2 and text[0] == "<" else text
        model.pieces.add(piece=symbol, score=-1.0, type=1 if symbol == text else 4)
    for name, value in normalizer.items():
        setattr(model.normalizer_spec, name, value)
    data = model.SerializeToString()
    reference = SentencePieceProcessor()
    reference.LoadFromSerializedProto(data)
    return TextTokenizer(read_sentencepiece(data, "toy")), reference


def test_user_defined_symbols_of_a_unigram_model_compete_by_score():
    ours, reference = unigram("a", "b", "c", "d", "<ab>", "<bcd>", add_dummy_prefix=False)
    assert ours.encode("abcd") == reference.encode("abcd") == [1, 6]
    assert ours.encode("abc") == reference.encode("abc") == [5, 3]
    ours, reference = unigram("b", "▁b", "<▁>")  # 0.2 for three bytes
    assert ours.encode("b") == reference.encode("b") == [3, 1]


@pytest.mark.parametrize("squeeze", [True, False])
@pytest.mark.parametrize("prefix", [True, False])
def test_a_raw_mark_at_the_end_goes_only_where_spaces_do(squeeze, prefix):
    options = {"remove_extra_whitespaces": squeeze, "add_dummy_prefix": prefix}
    ours, reference = unigram("a", "▁", **options)
    texts = ("a▁", "▁a ▁ ", "▁", "▁▁", " ▁ a", "a ▁a")
    assert [ours.encode(text) for text in texts] == [reference.encode(text) for text in texts]
    assert ours.encode("a▁")[-1] == (1 if squeeze else 2)


def test_a_text_of_which_the_normaliser_leaves_nothing_is_the_space_before_it(tmp_path):
    path, reference = sentencepiece_model(
        tmp_path, vocab_size=100, normalization_rule_name="nmt_nfkc", remove_extra_whitespaces=False
    )
    ours = load_tokenizer(path)
    for text in ("\x7f", "\x7fa", "a\x7f", "\x01\x7f", ""):
        assert ours.encode(text) == reference.encode(text), text
    assert [ours.spec.token_bytes[token] for token in ours.encode("\x7f")] == [b" "]


def test_user_defined_symbols_that_look_like_control_tokens_stay_text():
    ours, _ = unigram("▁", "<", "|", ">", "x", "<<|x|>>")
    assert ours.special_tokens == {"<|x|>": 6}
    assert ours.spec.unmarked_ids == (6,)
    assert ours.encode("<|x|>") == [1, 2, 3, 5, 3, 4]
    assert ours.encode("<|x|>", specials=True) == [6]


def test_the_format_is_seen_from_the_content_not_the_name(tmp_path):
    path = tmp_path / "anything.bin"
    path.write_bytes(gguf_file(**gguf_byte_level()))
    assert read_spec(path).family == "bpe"
    model, _ = sentencepiece_model(tmp_path, **SENTENCEPIECE["unigram"])
    renamed = model.rename(tmp_path / "tokenizer.json")
    assert read_spec(renamed).family == "unigram"


def gguf_string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_value(value):
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    head = struct.pack("<I", 9)
    if isinstance(value[0], str):
        body = b"".join(map(gguf_string, value))
        return head + struct.pack("<IQ", 8, len(value)) + body
    kind, code = (6, "f") if isinstance(value[0], float) else (5, "i")
    return head + struct.pack(f"<IQ{len(value)}{code}", kind, len(value), *value)


def gguf_file(**values):
    """A GGUF file with `tokenizer.ggml.*` and, before it, an array that is to be skipped."""
    pairs = [("other.array", ["x", "yy"])]
    pairs += [(f"tokenizer.ggml.{key}", value) for key, value in values.items()]
    body = b"".join(gguf_string(key) + gguf_value(value) for key, value in pairs)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body + b"\0" * 64


def gguf_byte_level(**changes):
    tokens = [*ALPHABET, "ab", "12", "<|im_end|>", "<think>", "[PAD1]"]
    values = {
        "model": "gpt2", "pre": "smollm", "tokens": tokens,
        "token_type": [1] * 258 + [3, 4, 5], "merges": ["a b", "1 2"], "eos_token_id": 258,
    }  # fmt: skip
    return values | changes


def test_gguf_restores_the_digits_that_conversion_loses(tmp_path):
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(**gguf_byte_level()))
    spec = read_spec(path)
    assert [rule.pattern for rule in spec.splits] == [r"\p{N}", GPT2]
    kinds = [TokenKind(kind) for kind in spec.kinds[258:]]
    assert kinds == [TokenKind.SPECIAL, TokenKind.LITERAL, TokenKind.UNUSED]
    assert (spec.bos_ids, spec.eos_ids) == ((), (258,))
    one, two = (ALPHABET.index(digit) for digit in "12")
    assert list(TextTokenizer(spec).encode("ab12<think>")) == [256, one, two, 259]


def test_gguf_refuses_an_unknown_pretokenizer_by_name(tmp_path):
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(**gguf_byte_level(pre="mystery-7")))
    with pytest.raises(UnsupportedError, match="mystery-7"):
        read_spec(path)


def test_gguf_llama_models_read_as_their_sentencepiece_original(tmp_path):
    model, reference = sentencepiece_model(tmp_path, **SENTENCEPIECE["bpe like llama"])
    original = read_spec(model)
    size = reference.get_piece_size()
    types = [
        2 if reference.is_unknown(i) else 3 if reference.is_control(i) else 6
        if reference.is_byte(i) else 4 if original.kinds[i] == TokenKind.LITERAL else 1
        for i in range(size)
    ]  # fmt: skip
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(
        model="llama", pre="anything", tokens=[reference.id_to_piece(i) for i in range(size)],
        scores=[float(reference.get_score(i)) for i in range(size)], token_type=types,
        bos_token_id=1, eos_token_id=2,
    ))  # fmt: skip
    spec = read_spec(path)
    assert spec.token_bytes == original.token_bytes
    assert (spec.kinds == original.kinds).all()
    assert (spec.bos_ids, spec.eos_ids) == (original.bos_ids, original.eos_ids) == ((1,), (2,))
    assert spec.prefix_space == original.prefix_space == "always"
    assert spec.merges is not None
    assert original.merges is not None
    assert spec.merges.left.tolist() == original.merges.left.tolist()
    assert spec.merges.rank.tolist() == original.merges.rank.tolist()


@pytest.mark.parametrize(
    ("text", "keys", "protected"),
    [
        ("<start_of_image>", {}, True),
        ("<end_of_turn>", {}, True),
        ("<\uff5ctool\u2581sep\uff5c>", {}, True),
        ("<turn>", {}, False),
        ("<turn>", {"eot_token_id": 259}, True),
        ("[MIDDLE]", {"fim_mid_token_id": 259}, True),
        ("<h1>", {}, False),
        ("\n\n", {}, False),
    ],
)
def test_gguf_protects_control_tokens_that_it_declares_as_text(tmp_path, text, keys, protected):
    values: dict[str, Any] = gguf_byte_level(**keys)
    values["tokens"][259] = text
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(**values))
    ours = load_tokenizer(path)
    assert (259 in ours.encode(f"a{text}b")) is not protected
    assert ours.encode(f"a{text}b", specials=True)[1] == 259
    assert (text in ours.special_tokens) is protected
    assert ours.spec.unmarked_ids == ((259,) if protected else ())


def test_gguf_protects_them_in_sentencepiece_models_too(tmp_path):
    tokens = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "<start_of_image>", "<h1>"]
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(
        model="llama", tokens=tokens, scores=[0.0] * len(tokens),
        token_type=[2] + [6] * 256 + [4, 4], add_space_prefix=False,
    ))  # fmt: skip
    ours = load_tokenizer(path)
    assert ours.encode("<start_of_image>") == [byte + 1 for byte in b"<start_of_image>"]
    assert ours.encode("<h1>") == [258]


def test_a_control_token_that_only_the_config_marks_is_protected(tmp_path):
    document = {
        "added_tokens": [{"id": 256, "content": "<tool>"}, {"id": 257, "content": "<think>"}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        "model": {"type": "BPE", "vocab": {c: i for i, c in enumerate(ALPHABET)}, "merges": []},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    declared = {"256": {"content": "<tool>", "special": True}, "257": {"content": "<think>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": declared}))
    ours = load_tokenizer(tmp_path)
    assert ours.special_tokens == {"<tool>": 256}
    assert ours.spec.unmarked_ids == (256,)
    assert 256 not in ours.encode("<tool>")
    assert ours.encode("<tool><think>", specials=True) == [256, 257]


def test_gguf_sentencepiece_tokens_with_spaces_are_found_in_text(tmp_path):
    """Converters write the spaces of added tokens as spaces, as no piece of the model does."""
    tokens = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "  ", "a b", "▁", "a"]
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(
        model="llama", tokens=tokens, scores=[0.0] * len(tokens),
        token_type=[2] + [6] * 256 + [4, 4, 1, 1], add_space_prefix=False,
    ))  # fmt: skip
    ours = load_tokenizer(path)
    assert ours.encode("a  a b a") == [260, 257, 258, 259, 260]


def test_gguf_t5_has_the_unknown_token_of_its_pieces(tmp_path):
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(
        model="t5", tokens=["<unk>", "▁", "a"], scores=[0.0, -1.0, -1.0], token_type=[2, 1, 1],
    ))  # fmt: skip
    assert load_tokenizer(path).encode("axyza", unk="use") == [1, 2, 0, 2]
