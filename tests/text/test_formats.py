"""Every format is read into a spec that encodes as the format's own reference does."""

import base64
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

tokenizers = pytest.importorskip("tokenizers")
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tokkit.errors import FormatError, UnsupportedError
from tokkit.text.formats.byte_alphabet import bytes_of, text_of
from tokkit.text.formats.hf_json import read_hf_json
from tokkit.text.formats.merge_tables import drop_idle_merges, listed_merges, merges_by_rank
from tokkit.text.formats.patterns import CL100K, GPT2, QWEN2
from tokkit.text.loading import read_spec
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

CORPUS = [
    "The quick brown fox jumps over the lazy dog, doesn't it? It's 2024 and that's 12345 things.",
    "She sells sea shells on the sea shore; the shells she sells are surely sea shells.",
    "def sea(shells):\n    return [shell for shell in shells if shell.sold]\n\n\tpass  # 100%\n",
    "naïve café Größe Übermut, déjà vu; привет мир, привет море; 日本語の海、海の日本。 🎉🎉",
] * 3
SAMPLES = [
    "",
    " ",
    "a",
    " sea",
    "  the sea  ",
    "the▁sea ▁ shells",
    "It's the 2024's sea,  shells!\n\n\tdoesn't pass 12345678",
    "Größe naïve cafe\u0301 привет 日本の海 🎉",
    "\n\n \n x",
]
BYTE_LEVEL = pre_tokenizers.ByteLevel


def trained(model, trainer_class, *, normalizer=None, pre=None, **options):
    """A small tokenizer, trained by the reference itself."""
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    trainer = trainer_class(vocab_size=500, show_progress=False, **options)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_bpe(*stages, normalizer=None, prefix=False, use_regex=True):
    last = BYTE_LEVEL(add_prefix_space=prefix, use_regex=use_regex)
    return trained(
        models.BPE(),
        trainers.BpeTrainer,
        normalizer=normalizer,
        pre=pre_tokenizers.Sequence([*stages, last]) if stages else last,
        initial_alphabet=BYTE_LEVEL.alphabet(),
        special_tokens=["<|endoftext|>"],
    )


def char_bpe(normalizer=None, pre=None):
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = trained(
        models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
        trainers.BpeTrainer,
        normalizer=normalizer,
        pre=pre,
        special_tokens=["<unk>", "<s>", "</s>"],
    )
    document = json.loads(tokenizer.to_str())
    vocab = document["model"]["vocab"]
    for text in bytes_:
        vocab.setdefault(text, len(vocab))
    return Tokenizer.from_str(json.dumps(document))


def unigram(normalizer=None, pre=None):
    return trained(
        models.Unigram(),
        trainers.UnigramTrainer,
        normalizer=normalizer,
        pre=pre,
        special_tokens=["<unk>", "</s>"],
        unk_token="<unk>",
    )


def wordpiece():
    return trained(
        models.WordPiece(unk_token="[UNK]"),
        trainers.WordPieceTrainer,
        normalizer=normalizers.BertNormalizer(lowercase=True),
        pre=pre_tokenizers.BertPreTokenizer(),
        special_tokens=["[UNK]", "[CLS]", "[SEP]"],
    )


MARKS = normalizers.Replace(" ", "▁")
LIBRARY_CASES = {
    "byte level": byte_bpe,
    "byte level, prefix space": lambda: byte_bpe(prefix=True),
    "digits then byte level": lambda: byte_bpe(pre_tokenizers.Digits(individual_digits=True)),
    "digit runs": lambda: byte_bpe(pre_tokenizers.Digits(individual_digits=False)),
    "punctuation": lambda: byte_bpe(pre_tokenizers.Punctuation("contiguous")),
    "cl100k": lambda: byte_bpe(
        pre_tokenizers.Split(Regex(CL100K), "isolated"), use_regex=False
    ),
    "cl100k, inverted and removed": lambda: byte_bpe(
        pre_tokenizers.Split(Regex(CL100K), "removed", invert=True), use_regex=False
    ),
    "qwen2 with NFC": lambda: byte_bpe(
        pre_tokenizers.Split(Regex(QWEN2), "isolated"),
        normalizer=normalizers.NFC(),
        use_regex=False,
    ),
    "split on a string": lambda: byte_bpe(
        pre_tokenizers.Split("sea", "merged_with_previous"), use_regex=False
    ),
    "split before a string": lambda: byte_bpe(
        pre_tokenizers.Split(" ", "merged_with_next"), use_regex=False
    ),
    "lowercase, strip": lambda: byte_bpe(
        normalizer=normalizers.Sequence(
            [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(),
             normalizers.Strip()]
        )
    ),
    "replace": lambda: byte_bpe(
        normalizer=normalizers.Sequence(
            [normalizers.Replace("shell", "bell"), normalizers.Replace(Regex(" {2,}"), " ")]
        )
    ),
    "llama 2": lambda: char_bpe(normalizers.Sequence([normalizers.Prepend("▁"), MARKS])),
    "gemma": lambda: char_bpe(MARKS, pre_tokenizers.Split(" ", "merged_with_previous")),
    "metaspace": lambda: char_bpe(pre=pre_tokenizers.Metaspace()),
    "metaspace, first, not split": lambda: char_bpe(
        pre=pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    ),
    "metaspace, never": lambda: char_bpe(pre=pre_tokenizers.Metaspace(prepend_scheme="never")),
}  # fmt: skip


def spec_of(tokenizer: Tokenizer) -> TokenizerSpec:
    return read_hf_json(json.loads(tokenizer.to_str()), "test")


@pytest.mark.parametrize("case", LIBRARY_CASES)
def test_bpe_specs_encode_as_the_tokenizers_library_does(case):
    reference = LIBRARY_CASES[case]()
    ours = TextTokenizer(spec_of(reference))
    for text in SAMPLES + CORPUS[:4]:
        expected = reference.encode(text, add_special_tokens=False).ids
        assert list(ours.encode(text)) == expected, text


@pytest.mark.parametrize(
    "pre",
    [
        pre_tokenizers.Metaspace(),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    ],
    ids=["metaspace", "whitespace then metaspace"],
)
def test_unigram_specs_encode_as_the_tokenizers_library_does(pre):
    reference = unigram(normalizers.Replace(Regex(" {2,}"), " "), pre)
    ours = TextTokenizer(spec_of(reference))
    for text in ["", " ", "the sea", " the  sea shells ", "She sells shells, doesn't she?"]:
        expected = reference.encode(text, add_special_tokens=False).ids
        assert list(ours.encode(text)) == expected, text


def test_wordpiece_specs_encode_as_the_tokenizers_library_does():
    reference = wordpiece()
    spec = spec_of(reference)
    ours = TextTokenizer(spec)
    for text in ["", "The Sea shells", "doesn't  she\n sell?", "Café Größe, 12345"]:
        expected = reference.encode(text, add_special_tokens=False).ids
        assert list(ours.encode(text)) == expected, text
    vocab = reference.get_vocab()
    whole = next(text for text in vocab if text.isalpha() and len(text) > 2)
    part = next(text for text in vocab if text.startswith("##") and len(text) > 3)
    assert spec.token_bytes[vocab[whole]] == b" " + whole.encode()
    assert spec.token_bytes[vocab[part]] == part[2:].encode()
    assert spec.continuing is not None
    assert spec.continuing[vocab[part]]
    assert not spec.continuing[vocab[whole]]


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=64))
def test_the_byte_alphabet_is_a_bijection(data):
    assert bytes_of(text_of(data)) == data


@pytest.mark.parametrize("text", [" ", "日", "a b", "\n", "\xad", "\uffff"])
def test_text_outside_the_byte_alphabet_spells_no_bytes(text):
    assert bytes_of(text) is None


def encode_pairs(table, ids):
    """Slow, obvious BPE over a merge table."""
    ranks = {
        (int(a), int(b)): (int(k), int(c))
        for a, b, c, k in zip(table.left, table.right, table.result, table.rank, strict=True)
    }
    ids = list(ids)
    while True:
        found = [(ranks[p][0], i) for i, p in enumerate(zip(ids, ids[1:], strict=False))
                 if p in ranks]  # fmt: skip
        if not found:
            return ids
        _, i = min(found)
        ids[i : i + 2] = [ranks[ids[i], ids[i + 1]][1]]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_dropping_idle_merges_changes_no_encoding(data):
    words = {"a": 0, "b": 1, "c": 2}
    pairs = []
    for _ in range(data.draw(st.integers(1, 14))):
        left, right = data.draw(st.sampled_from(sorted(words))), data.draw(
            st.sampled_from(sorted(words))
        )
        words.setdefault(left + right, len(words))
        pairs.append((left, right))
    pairs += data.draw(st.lists(st.sampled_from(pairs), max_size=3))
    # Published files list every way to cut a token; add some.
    for word in list(words):
        for cut in range(1, len(word)):
            if word[:cut] in words and word[cut:] in words and data.draw(st.booleans()):
                pairs.append((word[:cut], word[cut:]))
    table = listed_merges(pairs, words, "test")
    units = {i: [words[char] for char in word] for word, i in words.items()}
    small = drop_idle_merges(table, units)
    results, counts = np.unique(small.result, return_counts=True)
    assert counts.max() == 1
    assert set(results) == set(table.result)
    for _ in range(10):
        text = data.draw(st.text("abc", max_size=24))
        ids = [words[char] for char in text]
        assert encode_pairs(small, ids) == encode_pairs(table, ids)


def test_of_two_equal_merges_the_later_one_counts():
    ids = {text: i for i, text in enumerate(["a", "b", "c", "ab", "bc"])}
    table = listed_merges([("a", "b"), ("b", "c"), ("a", "b")], ids, "test")
    assert table.result.tolist() == [ids["bc"], ids["ab"]]
    assert table.rank.tolist() == [1, 2]


def test_ranked_merges_list_every_cut_and_share_the_rank_of_their_result():
    ranks = {b"a": 0, b"b": 1, b"ab": 2, b"ba": 3, b"aba": 4}
    table = merges_by_rank(ranks)
    entries = set(zip(table.left.tolist(), table.right.tolist(), table.result.tolist(),
                      strict=True))  # fmt: skip
    assert entries == {(0, 1, 2), (1, 0, 3), (2, 0, 4), (0, 3, 4)}
    assert (table.rank == table.result).all()


def toy(**changes):
    """A tokenizer.json as a dict: byte-level BPE over `ab`."""
    vocab = {char: i for i, char in enumerate(sorted(BYTE_LEVEL.alphabet()))}
    vocab |= {"ab": 256, "abab": 257}
    document = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "post_processor": None,
        "model": {"type": "BPE", "vocab": vocab, "merges": ["a b", "ab ab"]},
    }
    return document | changes


def added(token_id, content, **options):
    base = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False}  # fmt: skip
    return {"id": token_id, "content": content, **base, **options}


def test_added_tokens_are_literals_unless_control_tokens_by_flag_or_spelling():
    tokens = [
        added(258, "<think>"),
        added(259, "<|im_end|>"),
        added(260, "<\uff5cUser\uff5c>"),
        added(261, "[X]", special=True),
    ]
    spec = read_hf_json(toy(added_tokens=tokens), "test")
    kinds = [TokenKind(kind) for kind in spec.kinds[258:]]
    assert kinds == [TokenKind.LITERAL] + [TokenKind.SPECIAL] * 3
    assert spec.token_bytes[258:] == (b"<think>", b"", b"", b"")
    assert spec.special_tokens == {"<|im_end|>": 259, "<\uff5cUser\uff5c>": 260, "[X]": 261}
    assert spec.eos_ids == (259,)


def test_declared_ids_are_kept_and_the_runtimes_are_noted():
    tokens = [added(300, "<one>"), added(310, "<two>")]
    document = toy(added_tokens=tokens)
    spec = read_hf_json(document, "test")
    reference = Tokenizer.from_str(json.dumps(document))
    assert spec.token_bytes[300] == b"<one>"
    assert spec.kinds[299] == TokenKind.UNUSED
    assert spec.runtime_ids == {
        300: reference.token_to_id("<one>"),
        310: reference.token_to_id("<two>"),
    }


def test_literals_are_cut_out_before_the_normalizer_unless_normalized():
    document = toy(normalizer={"type": "Lowercase"}, added_tokens=[added(258, "<AB>")])
    spec = read_hf_json(document, "test")
    assert spec.normalizer is not None
    assert spec.normalizer("AB<AB>AB") == "ab<AB>ab"
    assert list(TextTokenizer(spec).encode("AB<AB>AB")) == (
        Tokenizer.from_str(json.dumps(document)).encode("AB<AB>AB").ids
    )


def test_a_leading_special_of_the_template_is_bos():
    template = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A $B </s>", special_tokens=[("<s>", 258), ("</s>", 259)]
    )
    tokenizer = byte_bpe()
    tokenizer.post_processor = template
    tokenizer.decoder = decoders.ByteLevel()
    document = json.loads(tokenizer.to_str())
    assert read_hf_json(document, "test").bos_ids == (258,)


def test_tokenizer_config_names_bos_and_eos(tmp_path):
    tokens = [added(258, "[B]", special=True), added(259, "[E]", special=True)]
    (tmp_path / "tokenizer.json").write_text(json.dumps(toy(added_tokens=tokens)))
    config = {"add_bos_token": True, "bos_token": {"content": "[B]"}, "eos_token": "[E]"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    spec = read_spec(tmp_path)
    assert (spec.bos_ids, spec.eos_ids) == ((258,), (259,))


def test_byte_level_means_the_gpt2_pattern():
    spec = read_hf_json(toy(), "test")
    assert spec.splits == (SplitRule(GPT2),)
    assert spec.normalizer is None
    assert not spec.char_units


UNSUPPORTED = {
    "dropout": {"model": toy()["model"] | {"dropout": 0.1}},
    "end_of_word_suffix": {"model": toy()["model"] | {"end_of_word_suffix": "</w>"}},
    "continuing_subword_prefix": {"model": toy()["model"] | {"continuing_subword_prefix": "@@"}},
    "WordLevel": {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}},
    "UnicodeScripts": {"pre_tokenizer": {"type": "UnicodeScripts"}},
    "FixedLength": {"pre_tokenizer": {"type": "FixedLength", "length": 5}},
    "lstrip": {"added_tokens": [added(258, "<x>", lstrip=True)]},
    "single_word": {"added_tokens": [added(258, "<x>", single_word=True)]},
    "Mystery": {"normalizer": {"type": "Mystery"}},
}


@pytest.mark.parametrize("named", UNSUPPORTED)
def test_what_a_spec_cannot_say_is_refused_by_name(named):
    with pytest.raises(UnsupportedError, match=named):
        read_hf_json(toy(**UNSUPPORTED[named]), "test")


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


@pytest.mark.parametrize("kind", ["word", "char"])
def test_word_and_char_models_are_refused_by_name(tmp_path, kind):
    path, _ = sentencepiece_model(tmp_path, model_type=kind, vocab_size=60)
    with pytest.raises(UnsupportedError, match=kind.upper()):
        read_spec(path)


def test_the_format_is_seen_from_the_content_not_the_name(tmp_path):
    path = tmp_path / "anything.bin"
    path.write_text(json.dumps(toy()))
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
    tokens = [*sorted(BYTE_LEVEL.alphabet()), "ab", "12", "<|im_end|>", "<think>", "[PAD1]"]
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
    one, two = (sorted(BYTE_LEVEL.alphabet()).index(digit) for digit in "12")
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


REAL = os.environ.get("TOKKIT_TEST_TOKENIZERS", "")


@pytest.mark.real
@pytest.mark.skipif(not REAL, reason="TOKKIT_TEST_TOKENIZERS names no folder of tokenizers")
def test_real_tokenizers_encode_as_the_tokenizers_library_does():
    paths = sorted(Path(REAL).rglob("tokenizer.json"))
    assert paths, "no tokenizer.json below TOKKIT_TEST_TOKENIZERS"
    for path in paths:
        document = json.loads(path.read_text(encoding="utf-8"))
        control = set(read_spec(path).special_tokens)
        # The library cuts control tokens out of any text; without them, only ids move.
        document["added_tokens"] = [
            token for token in document["added_tokens"] if token["content"] not in control
        ]
        reference = Tokenizer.from_str(json.dumps(document))
        declared = {
            reference.token_to_id(token["content"]): token["id"]
            for token in document["added_tokens"]
        }
        ours = TextTokenizer(read_spec(path))
        for text in [sample for sample in SAMPLES if "▁" not in sample] + CORPUS[:4]:
            ids = reference.encode(text, add_special_tokens=False).ids
            assert list(ours.encode(text)) == [declared.get(i, i) for i in ids], (path, text)
